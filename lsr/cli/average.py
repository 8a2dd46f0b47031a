"""`lsr average`: average several training runs into one model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.console import output, print_json, progress_bar
from lsr.cli.options import Force, Json
from lsr.core.unfinished import announce


def run(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Two or more models, trained from the same start.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="The folder of the new model.", show_default=False)],
    weight: Annotated[
        list[float] | None,
        typer.Option(help="The weight of each model in the mean, in their order. (default: equal)", show_default=False),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Average the weights of several runs of a recipe into one model.

    Runs that start from the same model and differ in seed or steps differ by noise, of which their mean has less. It
    often ranks better than each of them, and is as large and fast as one. Measure it: the average of models with
    different starts is useless.

    Examples:

        lsr average run-1/model run-2/model run-3/model -o my-model

        lsr average run-1/model run-2/model -o my-model --weight 0.7 --weight 0.3
    """
    from lsr.training.averaging import average_models

    announce(out)
    with progress_bar("averaging", None, "files") as progress:
        made = average_models(models, out, weights=weight, force=force, progress=progress)
    if as_json:
        print_json({"model": str(made), "models": models})
    else:
        output.print(f"{made}\n\nNext: lsr eval COLLECTION --model {made}")
