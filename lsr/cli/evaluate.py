"""`lsr eval`: how good are the answers?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.corpus import resumable
from lsr.cli.options import (
    Device,
    Force,
    Json,
    MaxLength,
    QueryIdf,
    TopK,
    TopWindows,
    Windows,
    WindowStride,
    WindowWords,
    window_settings,
)
from lsr.cli.search_flags import asked, search_command
from lsr.core.unfinished import announce
from lsr.encoding.catalogue import DEFAULT_MODEL

COMMAND = search_command(default_mode="exact", why="which measures the model alone")


def run(
    context: typer.Context,
    collection: Annotated[
        str,
        typer.Argument(
            help="A BEIR folder, irds:NAME, or a bare corpus with --queries and --qrels.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for index, run files and report. (default: lsr-eval/COLLECTION)"),
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="Search this index, with the model that made it; made if it is not there.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Judged split of a BEIR folder. (default: test)")] = None,
    queries: Annotated[Path | None, typer.Option(help="A file of queries instead of the collection's.")] = None,
    qrels: Annotated[Path | None, typer.Option(help="A file of judgements instead of the collection's.")] = None,
    run_file: Annotated[
        Path | None, typer.Option("--run", help="Judge this TREC run file instead of indexing and searching.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help=f"A name from `lsr models`, a folder, or a hub name. (default: {DEFAULT_MODEL}, or --index's own)",
        ),
    ] = None,
    max_length: MaxLength = 256,
    top_k: TopK = None,
    windows: Windows = None,
    window_words: WindowWords = None,
    window_stride: WindowStride = None,
    top_windows: TopWindows = None,
    dense: Annotated[
        str | None,
        typer.Option(
            help="A dense model, as minilm: give the index its vectors, for --mode hybrid, dense or sparse-first.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Measure this; repeat for more. (default: nDCG@10 MRR@10 R@100 R@1000 MAP)")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Depth of the rankings.")] = 1000,
    drop_self: Annotated[
        bool, typer.Option("--drop-self", help="A query's own id is no answer (ArguAna's queries are documents).")
    ] = False,
    bm25: Annotated[bool, typer.Option(help="Search with BM25 as well.")] = True,
    per_query: Annotated[bool, typer.Option("--per-query", help="Keep each query's values in the JSON.")] = False,
    query_idf: QueryIdf = None,
    device: Device = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Evaluate on a judged collection, next to BM25: effectiveness, latency, size.

    Indexes the collection first if that has not been done, and writes run files that any TREC tool reads.

    Examples:

        lsr eval scifact/

        lsr eval scifact/ --dense minilm --mode hybrid

        lsr eval irds:beir/nfcorpus/test --json

        lsr eval collection.tsv --queries queries.tsv --qrels qrels.tsv
    """
    from lsr.eval import (
        DEFAULT_METRICS,
        EvaluationSettings,
        evaluate,
        evaluate_run,
        load_collection,
        open_or_index,
        read_run,
    )

    plan = asked(context).plan("exact")
    if asked(context).show:
        print_json(plan.to_record())
        return
    cut = window_settings(windows, window_words, window_stride, top_windows)
    loaded = load_collection(collection, split, queries=queries, qrels=qrels)
    settings = EvaluationSettings(
        metrics=metric or DEFAULT_METRICS,
        k=k,
        plan=plan,
        drop_self=drop_self,
        bm25=bm25,
        per_query=per_query,
    )
    settings.check()
    folder = out or Path("lsr-eval") / loaded.name.replace("/", "-")
    if run_file is not None:
        evaluation = evaluate_run(loaded, read_run(run_file), settings, label=run_file.name, stages=progress_bar)
    else:
        from lsr.encoding.sparse.encoder import SparseEncoder

        path = index or folder / "index"
        announce(path)
        # An index that was named is measured as it was made, unless a model was named as well.
        as_made = index is not None and index.exists() and model is None and not force
        encoder = None if as_made else SparseEncoder.load(model or DEFAULT_MODEL, max_length=max_length, device=device)
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
                windows=cut,
                query_idf=query_idf,
                dense=dense_encoder,
                force=force,
                stages=progress_bar,
            )
        evaluation = evaluate(loaded, retriever, settings, stages=progress_bar)
        # The index is the expensive part and is kept; runs and reports are made anew each time.
        evaluation.save(folder, force=True)
        note(f"index, run files and report are in {folder}")
    if as_json:
        print_json(evaluation.report.to_record())
    else:
        print(evaluation.report.to_markdown(), end="")
