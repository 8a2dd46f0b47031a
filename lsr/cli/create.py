"""`lsr create`: an empty collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.console import note
from lsr.cli.options import Device, EncodingThreads, Language, Lexical, LexicalWeight, NeverSplit, TitleWeight
from lsr.cli.useless import refuse, refuse_of_models
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.settings import WORDS_ALONE


def run(
    context: typer.Context,
    collection: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
    model: Annotated[
        str,
        typer.Option("--model", "-m", help=f"A name from `lsr models`, a folder, a hub name; or {WORDS_ALONE}."),
    ] = DEFAULT_MODEL,
    dense: Annotated[
        str | None, typer.Option(help="A dense model, such as minilm, for hybrid search.", show_default=False)
    ] = None,
    lexical: Lexical = True,
    lexical_weight: LexicalWeight = None,
    language: Language = None,
    never_split: NeverSplit = None,
    title_weight: TitleWeight = 0.0,
    mean_length: Annotated[
        float, typer.Option(min=1, help="Words of a usual document, by which BM25 takes lengths. It stays so.")
    ] = 100.0,
    weight_scale: Annotated[
        float | None,
        typer.Option(
            help="The weight that a stored 1 of 255 stands for. It stays so, and heavier weights are stored as the "
            "heaviest. (default: by texts that come with Python)",
            show_default=False,
        ),
    ] = None,
    threads: EncodingThreads = None,
    device: Device = None,
) -> None:
    """Make an empty collection, for `lsr add`.

    `lsr index` makes one of a corpus, faster; both can be added to.

    Example:

        lsr create notes --model lsr-doc-tiny --dense minilm
    """
    from lsr.collection.collection import Collection
    from lsr.core.unfinished import announce
    from lsr.encoding.lexical.never_split import read_never_split

    announce(collection)
    if model == WORDS_ALONE:
        refuse_of_models(context, encodes=dense is not None)
    if not lexical:
        why = "is of words, which --no-lexical leaves out"
        refuse(context, why, "lexical_weight", "language", "never_split", "mean_length")
    with Collection.create(
        collection,
        model=model,
        dense=dense,
        lexical=lexical,
        lexical_weight=lexical_weight,
        language=language or "english",
        never_split=() if never_split is None else read_never_split(never_split),
        title_weight=title_weight,
        mean_length=mean_length,
        weight_scale=weight_scale,
        device=device,
    ):
        note(f"{collection}: an empty collection of {model}; lsr add {collection} FILE adds documents")
