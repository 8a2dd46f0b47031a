"""`lsr dense`: give an index dense vectors, for hybrid search."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.corpus import resumable
from lsr.cli.options import Device, Force, IndexPath, Json, Restart
from lsr.encoding.catalogue import DEFAULT_DENSE_MODEL

if TYPE_CHECKING:
    from lsr.index import DenseSettings, Index

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
        help="Keep only so many numbers of a vector, for models trained for that (Matryoshka).",
        show_default=False,
    ),
]


def run(
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
            help="A .npy file of vectors [documents, dim], in the order of the index's documents, instead of encoding. "
            "--model, the one that made them, lets them be searched by text.",
            show_default=False,
        ),
    ] = None,
    kind: KindOption = Kind.auto,
    truncate: Truncate = None,
    max_length: Annotated[
        int | None,
        typer.Option(min=2, help="Tokens of a text that are read. (default: the model's)", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what the kind of index learns from the vectors.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads that build, not encode. (default: all)")] = None,
    device: Device = None,
    force: Force = False,
    restart: Restart = False,
    as_json: Json = False,
) -> None:
    """Add dense vectors of its documents to an index, so that it answers `--mode dense` and `--mode hybrid`.

    The texts are those that the index stores. An interrupted run goes on where it stopped when the same command is
    given again; sparse search works meanwhile.

    Examples:

        lsr dense my-index

        lsr dense my-index --model ./my-bi-encoder --kind hnsw

        lsr dense my-index --vectors vectors.npy --model minilm
    """
    from lsr.index import DenseSettings, Index

    settings = DenseSettings(kind.value, truncate)
    opened = Index.open(index)
    if vectors is not None:
        made = _add_vectors(opened, vectors, model, max_length, settings, seed, threads, force)
    else:
        made = add_dense_part(
            opened,
            model or DEFAULT_DENSE_MODEL,
            settings,
            max_length=max_length,
            seed=seed,
            threads=threads,
            device=device,
            force=force,
            restart=restart,
        )
    size, dense = made.describe()["bytes"][NAME], made.parts[NAME]
    if as_json:
        print_json({"index": str(index), "bytes": size, **dense.record.to_record()})
    else:
        note(
            f"{index}: {len(made):,} dense vectors of {dense.dim} ({dense.kind}), {size / 1e6:,.1f} MB. "
            f'Try: lsr search {index} "your question" --mode hybrid'
        )


def check_dense(model: str) -> None:
    """Before long work: ModelError for a model that is none, MissingDependencyError without faiss."""
    from lsr.encoding.catalogue import resolve
    from lsr.index.parts.dense.ann import import_faiss

    resolve(model)
    import_faiss()


def interrupted(index: Path) -> bool:
    """Whether an index is there whose dense vectors were being encoded."""
    return index.is_dir() and index.with_name(index.name + ".dense").is_dir()


def add_dense_part(
    index: Index,
    model: str,
    settings: DenseSettings,
    *,
    max_length: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str | None = None,
    force: bool = False,
    restart: bool = False,
) -> Index:
    """Encode the index's texts with a dense model and add the vectors."""
    from lsr.build.dense import add_dense_vectors
    from lsr.encoding.dense.encoder import DenseEncoder

    with resumable(index.path):
        return add_dense_vectors(
            index,
            DenseEncoder.load(model, max_length=max_length, device=device),
            settings=settings,
            seed=seed,
            threads=threads,
            force=force,
            restart=restart,
            stages=progress_bar,
        )


def _add_vectors(
    index: Index,
    path: Path,
    model: str | None,
    max_length: int | None,
    settings: DenseSettings,
    seed: int,
    threads: int | None,
    force: bool,
) -> Index:
    from lsr.build.dense import dense_dim, read_dense_vectors
    from lsr.index import add_dense

    encoder = None
    batches = read_dense_vectors(path)
    if model is not None:
        from lsr.encoding.dense.encoder import DenseEncoder

        encoder = DenseEncoder.load(model, max_length=max_length)
        if (found := dense_dim(path)) != encoder.dim:
            fail(
                f"{path} holds vectors of {found} numbers and {encoder.name} makes {encoder.dim}: name their own model"
            )
    with progress_bar("building the dense part", 2 * len(index), "steps") as progress:
        return add_dense(
            index,
            batches,
            encoder=encoder.settings() if encoder else None,
            similarity=encoder.similarity if encoder else "cosine",
            settings=settings,
            seed=seed,
            threads=threads,
            force=force,
            progress=progress,
        )
