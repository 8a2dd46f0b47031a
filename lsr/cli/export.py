"""`lsr export`: from an index to a file of vectors, to a folder of its documents, or to another engine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.options import Force, IndexPath, Json
from lsr.cli.useless import refuse
from lsr.core.counted import counted
from lsr.core.files import check_output
from lsr.core.unfinished import announce
from lsr.exchange.names import TARGETS

if TYPE_CHECKING:
    from lsr.exchange.source import TermWeights
    from lsr.index import Index

_BEIR, _ENGINE = "With --to beir", "With --to an engine"

# What an index is written for.
Form = StrEnum("Form", {name: name for name in ("beir", *TARGETS)})  # type: ignore[misc]


class Terms(StrEnum):
    """Which terms of an index with words are written."""

    all = "all"
    model = "model"
    words = "words"


def run(
    context: typer.Context,
    index: IndexPath,
    out: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="The file to make: .parquet, .ciff[.gz|.zst], .jsonl[.gz|.zst]; with --to, a folder or URL.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Form | None,
        typer.Option(
            help="The documents, as a folder as BEIR has them, or everything for another engine, with titles, texts "
            "and fields: " + "; ".join(f"{name} ({entry.output})" for name, entry in TARGETS.items()) + ".",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            help="CIFF holds integers: weights are multiplied by this and rounded. (default: the heaviest becomes 255, "
            "the most that BMP reads)",
            show_default=False,
        ),
    ] = None,
    terms: Annotated[
        Terms,
        typer.Option(
            help="Of an index with words beside a model's terms: all, words as word:NAME, or those of the model alone, "
            "or the words alone."
        ),
    ] = Terms.all,
    queries: Annotated[
        str | None,
        typer.Option(
            help="Queries that go with the documents, into queries.jsonl: a file, a BEIR folder, or irds:NAME.",
            show_default=False,
            rich_help_panel=_BEIR,
        ),
    ] = None,
    qrels: Annotated[
        str | None,
        typer.Option(
            help="Judgements that go with them, into qrels/SPLIT.tsv: a file, or irds:NAME.",
            show_default=False,
            rich_help_panel=_BEIR,
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="What the judgements are called.", rich_help_panel=_BEIR)] = "test",
    name: Annotated[
        str | None,
        typer.Option(
            help="The collection's name there. (default: the folder's)", show_default=False, rich_help_panel=_ENGINE
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            help="A question, written as the engine is asked it.", show_default=False, rich_help_panel=_ENGINE
        ),
    ] = None,
    texts: Annotated[
        bool,
        typer.Option("--texts/--no-texts", help="Whether titles, texts and fields go along.", rich_help_panel=_ENGINE),
    ] = True,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the vectors of an index to a file, its documents to a folder, or everything for another engine.

    As .ciff for PISA, BMP, Terrier, Anserini and others; as .jsonl, {"id": …, "vector": {term: weight}}, for people and
    Anserini; as .parquet for dataframes. `lsr index --vectors` reads all three. With --to beir, the documents, with
    their titles and fields, as BEIR's tools read them, and `lsr index`. With --to and the name of an engine, vectors,
    texts and fields, as that engine takes them in.

    Examples:

        lsr export my-index -o docs.ciff

        lsr export my-index -o docs.ciff.gz --scale 100

        lsr export my-index -o docs.parquet

        lsr export my-index -o model.ciff --terms model

        lsr export my-index --to beir -o my-corpus --queries queries.jsonl --qrels qrels.tsv

        lsr export my-index --to opensearch -o requests --query "how do glaciers move?"

        lsr export my-index --to qdrant -o http://localhost:6333 --name articles
    """
    from lsr.index import Index

    if to is not None:
        refuse(context, "is for files of vectors: leave it out", "scale", "terms")
    if to is None or to.value not in TARGETS:
        refuse(context, "goes with --to and the name of an engine", "name", "query", "texts")
    if to is None or to.value in TARGETS:
        refuse(context, "goes with --to beir", "queries", "qrels", "split")
    if to is not None and to.value in TARGETS:
        _to_engine(index, out, to.value, name, query, texts, force, as_json)
        return
    path = Path(out)
    announce(path)
    check_output(path, force=force)
    if to is None:
        made, told = _write_vectors(Index.open(index), index, path, scale, terms, force)
    else:
        made, told = _write_documents(Index.open(index), path, queries, qrels, split, force)
    if as_json:
        print_json({"output": out, **made})
    else:
        note(f"{out}: {told}")


