"""`lsr tune`: find the fastest search for the recall that you need."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note, print_json, print_text, progress_bar
from lsr.cli.options import Device, EncodingThreads, IndexPath, Json, OtherModel, drawable
from lsr.cli.search_flags import asked, refuse_asked, search_command
from lsr.cli.useless import refuse
from lsr.core.counted import counted, verb
from lsr.core.files import check_folder

if TYPE_CHECKING:
    from lsr.eval.tuning.recall import Choice, TuneResult
    from lsr.index import Index
    from lsr.search.retriever import Retriever
    from lsr.vectors.sparse import SparseVectors

COMMAND = search_command("fusion")

# With fewer queries than this, a recall of 0.98 is accurate to a hundredth at best.
_ENOUGH_QUERIES = 200


def run(
    context: typer.Context,
    index: IndexPath,
    queries: Annotated[
        str,
        typer.Option(help="Typical queries: a file of vectors, or of texts as for `lsr search --queries`."),
    ],
    recall: Annotated[list[float], typer.Option(min=0, max=1, help="The recall to reach; repeat for more.")] = [0.98],  # noqa: B006
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Number of hits.")] = 10,
    qrels: Annotated[
        Path | None,
        typer.Option(
            help="Judgements of the queries: find the weights of words and of the dense side instead.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[str, typer.Option(help="With --qrels: the metric to maximise.")] = "nDCG@10",
    plot: Annotated[Path | None, typer.Option(help="Draw recall against time in this .png or .svg file.")] = None,
    query_count: Annotated[int, typer.Option("--max-queries", min=2, help="Use at most this many queries.")] = 1000,
    model: OtherModel = None,
    threads: EncodingThreads = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Find the fastest parameters that reach a recall, and store them in the index.

    Searches then only need the recall: `index.search(…, recall=0.98)`, `lsr search --recall 0.98`. Recall is the share
    of the exact top k that is returned. Parameters are chosen on one half of the queries and verified on the other.
    Nothing else should run meanwhile.

    With --qrels, weights are found instead, where they prove better on held-out queries: that of words beside the
    model's terms, and of an index with dense vectors that of these, one for all queries or one for each. Searches then
    use them.

    Examples:

        lsr tune my-index --queries queries.jsonl --recall 0.98

        lsr tune my-index --queries queries.parquet --recall 0.95 --recall 0.99 --k 100 --plot frontier.svg

        lsr tune my-index --queries queries.jsonl --qrels qrels/dev.tsv
    """
    from lsr.eval.bench.plot import save_plot
    from lsr.eval.bench.rows import in_words
    from lsr.eval.tuning.recall import tune
    from lsr.index import Index, store_tuning
    from lsr.vectors.files import holds_vectors

    if qrels is None:
        why = "is for judged queries, whose weights are tuned: name their --qrels, or leave it out"
        refuse(context, why, "metric")
        refuse_asked(context, why, "fusion")
        if holds_vectors(queries):
            refuse(context, "is for texts to encode: vectors are searched with as they are", "model", "device")
    else:
        why = "is for the search that reaches a recall: with --qrels, weights are tuned, on all judged queries"
        refuse(context, why, "recall", "k", "query_count")
    drawing = drawable(plot)
    opened = Index.open(index)
    check_folder(index)  # where what is found is stored
    if qrels is not None:
        method = asked(context).flat.get("fusion")
        _tune_weights(opened, queries, qrels, method, metric, drawing, as_json, model=model, device=device)
        return
    vectors = _read_queries(opened, queries, query_count, model, device)
    if len(vectors) < _ENOUGH_QUERIES:
        note(
            f"{counted(len(vectors), 'queries')} {verb(len(vectors))} few: "
            f"give {_ENOUGH_QUERIES} or more for a reliable estimate of the recall"
        )
    if opened.documents.windows is not None:
        note(f"recall and the top {k} are counted in windows here, and a document can have several")
    result = tune(opened, vectors, recall, k, stages=progress_bar)
    for choice in result.choices:
        store_tuning(opened, choice.tuning)
        for row in choice.fallen_short:
            note(
                f"recall {choice.tuning.recall:g}: rejected {in_words(row.search_parameters)}, which reached "
                f"{row.halves[0].recall:.4f} on one half of the queries and {row.halves[1].recall:.4f} on the other"
            )
    if drawing is not None:
        save_plot(result.rows, [drawing], title=index.name)
    if as_json:
        print_json(_as_json(result))
    else:
        _print(result, k)


def _read_queries(index: Index, source: str, count: int, model: str | None, device: str | None) -> SparseVectors:
    """Read vectors as they are; encode texts with the index's encoder."""
    from itertools import islice

    from lsr.search.asked import read_query_vectors
    from lsr.search.retriever import Retriever
    from lsr.text import open_queries
    from lsr.vectors.files import holds_vectors

    if holds_vectors(source):
        return read_query_vectors(index, source)[:count]
    asked = list(islice(open_queries(source), count))
    retriever = Retriever(index, model=model, device=device)
    with progress_bar("encoding", len(asked), "queries") as progress:
        vectors = retriever.sparse_queries([query.text for query in asked], [query.id for query in asked])
        progress(len(asked))
    return vectors


def _as_json(result: TuneResult) -> dict[str, Any]:
    return {
        "tunings": [asdict(choice.tuning) for choice in result.choices],
        "rows": [row.to_record() for row in result.rows],
    }


