"""`lsr rerank`: candidates that others found, in a new order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note, print_json, print_text, progress_bar
from lsr.cli.options import Device, EncodingThreads, Force, Json
from lsr.cli.search_flags import asked, search_command
from lsr.cli.useless import refuse
from lsr.core.counted import counted
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.settings import WORDS_ALONE

if TYPE_CHECKING:
    from lsr.eval import Qrels, Run

COMMAND = search_command(default_mode="exact", why="of --index without --model")


def run(
    context: typer.Context,
    candidates: Annotated[
        str,
        typer.Argument(
            metavar="CANDIDATES",
            help="A file of query id, passage id, query and passage, as MS MARCO's top1000.dev, - for stdin; or a TREC "
            "run, or irds:NAME for its scored documents, with --queries and --corpus or --index.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="The TREC run file to write.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="What scores the candidates: a sparse or dense encoder or a cross-encoder; a name from `lsr models`, "
            f"a folder, or a hub name. (default: {DEFAULT_MODEL}; with --index, the index's own vectors)",
            show_default=False,
        ),
    ] = None,
    queries: Annotated[
        str | None, typer.Option(help="The texts of a run's queries: any file of queries.", show_default=False)
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="The texts of a run's documents: any corpus.", show_default=False)
    ] = None,
    index: Annotated[Path | None, typer.Option(help="An index that has a run's documents.", show_default=False)] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="Judgements: measure the new run by them.", show_default=False)
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Measure this; repeat for more. (default: MRR@10)", show_default=False)
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Keep this many of each query's candidates.")] = 1000,
    max_length: Annotated[
        int | None,
        typer.Option(min=2, help="The most tokens of a text that the model reads. (default: the model's own)"),
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="The tag in the run file. (default: the model's name)", show_default=False)
    ] = None,
    threads: EncodingThreads = None,
    device: Device = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Put candidates that others found in the order of a model, and write a TREC run file.

    Texts are read and scored as they come; no file of them is ever in memory as a whole. In an index, without --model,
    candidates are ranked as a search would rank them: with words, and by any of the flags of a search.

    Examples:

        lsr rerank top1000.dev -m lsr-doc-tiny -o reranked.trec --qrels qrels.dev.small.tsv

        lsr rerank bm25.trec -m minilm --queries queries.tsv --corpus collection.tsv -o reranked.trec

        lsr rerank bm25.trec --queries scifact/ --index my-index --mode hybrid -o reranked.trec
    """
    from lsr.core.files import check_file
    from lsr.eval import read_qrels, write_run
    from lsr.eval.measures.metrics import metric_names

    if qrels is None:
        refuse(context, "is of judgements: name them with --qrels, or leave this out", "metric")
    _check_sources(context, queries, corpus, index)
    if index is None or model is not None:
        why = "is of a search among the candidates, which is --index without --model"
        if (flag := asked(context).first_flag) is not None or asked(context).show:
            fail(f"{flag or '--show-plan'} {why}")
    else:
        refuse(context, "is of a model that reads the texts: name it with --model, or leave this out", "max_length")
    if model == WORDS_ALONE:
        how = f"`lsr index -m {WORDS_ALONE}`"
        fail(f"{WORDS_ALONE} counts the words of a whole corpus: make an index with {how}, and name it with --index")
    metrics = metric_names(metric or ["MRR@10"])
    check_file(out, force=force)
    judged = None if qrels is None else read_qrels(qrels)
    if index is not None and model is None:
        made, name = _in_index(context, candidates, str(queries), index, k, device)
        if made is None:
            return
    else:
        name = model or DEFAULT_MODEL
        made = _by_model(candidates, queries, corpus, index, name, k, max_length, device)
    measured = None if judged is None else _measured(made, judged, metrics)
    write_run(out, made, tag=tag or Path(name).name, force=force)
    _tell(out, made, measured, as_json)


def _check_sources(context: typer.Context, queries: str | None, corpus: str | None, index: Path | None) -> None:
    """Exit with 2 unless the texts are all there, once."""
    if corpus is not None and index is not None:
        fail("--corpus and --index both have documents: give one of them")
    if queries is None:
        why = "is of the documents of a run: give its --queries, too"
        refuse(context, why, "corpus", "index")
    elif corpus is None and index is None:
        fail("--queries is of a run: give its documents, too, with --corpus or --index")


def _in_index(
    context: typer.Context, candidates: str, queries: str, index: Path, k: int, device: str | None
) -> tuple[Run | None, str]:
    """The run in the order of an index, and its name; no run where only the plan is to be shown."""
    from lsr.eval import read_run
    from lsr.eval.candidates import rerank_in_index
    from lsr.search.retriever import Retriever

    plan = asked(context).plan("exact")
    if asked(context).show:
        print_json(plan.to_record())
        return None, ""
    if plan.lists:
        fail("which documents are candidates, the run says: leave out --filter, --sort, --facet and --count")
    found, texts = read_run(candidates), _texts_of(queries)
    retriever = Retriever.open(index, device=device)
    with progress_bar("re-ranking", len(found), "queries") as progress:
        made = rerank_in_index(found, texts, retriever, plan, k=k, progress=progress)
    return made, retriever.model or index.name


def _by_model(
    candidates: str,
    queries: str | None,
    corpus: str | None,
    index: Path | None,
    model: str,
    k: int,
    max_length: int | None,
    device: str | None,
) -> Run:
    """The run of a model's scores."""
    from lsr.cli.corpus import looked_at
    from lsr.eval import read_run
    from lsr.eval.candidates import candidates_of_run, read_candidates, rerank
    from lsr.index import Index
    from lsr.text import open_corpus
    from lsr.training.teachers import load_teacher

    total = None
    if queries is None:
        stream = read_candidates(candidates)
    else:
        found, texts = read_run(candidates), _texts_of(queries)
        documents: Any = open_corpus(str(corpus)) if index is None else Index.open(index).documents.scan()
        stream = candidates_of_run(found, texts, documents)
        total = sum(map(len, found.values()))
    # What is wrong at its beginning is met before a model is loaded.
    stream = looked_at(stream)
    teacher = load_teacher(model, bm25=_no_bm25, max_length=max_length, device=device)
    with progress_bar("scoring", total, "candidates") as progress:
        return rerank(stream, teacher.score, k=k, progress=progress)


def _no_bm25() -> Any:
    raise AssertionError("refused before")


def _texts_of(queries: str) -> dict[str, str]:
    from lsr.text import open_queries

    return {query.id: query.text for query in open_queries(queries)}


def _measured(made: Run, judged: Qrels, metrics: list[str]) -> dict[str, float]:
    """What the run is worth, over all judged queries; what does not fit is said."""
    from lsr.eval.matching import check_run
    from lsr.eval.measures.second_opinion import checked_scores

    for remark in check_run(made, judged, "the run"):
        note(f"warning: {remark}")
    return checked_scores(made, judged, metrics).means()


def _tell(out: Path, made: Run, measured: dict[str, float] | None, as_json: bool) -> None:
    from lsr.eval.measures.metrics import metric_label

    ranked = sum(map(len, made.values()))
    if as_json:
        print_json({"output": str(out), "queries": len(made), "candidates": ranked, "metrics": measured})
        return
    for name, value in (measured or {}).items():
        print_text(f"{metric_label(name)}: {value:.4f}")
    note(f"{out}: {counted(ranked, 'candidates')} of {counted(len(made), 'queries')}")
