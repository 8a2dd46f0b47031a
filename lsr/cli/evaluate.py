"""`lsr eval`: how good are the answers?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, print_text, progress_bar
from lsr.cli.corpus import resumable
from lsr.cli.options import (
    Device,
    EncodingThreads,
    Force,
    Json,
    Language,
    Lexical,
    MaxLength,
    NeverSplit,
    QueryIdf,
    TitleWeight,
    TopK,
    TopWindows,
    Windows,
    WindowStride,
    WindowWords,
    lexical_settings,
    window_settings,
)
from lsr.cli.search_flags import asked, search_command
from lsr.cli.useless import OF_SPARSE, refuse, refuse_of_models
from lsr.core.unfinished import announce
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.settings import WORDS_ALONE

if TYPE_CHECKING:
    from lsr.eval import Run, TestCollection
    from lsr.eval.systems.given import GivenVectors
    from lsr.search.plan import SearchPlan
    from lsr.search.retriever import Retriever

COMMAND = search_command(default_mode="exact", why="which measures the model alone")
_OF_DOCUMENTS = ("max_length", "top_k", "title_weight")
_OF_WORDS = ("lexical", "language", "never_split")
_OF_WINDOWS = ("windows", "window_words", "window_stride", "top_windows")
_OF_SEARCH = (
    *("index", "model", "dense", "dense_queries", "query_idf"),
    *(*_OF_DOCUMENTS, *_OF_WORDS, *_OF_WINDOWS),
)


def run(
    context: typer.Context,
    collection: Annotated[
        str | None,
        typer.Argument(
            help="A BEIR folder, irds:NAME, a bare corpus with --queries and --qrels, or a suite: a YAML file, or a "
            "name that --list shows.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for index, run files and report. (default: lsr-eval/COLLECTION)"),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(help="Search this index, with the model that made it; it is built if it does not exist."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Judged split of a BEIR folder. (default: test)")] = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="A file of queries instead of the collection's: texts, or sparse vectors to search with."),
    ] = None,
    dense_queries: Annotated[
        Path | None,
        typer.Option(
            help="A .npy file of dense query vectors, in the order of the queries: for --mode hybrid or dense.",
            show_default=False,
        ),
    ] = None,
    qrels: Annotated[Path | None, typer.Option(help="A file of judgements instead of the collection's.")] = None,
    run_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--run",
            help="Judge this TREC run file instead of indexing and searching; repeat to compare others with the first.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help=f"A name from `lsr models`, a folder, or a hub name. (default: {DEFAULT_MODEL}, or --index's own)",
        ),
    ] = None,
    max_length: MaxLength = None,
    top_k: TopK = None,
    lexical: Lexical = True,
    language: Language = None,
    never_split: NeverSplit = None,
    title_weight: TitleWeight = 0.0,
    windows: Windows = None,
    window_words: WindowWords = None,
    window_stride: WindowStride = None,
    top_windows: TopWindows = None,
    dense: Annotated[
        str | None,
        typer.Option(
            help="A dense model, such as minilm: add its vectors, for --mode hybrid, dense or sparse-first.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Measure this; repeat for more. (default: nDCG@10 MRR@10 R@100 R@1000 MAP)")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Depth of the rankings.")] = 1000,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="The name in tables. (default: the model's; with --run, the file's, of which each may have a --label)",
            show_default=False,
        ),
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="The tag in the run file. (default: the label)", show_default=False)
    ] = None,
    drop_self: Annotated[
        bool,
        typer.Option(
            "--drop-self", help="Never count a query's own id as an answer (ArguAna's queries are documents)."
        ),
    ] = False,
    bm25: Annotated[bool, typer.Option(help="Also search with BM25.")] = True,
    per_query: Annotated[bool, typer.Option("--per-query", help="Keep each query's values in the JSON.")] = False,
    query_idf: QueryIdf = None,
    threads: EncodingThreads = None,
    device: Device = None,
    listed: Annotated[bool, typer.Option("--list", help="List the suites that come with lsr.")] = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Evaluate on a judged collection, compared with BM25: effectiveness, latency, size.

    Indexes the collection first if that has not been done, and writes run files that any TREC tool reads. A suite is
    several systems on several collections; one that was interrupted goes on where it was.

    Examples:

        lsr eval scifact/

        lsr eval scifact/ --dense minilm --mode hybrid

        lsr eval scifact/ --run mine.trec --run theirs.trec

        lsr eval irds:beir/nfcorpus/test --json

        lsr eval collection.tsv --queries queries.tsv --qrels qrels.tsv

        lsr eval scifact/ --index own-index --queries query-vectors.parquet

        lsr eval suite.yaml -o results
    """
    from lsr.cli.suite import list_suites, names_suite, run_suite_command

    if listed:
        _refuse_but(context, "is for an evaluation: --list only lists the suites", "listed", "as_json")
        list_suites(as_json)
        return
    if collection is None:
        fail("name a collection or a suite; `lsr eval --list` lists the suites that come with lsr")
    if names_suite(collection):
        why = "is of a single evaluation: in a suite, the file says it for each system and collection"
        _refuse_but(context, why, "collection", "out", "device", "threads", "as_json")
        run_suite_command(collection, out, device=device, as_json=as_json)
        return
    from lsr.build.encoders import load_encoder, windows_that_fit
    from lsr.eval import DEFAULT_METRICS, EvaluationSettings, evaluate, evaluate_runs, load_collection, open_or_index
    from lsr.eval.suites.evaluate import BM25, OURS, check_measures, check_outputs
    from lsr.index.format.output import is_vacant

    plan = asked(context).plan("exact")
    if asked(context).show:
        print_json(plan.to_record())
        return
    if run_files:
        why = "is of an index to search, and --run judges what was found already"
        refuse(context, why, *_OF_SEARCH)
        if (flag := asked(context).first_flag) is not None:
            fail(f"{flag} {why}")
        if out is None:
            refuse(context, "is for the run file: beside --run, it needs --output to write one", "tag")
    if dense_queries is not None and not plan.retrieve.needs_dense:
        refuse(context, "has no use in this search: choose --mode dense or hybrid", "dense_queries")
    if not run_files and not plan.retrieve.needs_sparse:
        refuse(context, OF_SPARSE, "query_idf")
    if model == WORDS_ALONE:
        reads = dense is not None or plan.retrieve.needs_dense or plan.rerank is not None
        refuse_of_models(context, encodes=reads)
    if not lexical and plan.retrieve.lexical_weight:
        fail("--lexical-weight is of words, which --no-lexical leaves out")
    words = lexical_settings(lexical, None, language, never_split)
    cut = window_settings(windows, window_words, window_stride, top_windows)
    labels = _labels(run_files or [], label or [])
    settings = EvaluationSettings(
        metrics=metric or DEFAULT_METRICS,
        k=k,
        plan=plan,
        drop_self=drop_self,
        bm25=bm25,
        per_query=per_query,
    )
    settings.check()
    loaded = load_collection(collection, split, queries=queries, qrels=qrels)
    check_measures(loaded, settings)
    folder = out or Path("lsr-eval") / loaded.name.replace("/", "-")
    # A run that is judged needs no files, unless they are asked for.
    saving = out is not None or not run_files
    if saving:
        systems = [OURS, *(labels[1:] if run_files else ()), *([BM25] if bm25 else ())]
        check_outputs(folder, systems, force=True)
    if run_files:
        runs = {name: _read_run(path, loaded) for name, path in zip(labels, run_files, strict=True)}
        evaluation = evaluate_runs(loaded, runs, settings, stages=progress_bar)
    else:
        path = index or folder / "index"
        announce(path)
        # An index given by name is measured as it was made, unless a model is given as well.
        as_made = index is not None and index.exists() and model is None and not force
        if as_made:
            why = "and --index is searched as it was made: name its --model, too"
            refuse(context, f"is of what an index is made of, {why}", *_OF_DOCUMENTS)
            refuse(context, f"is of the words that an index is made with, {why}", *_OF_WORDS)
        if force or is_vacant(path):
            _check_makes(plan, dense)
        ids = _ids_of(collection, queries, dense_queries)
        encoder = None if as_made else load_encoder(model or DEFAULT_MODEL, max_length=max_length, device=device)
        fitting = None if encoder is None else windows_that_fit(windows, max_length, None, encoder)
        dense_encoder = None
        if dense is not None:
            from lsr.encoding.dense.encoder import DenseEncoder

            dense_encoder = DenseEncoder.load(dense, device=device)
        with resumable(path):
            retriever = open_or_index(
                loaded,
                path,
                encoder,
                top_k=top_k,
                title_weight=title_weight,
                windows=cut or fitting,
                only_if_needed=fitting is not None,
                lexical=None if as_made else words,
                query_idf=query_idf,
                dense=dense_encoder,
                force=force,
                device=device,
                stages=progress_bar,
            )
        given = _given(retriever, queries, dense_queries, ids)
        label_of = labels[0] if labels else None
        evaluation = evaluate(loaded, retriever, settings, label=label_of, given=given, stages=progress_bar)
    # What was measured is shown, whatever becomes of the files.
    if as_json:
        print_json(evaluation.report.to_record())
        # Markdown shows them where a person reads them; JSON is for programs.
        for remark in evaluation.report.notes:
            note(f"warning: {remark}")
    else:
        print_text(evaluation.report.to_markdown(), end="")
    if saving:
        # The index is the expensive part and is kept; runs and reports are made again each time.
        evaluation.save(folder, tag=tag, force=True)
        note(f"{'run files and report' if run_files else 'index, run files and report'} are in {folder}")


