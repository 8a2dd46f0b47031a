"""`lsr train`: train a sparse encoder from a recipe."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note, output, print_json, progress_bar
from lsr.cli.interruption import interruption
from lsr.cli.options import EncodingThreads, Json, Restart
from lsr.cli.useless import refuse
from lsr.core.counted import counted
from lsr.core.errors import InputError

if TYPE_CHECKING:
    from lsr.training.config import TrainingConfig
    from lsr.training.run.plan import Plan


def run(
    context: typer.Context,
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe's name (`--list`), a YAML file, or the folder of a run.", show_default=False),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder of the run.", show_default=False)
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Train on this instead of the recipe's data; repeat for more.", show_default=False),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan without training.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves of a run in this .png or .svg file.", show_default=False)
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the recipes.")] = False,
    threads: EncodingThreads = None,
    device: Annotated[
        str | None,
        typer.Option(help="auto, cpu, cuda or mps. (default: auto, a GPU where there is one)", show_default=False),
    ] = None,
    restart: Restart = False,
    as_json: Json = False,
) -> None:
    """Train a sparse encoder.

    The run's folder receives the encoder (model/), the log (log.jsonl) and checkpoints. To resume an interrupted run,
    use the same command or `lsr train FOLDER`. On several GPUs: `torchrun --nproc-per-node 8 --no-python lsr train …`.

    Examples:

        lsr train --list

        lsr train doc-tiny -o my-run --data scored --set run.steps=2000

        lsr train splade-pp-ed --dry-run

        lsr train my-run --plot curves.svg
    """
    from lsr.training.recipes import recipe_path, recipes

    if listed:
        why = "is for a run: --list only lists the recipes"
        refuse(context, why, "recipe", "folder", "data", "changes", "dry_run", "plot", "restart", "device")
        _list(recipes(), as_json)
        return
    if recipe is None:
        fail("name a recipe, a YAML file or the folder of a run; `lsr train --list` lists the recipes")
    if plot is not None:
        why = "is for training: --plot draws what a run has logged, and trains nothing"
        refuse(context, why, "folder", "data", "changes", "dry_run", "restart", "device", "as_json")
        _plot(Path(recipe), plot)
        return
    from lsr.training.config import read_config

    given = changes_of(changes)
    if data:
        given["data"] = [{"source": source} for source in data]
    started = Path(recipe) / "config.yaml"
    if started.exists():
        if given:
            fail(f"{recipe} is a run, whose configuration is fixed: start a new one with a recipe and --output")
        refuse(context, f"is for a new run: {recipe} is one, which goes on where it is; leave it out", "folder")
        folder, path = Path(recipe), started
    else:
        path = recipe_path(recipe)
    config = read_config(path, given, changed_by="--set" if changes else "--data")
    if dry_run:
        if folder is not None:
            from lsr.training.run.folder import RunFolder

            RunFolder(folder).check(None if restart else config)
        _print_plan(config, device, as_json)
        return
    if folder is None:
        fail("name the folder of the run: --output FOLDER")
    from lsr.training.run import train

    for warning in config.warnings():
        note(f"warning: {warning}")
    with interruption(partial(_kept, folder)):
        model = train(config, folder, restart=restart, device=device, stages=progress_bar)
    if as_json:
        print_json({"model": str(model), "log": str(folder / "log.jsonl")})
    else:
        output.print(f"{model}\n\nNext: lsr eval COLLECTION --model {model}")


def _kept(folder: Path) -> str:
    from lsr.training.run.folder import RunFolder

    step = RunFolder(folder).saved_step()
    if step is None:
        return f"no step was finished; the same command, or `lsr train {folder}`, begins with the data that are ready"
    return f"step {step:,} is saved; `lsr train {folder}` goes on from there"


def changes_of(given: list[str] | None) -> dict[str, Any]:
    """The values of --set, by their names; exits with 2 for what is none."""
    from lsr.core.structured import parse_yaml

    found: dict[str, Any] = {}
    for item in given or ():
        name, equals, value = item.partition("=")
        if not equals or not name:
            fail(f"--set takes FIELD=VALUE, such as run.steps=1000, not {item!r}")
        try:
            found[name] = parse_yaml(value)
        except InputError as error:
            fail(f"--set {name}: {value[:80]!r} {error.reason}")
    return found


def _plot(run: Path, path: Path) -> None:
    from lsr.training.run.curves import save_curves
    from lsr.training.run.folder import LOG
    from lsr.training.run.log import read_log

    save_curves(read_log(run / LOG), path, title=run.name)
    output.print(str(path))


def _list(found: dict[str, Path], as_json: bool) -> None:
    from lsr.training.config import read_config

    about = {name: read_config(path).about for name, path in found.items()}
    if as_json:
        print_json([{"name": name, "title": each.title, "hardware": each.hardware} for name, each in about.items()])
        return
    for name, each in about.items():
        output.print(f"{name:26} {each.title} ({each.hardware})")


def _print_plan(config: TrainingConfig, device: str | None, as_json: bool) -> None:
    from lsr.training.run.plan import plan

    made = plan(config, device=device)
    if as_json:
        print_json(made.to_record())
        return
    for name, value in plan_rows(made, config):
        output.print(f"{name:13} {value}")
    for warning in made.warnings:
        note(f"warning: {warning}")


def plan_rows(made: Plan, config: TrainingConfig) -> list[tuple[str, str]]:
    """What the plan of a run says, by the words for it."""
    about, run = config.about, config.run
    rows = [("recipe", made.title), ("source", about.source), ("published", about.published)]
    rows.append(("hardware", about.hardware))
    if made.parameters is not None:
        rows.append(("parameters", f"{made.parameters:,}, of which {made.trained:,} are trained"))
    rows += [("data", "; ".join(made.data)), ("data's origin", about.data)]
    steps = f"{made.steps:,}" if made.steps is not None else f"{run.epochs:g} epochs of the data"
    rows.append(("steps", f"{steps}, each of {counted(made.queries, 'queries')} and {counted(made.texts, 'texts')}"))
    rows.append(("loss", " + ".join(made.losses)))
    rows.append(("penalties", "; ".join(made.penalties) or "none"))
    if made.memory:
        parts = ", ".join(f"{name} {size / 2**30:.2f}" for name, size in made.memory.items())
        rows.append(("memory", f"about {sum(made.memory.values()) / 2**30:.1f} GiB on each device: {parts}"))
    return [(name, value) for name, value in rows if value]
