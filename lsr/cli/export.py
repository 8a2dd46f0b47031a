"""`lsr export`: from an index to a file of vectors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.options import Force, IndexPath, Json
from lsr.core.counted import counted
from lsr.core.files import check_output
from lsr.core.unfinished import announce


class Terms(StrEnum):
    """Which terms of an index with words are written."""

    all = "all"
    model = "model"
    words = "words"


def run(
    index: IndexPath,
    out: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The file to make: .parquet, .ciff[.gz|.zst], .jsonl[.gz|.zst].",
            show_default=False,
        ),
    ],
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
    """
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