def _refuse_but(context: typer.Context, why: str, *names: str) -> None:
    """Exit with 2 if any option was given but these."""
    refuse(context, why, *(param.name for param in context.command.params if param.name not in names))
    if (flag := asked(context).first_flag) is not None:
        fail(f"{flag} {why}")


def _check_makes(plan: SearchPlan, dense: str | None) -> None:
    """Exit with 2 if the plan searches what an index that is made here does not have, before it is made."""
    from lsr.index.engines.registry import ENGINES
    from lsr.index.parts.part import WrittenPart
    from lsr.index.parts.registry import PARTS
    from lsr.search.plan import LATE

    if plan.retrieve.needs_dense and dense is None:
        fail(f"mode {plan.mode} needs dense vectors: name a model of them with --dense, or an index that has some")
    elsewhere = "and the index that would be made here has none: make one that has, and name it with --index"
    sparse = plan.retrieve.sparse
    engine = None if sparse is None else ENGINES.get(sparse.mode)
    for part in () if engine is None else engine.needs:
        # Made only on request.
        if isinstance(made := PARTS[part], WrittenPart) and made.Settings is not None:
            fail(f"mode {plan.mode} needs `lsr index --{part}`, {elsewhere}")
    if plan.rerank is not None and plan.rerank.model == LATE:
        fail(f"re-ranking with {LATE} needs `lsr late`, {elsewhere}")


