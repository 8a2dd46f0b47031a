"""Dense vectors for an index: encode its documents' texts, resumably, and add the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError, ModelError, OutputExistsError
from lsr.core.files import check_folder
from lsr.core.places import beside
from lsr.core.progress import Stages, in_proportion, silent
from lsr.core.remedies import GIVE_DENSE_VECTORS, REPLACE, RESTART
from lsr.core.types import Rows, Vectors
from lsr.core.unfinished import is_unfinished
from lsr.core.work import WorkFolder, clear_work
from lsr.vectors.npy import open_npy_table

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.index import DenseSettings, Index


_READ_ROWS = 1 << 14


def add_dense_vectors(
    index: Index,
    encoder: DenseEncoder,
    *,
    settings: DenseSettings | None = None,
    seed: int = 0,
    threads: int | None = None,
    force: bool = False,
    restart: bool = False,
    stages: Stages = silent,
) -> Index:
    """Encode the stored texts of an index, give it a dense part (`lsr.index.add_dense`) and return it, reopened.

    The encoding is kept in `PATH.dense/` until it is published: after an interruption, the same call resumes it;
    `restart` begins again. `force` replaces an existing dense part.

    Raises OutputExistsError, and InputError for an index whose documents have no texts.
    """
    from lsr.index.parts.dense.record import NAME

    if has_part(index, NAME, force):
        return index
    with (
        encoding_work(index, NAME, encoder.settings(), restart=restart) as work,
        _EncodedRows(work.folder, encoder.dim) as encoded,
    ):
        if encoded.rows > len(index):
            raise InputError(
                f"{work.folder} holds {encoded.rows:,} vectors, and the index {len(index):,} documents",
                remedies=[RESTART],
            )
        with stages("encoding dense vectors", len(index), "documents") as progress:
            progress(encoded.rows)
            for part in encoder.stream_documents(stored_texts(index, encoded.rows), progress=progress):
                work.begun = True  # before the first is there: what is stopped right after keeps it
                encoded.append(part)
        return _add(index, encoded.read(), encoder, settings, seed, threads, force, stages)


def add_dense_file(
    index: Index,
    path: str | Path,
    encoder: DenseEncoder | None = None,
    *,
    settings: DenseSettings | None = None,
    seed: int = 0,
    threads: int | None = None,
    force: bool = False,
    stages: Stages = silent,
) -> Index:
    """Give an index the dense vectors of a .npy file [documents, dim]; return it.

    They are those of the documents in the order in which these were indexed, which need not be that of the rows.

    With `encoder`, the one that made them, they can be searched by text. For other arguments see `add_dense_vectors`.

    Raises OutputExistsError, InputError for a file that does not fit the index, and ModelError for an encoder that
    cannot have made the vectors.
    """
    batches = read_dense_vectors(path, np.argsort(index.documents.as_added()))
    if encoder is not None and (found := dense_dim(path)) != encoder.dim:
        raise ModelError(
            f"{path} contains vectors of {found} numbers, but {encoder.name} makes {encoder.dim}",
            remedies=["name the model that made them"],
        )
    return _add(index, batches, encoder, settings, seed, threads, force, stages)


def _add(
    index: Index,
    batches: Iterable[Vectors],
    encoder: DenseEncoder | None,
    settings: DenseSettings | None,
    seed: int,
    threads: int | None,
    force: bool,
    stages: Stages,
) -> Index:
    from lsr.index import add_dense

    with stages("building the dense part", len(index), "documents") as progress:
        return add_dense(
            index,
            batches,
            encoder=encoder.settings() if encoder else None,
            similarity=encoder.similarity if encoder else "cosine",
            settings=settings,
            seed=seed,
            threads=threads,
            force=force,
            # Each vector is reported twice: when written, and when built into faiss's structure.
            progress=in_proportion(progress, counted=2 * len(index), reported=len(index)),
        )


def check_dense_model(model: str) -> None:
    """Check before long work: ModelError if there is no such model, MissingDependencyError without faiss."""
    from lsr.encoding.catalogue import resolve
    from lsr.index.parts.dense.ann import import_faiss

    resolve(model)
    import_faiss()


def is_interrupted(path: str | Path) -> bool:
    """Whether there is an index at `path` with interrupted encoding of dense vectors."""
    return Path(path).is_dir() and beside(path, "dense").is_dir()


def encoding_work(index: Index, part: str, settings: Mapping[str, Any], *, restart: bool) -> WorkFolder:
    """The work folder for encoding a part of an index, `PATH.PART/`, beside the index."""
    # The texts of an index do not change: what cannot be encoded now cannot be encoded next time.
    state = {"segment": index.manifest.segment, **settings}
    return WorkFolder(beside(index.path, part), state, restart=restart, hopeless=(InputError,))


def has_part(index: Index, part: str, force: bool) -> bool:
    """Whether this same command gave the index that part before it was killed; what that left is cleared away.

    OutputExistsError if the index has such a part for another reason, and `force` is not set.
    """
    from lsr.index.format.manifest import index_identity

    index.sparse.whole_segment()  # InputError before long work
    check_folder(index.path)
    if part not in index.parts:
        return False
    if is_unfinished(index.path, index_identity):
        clear_work(beside(index.path, part))
        return True
    if not force:
        raise OutputExistsError(f"{index.path} has a {part} part already", remedies=[REPLACE])
    return False


def stored_texts(index: Index, first: int = 0) -> Iterator[str]:
    """The texts of an index's documents, from a row on. InputError if they have none."""
    some = first > 0
    for row in range(first, len(index)):
        text = index.documents.at(row).contents
        some = some or bool(text)
        yield text
    if not some:
        raise InputError(
            f"the documents of {index.path} have no texts (it was made from vectors alone)",
            remedies=["index the vectors with their corpus", GIVE_DENSE_VECTORS],
        )


class _EncodedRows:
    """Float32 vectors, appended row by row to a file in `folder`, continuing after those already there."""

    def __init__(self, folder: Path, dim: int) -> None:
        self._dim = dim
        self._path = folder / "vectors.f32"
        self._file = self._path.open("ab")
        self.rows = self._path.stat().st_size // (4 * dim)
        self._file.truncate(self.rows * 4 * dim)  # a truncated row is encoded again

    def append(self, vectors: Vectors) -> None:
        self._file.write(np.ascontiguousarray(vectors, "<f4").data)
        self._file.flush()
        self.rows += len(vectors)

    def read(self) -> Iterator[Vectors]:
        mapped = np.memmap(self._path, np.float32, "r").reshape(-1, self._dim)
        for start in range(0, len(mapped), _READ_ROWS):
            yield np.array(mapped[start : start + _READ_ROWS])

    def __enter__(self) -> _EncodedRows:
        return self

    def __exit__(self, kind: object, error: object, at: object) -> None:
        self._file.close()


def read_dense_vectors(path: str | Path, places: Rows) -> Iterator[Vectors]:
    """Read a .npy file of numbers [documents, dim] in parts, mapped from disk. InputError if it is not one.

    The vectors come in the order of `places`, or as they stand if there are not as many.
    """
    mapped = _mapped(path)
    for start in range(0, len(mapped), _READ_ROWS):
        part: slice | Rows = slice(start, start + _READ_ROWS)
        yield np.asarray(mapped[places[part] if len(places) == len(mapped) else part], np.float32)


def dense_dim(path: str | Path) -> int:
    """The dimension of the vectors in a .npy file. Raises the errors of `read_dense_vectors`."""
    return int(_mapped(path).shape[1])


def _mapped(path: str | Path) -> npt.NDArray[np.floating]:
    return open_npy_table(path, "documents")
