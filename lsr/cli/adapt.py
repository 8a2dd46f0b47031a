"""`lsr adapt`: a better encoder for a corpus without judgements."""

from __future__ import annotations

from dataclasses import MISSING, fields
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note, output, print_json, progress_bar
from lsr.cli.interruption import interruption
from lsr.cli.options import Device, EncodingThreads, Json, Model
from lsr.cli.train import changes_of, plan_rows
from lsr.encoding.catalogue import DEFAULT_MODEL

if TYPE_CHECKING:
    from lsr.training.adapt import AdaptSettings


def run(
    corpus: Annotated[
        str,
        typer.Argument(
            help="A BEIR folder, a .jsonl, .tsv or .parquet file, a folder of text files, or irds:NAME.",
            show_default=False,
        ),
    ],
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", help="The folder of the run; the encoder is its model/.", show_default=False),
    ],
    model: Model = DEFAULT_MODEL,
    teachers: Annotated[
        list[str] | None,
        typer.Option(
            "--teacher",
            "-t",
            help="A teacher, as for `lsr score`; repeat for more. (default: bm25, minilm and splade-tiny)",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Number of training steps.")] = 400,
    queries: Annotated[int, typer.Option(min=1, help="The most pseudo-queries of each kind to train on.")] = 20_000,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Change a setting (batch_size, negatives, learning_rate, max_length, sparsity) or a field of the "
            "training run, as run.warmup or losses.1.weight; words.weight lets losses see the sum with words.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan, and do nothing.")] = False,
    threads: EncodingThreads = None,
    device: Device = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random choices.")] = 42,
    as_json: Json = False,
) -> None:
    """Train an encoder for your corpus, from nothing but its text.

    Titles and cropped sentences stand in for queries, search finds candidates for them, an ensemble of teachers scores
    these, and a short run learns the scores. The same command resumes an interrupted run.

    Examples:

        lsr adapt my-corpus.jsonl -o my-run

        lsr adapt my-beir-folder -o my-run --steps 1000 --teacher bm25 --teacher my-cross-encoder
    """
    from lsr.training.adapt import adapt

    known = {"base": model, "steps": steps, "queries": queries, "seed": seed}
    if teachers:
        known["teachers"] = tuple(teachers)
    given = changes_of(changes)
    of_run = {name: value for name, value in given.items() if "." in name}
    settings = _settings(known, {name: value for name, value in given.items() if name not in of_run})
    if dry_run:
        _print_plan(corpus, folder, settings, of_run, device, as_json)
        return
    with interruption(partial(_kept, folder)):
        adapted = adapt(corpus, folder, settings, changes=of_run, device=device, stages=progress_bar)
    if as_json:
        print_json(
            {
                "model": str(adapted.model),
                "queries": adapted.queries,
                "held_out": adapted.held_out,
                "before": adapted.before,
                "after": adapted.after,
            }
        )
        return
    output.print(f"{adapted.held_out:,} held-out pseudo-queries       before      after")
    for name in adapted.before:
        output.print(f"{name:36} {adapted.before[name]:10.3f} {adapted.after[name]:10.3f}")
    output.print(f"\n{adapted.model}\n\nNext: lsr index {corpus} --model {adapted.model}")


def _settings(known: dict[str, Any], given: dict[str, Any]) -> AdaptSettings:
    """The settings; exits with 2 for a --set of none of them, or of one that has a flag."""
    from lsr.training.adapt import AdaptSettings

    defaults = {each.name: each.default for each in fields(AdaptSettings) if each.default is not MISSING}
    free = sorted(defaults.keys() - known.keys() - {"teachers"})
    for name, value in given.items():
        if name not in free:
            near = get_close_matches(name, free, 1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            fail(f"--set {name}: there are {', '.join(free)}, and fields of the run such as run.warmup{meant}")
        kind = type(defaults[name])
        if isinstance(value, bool) or not isinstance(value, int | float) or (kind is int and value != int(value)):
            fail(f"--set {name} takes a {'whole number' if kind is int else 'number'}, not {value!r}")
        if value <= 0:
            fail(f"--set {name} must be above 0, not {value!r}")
    return AdaptSettings(**(known | {name: type(defaults[name])(value) for name, value in given.items()}))


def _print_plan(
    corpus: str, folder: Path, settings: AdaptSettings, changes: dict[str, Any], device: str | None, as_json: bool
) -> None:
    from lsr.training.adapt import plan_adaptation
    from lsr.training.run.folder import RunFolder
    from lsr.training.run.plan import plan

    RunFolder(folder).check(None)
    found = plan_adaptation(corpus, settings, changes=changes, device=device)
    run = plan(found.config, device=device, scores_follow=True)
    if as_json:
        record = {"documents": found.documents, "kinds": found.kinds, "queries": found.queries}
        print_json({**record, "teachers": found.teachers, "run": run.to_record()})
        return
    documents = "unknown until they are read" if found.documents is None else f"{found.documents:,}"
    rows = [("documents", documents)]
    rows.append(("queries", f"at most {found.queries:,} of each kind: {', '.join(found.kinds)}"))
    rows.append(("teachers", ", ".join(found.teachers)))
    rows += [row for row in plan_rows(run, found.config) if row[0] not in ("recipe", "data")]
    for name, value in rows:
        output.print(f"{name:13} {value}")
    for warning in run.warnings:
        note(f"warning: {warning}")


def _kept(folder: Path) -> str:
    from lsr.training.run.folder import RunFolder

    step = RunFolder(folder).saved_step()
    saved = "" if step is None else f" and step {step:,} of the training"
    return f"{folder} keeps the data{saved}; the same command goes on"
