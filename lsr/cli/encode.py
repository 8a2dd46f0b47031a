"""`lsr encode`: from text to a file of vectors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, print_text, progress_bar
from lsr.cli.corpus import encoding, looked_at, skipping
from lsr.cli.dry_run import dry_run, print_dry_run
from lsr.cli.options import (
    Corpus,
    Device,
    DryRun,
    EncodingThreads,
    Force,
    Format,
    Json,
    MaxLength,
    Model,
    OnError,
    OnErrorOption,
    QueryIdf,
    Restart,
    TopK,
    WindowOverlap,
)
from lsr.cli.remarks import remark_on_texts
from lsr.cli.shards import Address, EngineOption, spreading
from lsr.cli.useless import refuse
from lsr.core.counted import counted
from lsr.core.documents import is_blank
from lsr.core.files import check_output
from lsr.core.places import everywhere
from lsr.core.unfinished import announce
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.settings import WORDS_ALONE
from lsr.vectors.formats import check_written

_WAYS = "--max-length or --window-overlap reads more"

_OF_CORPUS = ("corpus", "out", "window_overlap", "format", "on_error", "force", "restart", "dry", "engine", "address")

if TYPE_CHECKING:
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.search.encoders import QueryEncoder


def run(
    context: typer.Context,
    corpus: Corpus = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to make: .parquet, .jsonl[.gz|.zst].")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Encode this one text and print its terms.")] = None,
    queries: Annotated[
        bool, typer.Option("--queries", help="CORPUS or --text contains queries, not documents.")
    ] = False,
    index: Annotated[
        Path | None,
        typer.Option(
            "--index",
            help="Encode queries as a search of this index does: with its model, and with the IDF of its collection.",
            show_default=False,
        ),
    ] = None,
    query_idf: QueryIdf = None,
    model: Model = DEFAULT_MODEL,
    max_length: MaxLength = None,
    top_k: TopK = None,
    window_overlap: WindowOverlap = None,
    format: Format = None,
    on_error: OnErrorOption = OnError.skip_files,
    threads: EncodingThreads = None,
    device: Device = None,
    engine: EngineOption = None,
    address: Address = None,
    force: Force = False,
    restart: Restart = False,
    dry: DryRun = False,
    as_json: Json = False,
) -> None:
    """Encode a corpus, or queries, into a file of sparse vectors.

    Run the same command again to resume an interrupted run.

    With --text, show the terms of one text instead.

    Examples:

        lsr encode corpus.jsonl -o docs.parquet

        lsr encode queries.jsonl --queries --index my-index -o queries.parquet

        lsr encode --text "how do birds find their way"
    """
    if model == WORDS_ALONE:
        fail(f"{WORDS_ALONE} weighs words by their collection: index it (lsr index --model {WORDS_ALONE})")
    if index is None and query_idf is not None:
        fail("--query-idf is of a collection: name its index with --index")
    if index is not None and not queries:
        fail("--index is for queries, whose weights depend on the collection: add --queries, or leave it out")
    if index is not None and max_length is not None:
        fail("--index says how long queries are read: leave out --max-length")
    load = partial(_query_encoder, index, query_idf, model, max_length, device)
    if text is not None:
        refuse(context, "is for a corpus: of --text, the terms are only printed", *_OF_CORPUS)
        _show_terms(text, load, queries, model, max_length, top_k, device, as_json)
        return
    if corpus is None or out is None:
        fail("give a CORPUS and --output, or --text with one text")
    if queries:
        refuse(context, "is for a corpus: queries are encoded in seconds", "dry", "restart")
        refuse(context, "is for documents: a query is read in one piece", "window_overlap")
        refuse(context, "is for a corpus: queries are encoded in seconds", "engine", "address")
    check_written(out)
    announce(out)
    more: dict[str, int] = {}
    if queries:
        count = _encode_queries(corpus, out, load, top_k, format, on_error, force)
    else:
        from lsr.build.corpus import check_work, encode_corpus
        from lsr.build.distribute.sources import ModelSource
        from lsr.encoding.sparse.encoder import SparseEncoder

        check_output(out, force=force)
        with encoding(
            corpus,
            out,
            model=model,
            max_length=max_length,
            window_overlap=window_overlap,
            device=device,
            format=format,
            on_error=on_error,
        ) as job:
            assert isinstance(job.encoder, SparseEncoder)
            if dry:
                check_work(out, job.encoder, top_k=top_k, restart=restart)
                print_dry_run(dry_run(job.documents, job.total, job.encoder, _WAYS), as_json)
                return
            elsewhere = ModelSource(everywhere(model), max_length, window_overlap, device)
            with spreading(engine, address) as spread, progress_bar("encoding", job.total) as progress:
                count = encode_corpus(
                    job.documents,
                    out,
                    spread(job.encoder, elsewhere),
                    top_k=top_k,
                    force=force,
                    restart=restart,
                    progress=progress,
                )
        more["cut"] = remark_on_texts(job.encoder, _WAYS).cut
    if as_json:
        print_json({"output": str(out), "vectors": count, **more})
    else:
        note(f"{out}: {counted(count, 'vectors')}")


def _query_encoder(
    index: Path | None, query_idf: float | None, model: str, max_length: int | None, device: str | None
) -> SparseEncoder | QueryEncoder:
    """The encoder of queries: an index's, or a model's by itself, of which it is said what it lacks."""
    if index is not None:
        from lsr.search.retriever import Retriever

        own = None if model == DEFAULT_MODEL else model
        return Retriever.open(index, model=own, device=device, query_idf=query_idf).query_encoder
    from lsr.encoding.sparse.encoder import SparseEncoder

    encoder = SparseEncoder.load(model, max_length=max_length, device=device, queries_only=True)
    if encoder.query_idf:
        note(
            "these queries are without the IDF of a collection, which a search by text adds with this model: they "
            "score differently. --index INDEX encodes them as a search of that index does"
        )
    return encoder


def _show_terms(
    text: str,
    load_queries: Callable[[], SparseEncoder | QueryEncoder],
    queries: bool,
    model: str,
    max_length: int | None,
    top_k: int | None,
    device: str | None,
    as_json: bool,
) -> None:
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.vectors.decoding import decode

    if queries:
        encoder = load_queries()
        vectors = encoder.encode_queries([text], top_k=top_k)
    else:
        encoder = SparseEncoder.load(model, max_length=max_length, device=device)
        vectors = encoder.encode_documents([text], top_k=top_k)
    [terms] = decode(vectors, encoder.vocabulary)
    if as_json:
        print_json({"text": text, "vector": dict(terms)})
    else:
        for term, weight in terms:
            print_text(f"{weight:7.4f}  {term}")
    if not terms:
        note("no terms: " + ("there is nothing in the text" if is_blank(text) else "the model knows none of its words"))


def _encode_queries(
    source: str,
    out: Path,
    load: Callable[[], SparseEncoder | QueryEncoder],
    top_k: int | None,
    format: str | None,
    on_error: OnError,
    force: bool,
) -> int:
    from lsr.build.corpus import encode_queries
    from lsr.text import open_queries

    with skipping(on_error) as skip, progress_bar("encoding", None, "queries") as progress:
        queries = looked_at(open_queries(source, format=format, **skip))
        return encode_queries(queries, out, load(), top_k=top_k, force=force, progress=progress)