def _write_documents(
    opened: Index, out: Path, queries: str | None, qrels: str | None, split: str, force: bool
) -> tuple[dict[str, int], str]:
    """Write a folder; what is in it, as numbers and in words."""
    from lsr.text import irds, open_queries
    from lsr.text.beir_output import write_beir
    from lsr.text.qrels import read_irds_qrels, read_qrels

    judged = None
    if qrels is not None:
        judged = read_irds_qrels(qrels) if qrels.startswith(irds.PREFIX) else read_qrels(qrels)
    asked = () if queries is None else open_queries(queries)
    documents = opened.documents
    if documents.windows is not None and documents.windows.settings.score == "first":
        fail("of each document only the first window is stored: export the corpus that the index was made from")
    with progress_bar("exporting", len(documents)) as progress:
        count, asked_count, judgements = write_beir(
            out, documents.scan(), queries=asked, qrels=judged, split=split, force=force, progress=progress
        )
    more = f", {counted(asked_count, 'queries')}, {counted(judgements, 'judgements')}" if queries or qrels else ""
    numbers = {"documents": count, "queries": asked_count, "judgements": judgements}
    return numbers, f"{counted(count, 'documents')}{more}"


def _write_vectors(
    opened: Index, index: Path, out: Path, scale: float | None, terms: Terms, force: bool
) -> tuple[dict[str, int], str]:
    """Write a file of vectors; what is in it, as numbers and in words."""
    from lsr.index.build.export import iter_vectors, side_of, terms_of, vocabulary_of
    from lsr.vectors.files import FORMATS, file_format, write_vectors

    vocabulary = opened.vocabulary
    words = opened.parts.get("words")
    if words is None and terms is not Terms.all:
        fail(f"{index} holds no words beside a model's terms: leave out --terms")
    named = FORMATS[file_format(out, scale)].holds_terms
    if vocabulary is None and named:
        note(f"{index} has no vocabulary: the terms are written as their numbers")
        vocabulary = terms_of(opened)
    with progress_bar("exporting", len(opened)) as progress:
        batches = iter_vectors(opened, columns=named)
        if terms is not Terms.all:
            batches = (side_of(vectors, words.first, terms is Terms.model) for vectors in batches)
            vocabulary = vocabulary_of(opened, words, terms is Terms.model)
        count = write_vectors(out, batches, vocabulary=vocabulary, scale=scale, force=force, progress=progress)
    size = out.stat().st_size
    return {"vectors": count, "bytes": size}, f"{counted(count, 'vectors')}, {size / 1e6:,.1f} MB"


def _to_engine(
    path: Path,
    out: str,
    to: str,
    name: str | None,
    text: str | None,
    texts: bool,
    force: bool,
    as_json: bool,
) -> None:
    from lsr.exchange.source import Source, is_server
    from lsr.exchange.targets import load_target
    from lsr.index import Index

    entry = TARGETS[to]
    if is_server(out):
        if not entry.servers:
            fail(f"{entry.title} is given {entry.output}, not a server's address: name a folder with -o")
    else:
        announce(Path(out))
        check_output(out, force=force)
    target, opened = load_target(to), Index.open(path)
    asked = None if text is None else _encoded(opened, text)
    with progress_bar("exporting", len(opened)) as progress:
        source = Source(opened, name=name, texts=texts, progress=progress)
        written = target.write(source, out, force=force, query=asked, k=10)
    body = None if asked is None else target.body(asked, 10, source.name)
    if as_json:
        record = {"output": out, "to": to, "name": source.name, "documents": written.documents}
        print_json({**record, "notes": list(written.notes), **({} if body is None else {"query": body})})
        return
    note(f"{out}: {counted(written.documents, 'documents')} for {entry.title}, called {source.name}")
    for each in written.notes:
        note(each)
    if body is not None:
        print_json(body)


def _encoded(index: Index, text: str) -> TermWeights:
    from lsr.search.retriever import Retriever

    return Retriever(index, light=True).sparse_queries([text]).row(0)
