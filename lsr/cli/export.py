"""`lsr export`: from an index to a file of vectors, or to another engine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.options import Force, IndexPath, Json
from lsr.core.counted import counted
from lsr.core.files import check_output
from lsr.core.unfinished import announce
from lsr.exchange.names import TARGETS

if TYPE_CHECKING:
    from lsr.exchange.source import TermWeights
    from lsr.index import Index

Engine = StrEnum("Engine", {name: name for name in TARGETS})  # type: ignore[misc]


class Terms(StrEnum):
    """Which terms of an index with words are written."""

    all = "all"
    model = "model"
    words = "words"


def run(
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
        Engine | None,
        typer.Option(
            help="For another engine, with titles, texts and fields: "
            + "; ".join(f"{name} ({entry.output})" for name, entry in TARGETS.items())
            + ".",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="With --to: the collection's name there. (default: the folder's)", show_default=False),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(help="With --to: a question, written as the engine is asked it.", show_default=False),
    ] = None,
    texts: Annotated[
        bool, typer.Option("--texts/--no-texts", help="With --to: whether titles, texts and fields go along.")
    ] = True,
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
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the vectors of an index to a file.

    As .ciff for PISA, BMP, Terrier, Anserini and others; as .jsonl, {"id": …, "vector": {term: weight}}, for people and
    Anserini; as .parquet for dataframes. `lsr index --vectors` reads all three.

    Examples:

        lsr export my-index -o docs.ciff

        lsr export my-index -o docs.ciff.gz --scale 100

        lsr export my-index -o docs.parquet

        lsr export my-index -o model.ciff --terms model

        lsr export my-index -o requests --to opensearch --query "how do glaciers move?"

        lsr export my-index -o http://localhost:6333 --to qdrant --name articles
    """
    if to is not None:
        _to_engine(index, out, to.value, name, query, texts, scale, terms, force, as_json)
        return
    for flag, given in (("--name", name), ("--query", query), ("--no-texts", None if texts else True)):
        if given is not None:
            fail(f"{flag} is for --to: leave it out")
    _to_file(index, Path(out), scale, terms, force, as_json)


def _to_file(index: Path, out: Path, scale: float | None, terms: Terms, force: bool, as_json: bool) -> None:
    from lsr.index import Index
    from lsr.index.build.export import iter_vectors, side_of, terms_of, vocabulary_of
    from lsr.vectors.files import FORMATS, file_format, write_vectors

    announce(out)
    check_output(out, force=force)
    opened = Index.open(index)
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
    if as_json:
        print_json({"output": str(out), "vectors": count, "bytes": size})
    else:
        note(f"{out}: {counted(count, 'vectors')}, {size / 1e6:,.1f} MB")


def _to_engine(
    path: Path,
    out: str,
    to: str,
    name: str | None,
    text: str | None,
    texts: bool,
    scale: float | None,
    terms: Terms,
    force: bool,
    as_json: bool,
) -> None:
    from lsr.exchange.source import Source, is_server
    from lsr.exchange.targets import load_target
    from lsr.index import Index

    entry = TARGETS[to]
    for flag, given in (("--scale", scale is not None), ("--terms", terms is not Terms.all)):
        if given:
            fail(f"{flag} is for files of vectors: leave it out")
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
