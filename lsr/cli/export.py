"""`lsr export`: from an index to a file of vectors, or to a folder of its documents."""

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

if TYPE_CHECKING:
    from lsr.index import Index

_BEIR = "With --to beir"


class Form(StrEnum):
    """What an index is written as."""

    vectors = "vectors"
    beir = "beir"


class Terms(StrEnum):
    """Which terms of an index with words are written."""

    all = "all"
    model = "model"
    words = "words"


def run(
    context: typer.Context,
    index: IndexPath,
    out: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The file to make: .parquet, .ciff[.gz|.zst], .jsonl[.gz|.zst]; with --to beir, the folder.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Form, typer.Option(help="What is written: the vectors, or the documents, as a folder as BEIR has them.")
    ] = Form.vectors,
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
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the vectors of an index to a file, or its documents to a folder.

    As .ciff for PISA, BMP, Terrier, Anserini and others; as .jsonl, {"id": …, "vector": {term: weight}}, for people and
    Anserini; as .parquet for dataframes. `lsr index --vectors` reads all three. With --to beir, the documents, with
    their titles and fields, as BEIR's tools read them, and `lsr index`.

    Examples:

        lsr export my-index -o docs.ciff

        lsr export my-index -o docs.ciff.gz --scale 100

        lsr export my-index -o docs.parquet

        lsr export my-index -o model.ciff --terms model

        lsr export my-index --to beir -o my-corpus --queries queries.jsonl --qrels qrels.tsv
    """
    from lsr.index import Index

    announce(out)
    check_output(out, force=force)
    if to is Form.beir:
        refuse(context, "is of vectors, and --to beir writes documents", "scale", "terms")
        made, told = _write_documents(Index.open(index), out, queries, qrels, split, force)
    else:
        refuse(context, "goes with --to beir", "queries", "qrels", "split")
        made, told = _write_vectors(Index.open(index), index, out, scale, terms, force)
    if as_json:
        print_json({"output": str(out), **made})
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
