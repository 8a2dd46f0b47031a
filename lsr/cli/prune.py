"""`lsr prune`: a smaller index, or a smaller file of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note, print_json, print_text, progress_bar
from lsr.cli.options import Device, Force, Json, OtherModel, drawable, threads_here
from lsr.cli.useless import refuse
from lsr.core.unfinished import announce

if TYPE_CHECKING:
    from lsr.vectors.pruning import Rule

_RULES = "The rule: one of these"
_CURVE = "The curve"


def run(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="An index, or a file of vectors: .parquet, .jsonl[.gz|.zst], .ciff[.gz|.zst].",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The index or file to make, of the same kind as INPUT.", show_default=False
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(min=1, help="Keep each document's N heaviest terms.", metavar="N", rich_help_panel=_RULES),
    ] = None,
    mass: Annotated[
        float | None,
        typer.Option(
            help="Keep the heaviest terms that together hold this share of the sum of a document's weights.",
            metavar="SHARE",
            rich_help_panel=_RULES,
        ),
    ] = None,
    max_ratio: Annotated[
        float | None,
        typer.Option(
            help="Drop terms below this share of the document's heaviest weight.",
            metavar="SHARE",
            rich_help_panel=_RULES,
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Drop weights below this.", metavar="WEIGHT", rich_help_panel=_RULES)
    ] = None,
    quantile: Annotated[
        float | None,
        typer.Option(
            help="Drop the lightest weights of all documents, this share of them.",
            metavar="SHARE",
            rich_help_panel=_RULES,
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, callback=threads_here, help="Threads. (default: all)")] = None,
    force: Force = False,
    curve: Annotated[
        str | None,
        typer.Option(
            metavar="COLLECTION",
            help="Instead of making anything, measure what each rule costs and saves on this judged collection (a BEIR "
            "folder, or irds:NAME), whose index INPUT is.",
            show_default=False,
            rich_help_panel=_CURVE,
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure this rule; repeat for more. (default: top_k, mass, max_ratio, quantile)",
            show_default=False,
            rich_help_panel=_CURVE,
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves in this .png or .svg file.", rich_help_panel=_CURVE)
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Judged split of a BEIR folder. (default: test)", rich_help_panel=_CURVE)
    ] = None,
    model: OtherModel = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Drop the lightest terms of documents, for a smaller, faster index that finds nearly the same.

    Every document keeps its heaviest term. A pruned index is searched as before, by text too; `lsr inspect` shows how
    it was pruned. Use --curve first to see what each rule costs in nDCG@10 and saves in size and time.

    Examples:

        lsr prune my-index -o small-index --quantile 0.3

        lsr prune docs.parquet -o small.parquet --top-k 64

        lsr prune my-index --curve scifact/ --plot curve.svg

        lsr prune my-index --curve scifact/ --rule top_k --json
    """
    values = {"top_k": top_k, "mass": mass, "max_ratio": max_ratio, "threshold": threshold, "quantile": quantile}
    given = {name: value for name, value in values.items() if value is not None}
    if curve is not None:
        if given or out is not None:
            fail("--curve measures rules at many strengths and makes nothing: leave out --output and the rule")
        refuse(context, "is for --output: --curve measures, and makes nothing", "force")
        _measure(source, curve, rule, plot, split, model, device, threads, as_json)
        return
    if rule or plot or split or model or device:
        fail("--rule, --plot, --split, --model and --device need --curve")
    if out is None:
        fail("give --output for the result, or --curve with a judged collection to measure")
    if len(given) != 1:
        options = [f"--{name.replace('_', '-')}" for name in given or values]
        asked = f"one of {', '.join(options)}" if not given else f"one rule, not {' and '.join(options)}"
        fail(f"give {asked}")
    if source.is_file():
        refuse(context, "is for an index, which is built again: a file of vectors is read on one thread", "threads")
    announce(out)
    from lsr.vectors.pruning import RULES

    [(name, value)] = given.items()
    _prune(source, out, RULES[name](value), threads, force, as_json)  # type: ignore[call-arg]


def _prune(source: Path, out: Path, rule: Rule, threads: int | None, force: bool, as_json: bool) -> None:
    from lsr.index import Index, prune_index
    from lsr.text.lines import content_suffix
    from lsr.vectors.files import FORMATS
    from lsr.vectors.prune_file import prune_file
    from lsr.vectors.pruning import Pruning

    if source.is_file():
        before = source.stat().st_size
        done = prune_file(source, out, rule, force=force, stages=progress_bar)
        after = out.stat().st_size
    else:
        index = Index.open(source)
        if content_suffix(out) in FORMATS:
            fail(f"a pruned index is an index: name a folder as --output, then `lsr export` it to {out}")
        before = index.describe()["bytes"]["total"]
        pruned = prune_index(index, out, rule, threads=threads, force=force, stages=progress_bar)
        after = pruned.describe()["bytes"]["total"]
        done = Pruning.from_record(pruned.manifest.prunings[-1])
        if index.manifest.relevance:
            note("relevance is of the scores before: `lsr calibrate` finds it again")
    if as_json:
        sizes = {"dropped_share": done.dropped_share, "bytes_before": before, "bytes_after": after}
        print_json({"output": str(out), **done.to_record(), **sizes})
    else:
        note(
            f"{out}: {done} ({done.dropped_share:.1%} dropped), {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} after"
        )


def _measure(
    source: Path,
    collection: str,
    names: list[str] | None,
    plot: Path | None,
    split: str | None,
    model: str | None,
    device: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    from lsr.eval import load_collection
    from lsr.eval.tuning.pruning import CURVES, measure_curve, strengths
    from lsr.eval.tuning.pruning_report import curve_table, save_plot
    from lsr.search.retriever import Retriever

    drawing = drawable(plot)
    judged = load_collection(collection, split)
    retriever = Retriever.open(source, model=model, device=device)
    rules = strengths(retriever.index, names or CURVES)
    points = measure_curve(retriever, judged, rules, threads=threads, stages=progress_bar)
    if drawing is not None:
        save_plot(points, [drawing], title=f"{source.name} on {judged.name}")
    if as_json:
        answer: dict[str, Any] = {"index": str(source), "collection": judged.name, "split": judged.split}
        print_json({**answer, "points": [point.to_record() for point in points]})
    else:
        print_text(curve_table(points))