def _print(result: TuneResult, k: int) -> None:
    from lsr.eval.bench.frontier import pareto
    from lsr.eval.bench.rows import in_words
    from lsr.eval.reports.markdown import markdown_table

    head = ["mode", "parameters", f"recall@{k}", "mean µs", "p50", "p95", "p99"]
    lines = []
    for row in pareto(result.rows):
        found = row.overall
        times = (found.mean_us, found.p50_us, found.p95_us, found.p99_us)
        lines.append([row.mode, in_words(row.search_parameters), f"{found.recall:.4f}", *(f"{t:.1f}" for t in times)])
    print_text(markdown_table(head, lines))
    for choice in result.choices:
        print_text("\n" + _chosen(choice))


def _chosen(choice: Choice) -> str:
    from lsr.eval.bench.rows import in_words

    found = choice.tuning
    words = " ".join(part for part in (found.mode, in_words(found.parameters)) if part)
    return (
        f"recall {found.recall:g}: {words}: {found.measured_recall:.4f} in {found.mean_us:.1f} µs on the "
        f"{counted(found.queries, 'queries')} that had no part in the choice; stored"
    )


def _tune_weights(
    index: Index,
    queries: str,
    qrels: Path,
    method: str | None,
    metric: str,
    plot: Path | None,
    as_json: bool,
    **loading: Any,
) -> None:
    """Find and store the weight of words beside a model's terms, and that of dense vectors, as the index has them."""
    from lsr.search.retriever import Retriever

    words = index.parts.get("words")
    tunes_words = words is not None and words.first > 0
    tunes_dense = "dense" in index.parts or not tunes_words
    if method is not None and not tunes_dense:
        fail(f"--fusion is of dense vectors, and {index.path} has none: add them with lsr dense, or leave it out")
    found: dict[str, Any] = {}
    if tunes_words:
        # One file holds one plot: that of the dense side, where there is one.
        own = None if tunes_dense else plot
        lexical = _tune_lexical(Retriever(index, **loading), queries, qrels, metric, own, as_json)
        found = {"lexical": lexical}
    if tunes_dense:
        # Opened again, so that the weight of words is what was found.
        retriever = Retriever.open(index.path, **loading)
        found = _tune_fusion(retriever, queries, qrels, method, metric, plot, as_json) | found
    if as_json:
        print_json(found)


def _tune_lexical(
    retriever: Retriever, queries: str, qrels: Path, metric: str, plot: Path | None, as_json: bool
) -> dict[str, Any]:
    """Find and store the weight of words, and print what it gains, unless it is to be JSON."""
    from lsr.eval import read_qrels
    from lsr.eval.measures.metrics import metric_label
    from lsr.eval.reports.markdown import markdown_table
    from lsr.eval.tuning.lexical import save_plot, tune_lexical
    from lsr.search.lexical import store_lexical
    from lsr.text import open_queries

    asked = list(open_queries(queries))
    found = tune_lexical(retriever, asked, read_qrels(qrels), metric=metric, stages=progress_bar)
    store_lexical(retriever.index, found.tuning)
    if plot is not None:
        save_plot(found, plot, title=retriever.index.path.name)
    if not as_json:
        label = metric_label(found.tuning.metric)
        curve = [[f"{weight:g}", f"{value:.4f}"] for weight, value in found.curve.items()]
        print_text(markdown_table(["weight of words", label], curve))
        print_text(
            f"\nweight of words: {found.tuning.weight:g}; stored. On queries that had no part in the choice, {label} "
            f"is {found.halves['untuned']:.4f} untuned, {found.halves['tuned']:.4f} tuned ({len(asked)} queries, "
            f"{found.tuning.queries} of them judged)\n"
        )
    return asdict(found)


def _tune_fusion(
    retriever: Retriever,
    queries: str,
    qrels: Path,
    method: str | None,
    metric: str,
    plot: Path | None,
    as_json: bool,
) -> dict[str, Any]:
    """Find and store the weight of the dense side, and print what it gains, unless it is to be JSON."""
    from lsr.eval import read_qrels
    from lsr.eval.measures.metrics import metric_label
    from lsr.eval.reports.markdown import markdown_table
    from lsr.eval.tuning.fusion import save_plot, tune_fusion
    from lsr.index.fusion.settings import FusionSettings
    from lsr.index.fusion.tuning import store_tuning
    from lsr.text import open_queries

    index = retriever.index
    fusion = FusionSettings(method=method) if method else FusionSettings()
    found = tune_fusion(
        retriever, list(open_queries(queries)), read_qrels(qrels), fusion=fusion, metric=metric, stages=progress_bar
    )
    store_tuning(index, found.tuning)
    if plot is not None:
        save_plot(found, plot, title=index.path.name)
    if as_json:
        return asdict(found)
    label = metric_label(found.tuning.metric)
    curve = [[f"{weight:.2f}", f"{value:.4f}"] for weight, value in found.curve.items()]
    print_text(markdown_table(["dense weight", label], curve))
    words = "each query's own" if found.tuning.predictor else f"{found.tuning.dense_weight:g}"
    print_text(
        f"\ndense weight: {words}; stored. On queries that had no part in the choice, {label} is "
        f"{found.halves['untuned']:.4f} untuned, {found.halves['fixed']:.4f} with one weight for all, "
        f"{found.halves['predicted']:.4f} with one for each ({found.tuning.queries} judged queries)"
    )
    return asdict(found)