def _ids_of(collection: str, queries: Path | None, dense_queries: Path | None) -> list[str] | None:
    """The queries' ids, in whose order dense vectors come; None without these. InputError if they are not as many."""
    from lsr.eval.systems.given import check_as_many
    from lsr.search.many import read_dense_queries
    from lsr.text import open_queries
    from lsr.vectors.files import holds_vectors, iter_vectors

    if dense_queries is None:
        return None
    if queries is not None and holds_vectors(queries):
        ids = [id for batch in iter_vectors(queries) for id in batch.ids]
    else:
        ids = [query.id for query in open_queries(str(queries or collection))]
    check_as_many(read_dense_queries(dense_queries), ids, dense_queries)
    return ids


def _given(
    retriever: Retriever, queries: Path | None, dense_queries: Path | None, ids: list[str] | None
) -> GivenVectors | None:
    """The query vectors of files, if the options name any."""
    from lsr.eval.systems.given import read_given
    from lsr.vectors.files import holds_vectors

    sparse = queries if queries is not None and holds_vectors(queries) else None
    if sparse is None and dense_queries is None:
        return None
    return read_given(retriever.index, sparse, dense_queries, ids)


def _labels(run_files: list[Path], given: list[str]) -> list[str]:
    """The label of each run file, or those given; exits with 2 where they do not fit."""
    if not run_files:
        if len(given) > 1:
            fail("one system is evaluated: give one --label; several are for several --run")
        return given
    if given and len(given) != len(run_files):
        fail(f"{len(run_files)} --run and {len(given)} --label: give one for each, in their order, or none")
    labels = given or [path.name for path in run_files]
    if len(set(labels)) < len(labels) and not given:
        labels = [str(path) for path in run_files]
    if len(set(labels)) < len(labels):
        fail("two runs have the same name: give each a --label of its own")
    return labels


def _read_run(path: Path, loaded: TestCollection) -> Run:
    """A run file, refused before any other work if it answers none of the judged queries."""
    from lsr.eval import read_run
    from lsr.eval.matching import check_run
    from lsr.eval.runs import with_ids

    run = read_run(path)
    check_run(with_ids(run, loaded.qrels, ()), loaded.qrels, str(path))
    return run
