"""`lsr calibrate`: find what the scores of an index say of relevance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, print_text, progress_bar
from lsr.cli.options import Device, EncodingThreads, IndexPath, Json, drawable
from lsr.cli.search_flags import asked, search_command
from lsr.core.counted import counted

if TYPE_CHECKING:
    from lsr.eval.tuning.relevance import CalibrationResult

COMMAND = search_command(why="and the others that the index has")


def run(
    context: typer.Context,
    index: IndexPath,
    queries: Annotated[
        str | None,
        typer.Option(help="Typical queries: a BEIR folder, a .jsonl or .tsv file, irds:NAME.", show_default=False),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="Judgements of the queries, for relevances that are probabilities.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the reliability diagram, and what thresholds do, in this .png or .svg file."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove what was stored.")] = False,
    device: Device = None,
    threads: EncodingThreads = None,
    as_json: Json = False,
) -> None:
    """Find what scores say of relevance, and store it in the index.

    Hits then have a `relevance` from 0 to 1, and `lsr search --min-relevance 0.5` finds nothing where nothing is
    relevant. With --queries and --qrels, relevance is the probability that a document would be judged relevant. Without
    them, it says how far a score is above those that queries of random words get; choose a threshold by the table.

    All modes of the index are calibrated, or the search that flags name. To be run again when the model, the weight of
    words or most of the documents have changed.

    Examples:

        lsr calibrate my-index --queries queries.jsonl --qrels qrels/train.tsv

        lsr calibrate my-index --plot relevance.svg

        lsr calibrate my-index --queries queries.jsonl --qrels qrels/train.tsv --mode hybrid --rerank late
    """
    from lsr.eval import read_qrels
    from lsr.eval.tuning.relevance import calibrate, save_plot
    from lsr.index import Index
    from lsr.search.flat import plan_of
    from lsr.search.relevance import clear_calibrations, store_calibration
    from lsr.search.retriever import Retriever
    from lsr.text import open_queries

    if (queries is None) != (qrels is None):
        fail("--queries and --qrels go together: leave out both to calibrate without judgements")
    drawing = drawable(plot)
    opened = Index.open(index)
    if clear:
        if queries is not None or plot is not None or asked(context).first_flag is not None:
            fail("--clear removes what was stored, and measures nothing: give it alone")
        clear_calibrations(opened)
        print_json({"calibrations": []}) if as_json else note(f"{index}: no longer calibrated")
        return
    if asked(context).first_flag is not None or asked(context).show:
        plan = asked(context).plan()
        if asked(context).show:
            print_json(plan.to_record())
            return
        plans = {plan.mode: plan}
    else:
        modes = ["auto", *(["dense", "hybrid", "sparse-first"] if "dense" in opened.parts else [])]
        plans = {"sparse" if mode == "auto" else mode: plan_of(mode) for mode in modes}
    judged = None if queries is None else list(open_queries(queries))
    judgements = None if qrels is None else read_qrels(qrels)
    retriever = Retriever(opened, device=device)
    results: dict[str, CalibrationResult] = {}
    for mode, plan in plans.items():
        results[mode] = calibrate(retriever, plan, judged, judgements, stages=progress_bar)
        store_calibration(opened, results[mode].calibration)
    if drawing is not None:
        save_plot(results, drawing, title=index.resolve().name)
    if as_json:
        print_json({mode: result.to_record() for mode, result in results.items()})
        return
    for mode, result in results.items():
        _print(mode, result)


def _print(mode: str, result: CalibrationResult) -> None:
    from lsr.eval.reports.markdown import markdown_table

    made = result.calibration
    head = ["min_relevance", "abstains on random words"]
    if made.judged:
        head += ["relevant hits kept", "queries answered"]
    lines = [
        [f"{each.relevance:g}", f"{each.abstains:.1%}"]
        + ([] if each.kept is None or each.answered is None else [f"{each.kept:.1%}", f"{each.answered:.1%}"])
        for each in result.thresholds
    ]
    print_text(markdown_table(head, lines))
    if made.judged:
        how = (
            f"on {counted(made.queries, 'judged queries')}; on those that had no part, the expected calibration error "
            f"is {made.ece:.3f}, the Brier score {made.brier:.3f}"
        )
    else:
        how = f"on {counted(made.queries, 'queries')} of random words: how sure it is that a hit is no accident"
    print_text(f"\n{mode}: calibrated {how}; stored\n")
