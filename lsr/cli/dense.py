"""`lsr dense`: add dense vectors to an index, for hybrid search."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.corpus import resumable
from lsr.cli.options import Device, Force, IndexPath, Json, Restart, threads_here
from lsr.cli.remarks import remark_on_texts
from lsr.cli.shards import Address, EngineOption, spreading
from lsr.cli.useless import refuse
from lsr.core.counted import counted
from lsr.core.places import everywhere
from lsr.core.unfinished import announce
from lsr.encoding.catalogue import DEFAULT_DENSE_MODEL

NAME = "dense"


class Kind(StrEnum):
    """How dense vectors are searched."""

    auto = "auto"
    flat = "flat"
    sq8 = "sq8"
    pq = "pq"
    hnsw = "hnsw"
    ivf = "ivf"
    ivfpq = "ivfpq"


KindOption = Annotated[
    Kind,
    typer.Option(
        "--kind",
        help="How they are searched: flat reads all; sq8 and pq read codes; hnsw follows a graph; ivf and ivfpq read "
        "the nearest clusters; auto is flat up to 20,000 documents, hnsw up to 5 million, then ivfpq.",
    ),
]
Truncate = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Keep only this many numbers of each vector, for models trained for that (Matryoshka).",
        show_default=False,
    ),
]


def run(
    context: typer.Context,
    index: IndexPath,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="A dense model: a short name, a folder, or a hub name. (default: minilm; none with --vectors)",
            show_default=False,
        ),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            help="A .npy file of vectors [documents, dim], in the order of the corpus that was indexed, instead of "
            "encoding. With --model, the one that made them, they can be searched by text.",
            show_default=False,
        ),
    ] = None,
    kind: KindOption = Kind.auto,
    truncate: Truncate = None,
    max_length: Annotated[
        int | None,
        typer.Option(min=2, help="The most tokens to read of a text. (default: the model's)", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of what the kind of index learns from the vectors.")] = 0,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            callback=threads_here,
            help="Threads that encode and build. (default: all processors)",
            show_default=False,
        ),
    ] = None,
    device: Device = None,
    engine: EngineOption = None,
    address: Address = None,
    force: Force = False,
    restart: Restart = False,
    as_json: Json = False,
) -> None:
    """Add dense vectors of its documents to an index, for `--mode dense` and `--mode hybrid`.

    The texts are those that the index stores. Run the same command again to resume an interrupted run; sparse search
    works meanwhile.

    Examples:

        lsr dense my-index

        lsr dense my-index --model ./my-bi-encoder --kind hnsw

        lsr dense my-index --vectors vectors.npy --model minilm
    """
    from lsr.build.dense import add_dense_file, add_dense_vectors
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.index import DenseSettings, Index

    if vectors is not None:
        refuse(context, "is for texts to encode: --vectors are added at once", "restart", "engine", "address")
        refuse(context, "is for models that encode: --vectors are added as they are", "device")
        if model is None:
            refuse(context, "is of a model: name the --model of these vectors as well", "max_length")
    settings = DenseSettings(kind.value, truncate)
    announce(index)
    opened = Index.open(index)
    building: dict[str, Any] = {
        "settings": settings,
        "seed": seed,
        "threads": threads,
        "force": force,
        "stages": progress_bar,
    }
    if vectors is None:
        with resumable(opened.path), spreading(engine, address) as spread:
            model = model or DEFAULT_DENSE_MODEL
            encoder = DenseEncoder.load(model, max_length=max_length, device=device)
            load = partial(DenseEncoder.load, everywhere(model), max_length=max_length, device=device)
            made = add_dense_vectors(opened, spread(encoder, load), restart=restart, **building)
        remark_on_texts(encoder)
    else:
        made = add_dense_file(
            opened, vectors, DenseEncoder.load(model, max_length=max_length) if model else None, **building
        )
    size, dense = made.describe()["bytes"][NAME], made.parts[NAME]
    if as_json:
        print_json({"index": str(index), "bytes": size, **dense.record.to_record()})
    else:
        how = f'lsr search {index} "your question" --mode hybrid'
        if dense.record.encoder is None:
            how = f"lsr search {index} --dense-vector '[…]', with as many numbers, or --dense-queries queries.npy"
        note(
            f"{index}: {counted(len(made), 'dense vectors')} of {dense.dim} ({dense.kind}), {size / 1e6:,.1f} MB. "
            f"Try: {how}"
        )
