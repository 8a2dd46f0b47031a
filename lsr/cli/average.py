"""`lsr average`: several training runs as one model."""

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
        typer.Argument(metavar="MODEL...", help="Two or more models, trained from one start.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="The folder of the new model.", show_default=False)],
    weight: Annotated[
        list[float] | None,
        typer.Option(help="Of each model in the mean, in their order. (default: equal)", show_default=False),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make one model of several runs of a recipe: the mean of their weights.

    Runs that start from the same model and differ in seed, or in steps, differ by noise; their mean has less of it. It
    often ranks better than each of them, and is as large and fast as one. Measure it: models that do not come from one
    start average to nothing.

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
