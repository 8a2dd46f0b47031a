"""Sparse vectors as SciPy saves them: a CSR matrix in .npz (`scipy.sparse.save_npz`), a row a vector, columns term ids.

An array `ids` beside SciPy's own names the rows; without, they are called by their numbers. Where NumPy's strings
cannot hold an id, which end before a zero and are all as long as the longest, it is two arrays: `ids_utf8`, the bytes
of all, and `ids_lengths`, how many are whose. Columns read one after another from the archive, so memory does not grow
with the file.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.files import atomic_file
from lsr.core.limits import LONGEST_RECORD
from lsr.core.unique_ids import UniqueIds
from lsr.vectors.formats import Progress, VectorFormat, reported, same_size
from lsr.vectors.pairs import vectors_of_pairs
from lsr.vectors.sparse import SparseVectors

_COPY = 1 << 20
_LONGEST_ID = 4096
_HINT = "save a CSR matrix with scipy.sparse.save_npz(FILE, matrix.tocsr())"


class _Array:
    """A one-dimensional array in an archive, read from its beginning."""

    def __init__(self, archive: zipfile.ZipFile, name: str, kinds: str, source: str) -> None:
        self.source, self.name = source, name
        try:
            self._file = archive.open(f"{name}.npy")
            version = np.lib.format.read_magic(self._file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, self.dtype = read(self._file)
        except KeyError:
            raise InputError(f"holds no array {name!r}: {_HINT}", source=source) from None
        except (ValueError, EOFError, *_DAMAGE) as error:
            raise InputError(f"the array {name!r} is not readable: {error}", source=source) from None
        if self.dtype.kind not in kinds or len(shape) > 1 or self.dtype.itemsize > 4 * _LONGEST_ID:
            message = f"the array {name!r} is of {self.dtype} and shape {shape}: {_HINT}"
            raise InputError(message, source=source)
        self.length = int(shape[0]) if shape else 1

    def take(self, count: int) -> npt.NDArray[Any]:
        """The next so many values. InputError where the file ends before, or is damaged."""
        wanted = count * self.dtype.itemsize
        try:
            data = self._file.read(wanted) if wanted else b""
        except _DAMAGE as error:
            raise InputError(f"the array {self.name!r} is damaged: {error}", source=self.source) from None
        if len(data) < wanted:
            raise InputError(f"the array {self.name!r} is cut short", source=self.source)
        return np.frombuffer(data, self.dtype)

    def close(self) -> None:
        """Close it."""
        self._file.close()


_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError)


class NpzFormat:
    """SciPy's .npz as one of the formats of vector files: of term ids, and weights."""

    def vocabulary(self, path: Path) -> None:
        """See `VectorFormat.vocabulary`."""
        return

    def read(
        self, path: Path, *, vocabulary: Any, dim: int | None, batch_rows: int, scale: float | None
    ) -> Iterator[SparseVectors]:
        """See `VectorFormat.read`. Entries of one place are summed, as SciPy does."""
        with _open(path) as archive:
            rows, columns = _shape(archive, str(path))
        size = None if dim is None and vocabulary is None else same_size(path, dim, vocabulary and len(vocabulary))
        if size is not None and size < columns:
            message = f"the matrix has {columns:,} columns, more than the vocabulary's {size:,} terms"
            raise InputError(message, source=str(path))
        return _batches(path, rows, columns if size is None else size, batch_rows)

    def write(
        self,
        path: Path,
        batches: Iterable[SparseVectors],
        *,
        dim: int,
        vocabulary: Any,
        scale: float | None,
        force: bool,
        progress: Progress | None,
    ) -> int:
        """See `VectorFormat.write`. The arrays go through temporary files beside `path`."""
        seen, pairs, longest, plain = UniqueIds(), 0, 1, True
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_file(path, force=force))
            indptr, indices, data, ids = (
                stack.enter_context(TemporaryFile(dir=path.parent)) for _ in ("indptr", "indices", "data", "ids")
            )
            indptr.write(np.zeros(1, np.int64).tobytes())
            for batch in reported(batches, progress):
                if batch.dim != dim:
                    message = f"vectors of {batch.dim:,} terms do not belong with vectors of {dim:,}"
                    raise InputError(message, source=str(path))
                for id in batch.ids:
                    if not seen.add(id):
                        message = f"row {len(seen)}: the id {id!r} came before; ids must be unique"
                        raise InputError(message, source=str(path))
                    plain = plain and "\0" not in id and len(id) <= _LONGEST_ID
                    longest = max(longest, len(id))
                    encoded = id.encode()
                    ids.write(len(encoded).to_bytes(4, "little") + encoded)
                indptr.write((batch.indptr[1:] + pairs).tobytes())
                indices.write(batch.indices.astype(np.int64).tobytes())
                data.write(batch.weights.tobytes())
                pairs += batch.nnz
            archive = stack.enter_context(zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, allowZip64=True))
            _write(archive, "format", np.array(b"csr"))
            _write(archive, "shape", np.array([len(seen), dim], np.int64))
            _copy(archive, "indptr", np.dtype(np.int64), len(seen) + 1, indptr)
            _copy(archive, "indices", np.dtype(np.int64), pairs, indices)
            _copy(archive, "data", np.dtype(np.float32), pairs, data)
            if plain:
                padded = (id.decode().encode("utf-32-le").ljust(4 * longest, b"\0") for id in _written(ids))
                _copy(archive, "ids", np.dtype(f"<U{longest}"), len(seen), ids, padded)
            else:
                lengths = np.fromiter(map(len, _written(ids)), np.int64, len(seen))
                _write(archive, "ids_lengths", lengths)
                _copy(archive, "ids_utf8", np.dtype(np.uint8), int(lengths.sum()), ids, _written(ids))
        return len(seen)

    def scale(self, path: Path) -> None:
        """See `VectorFormat.scale`."""
        return


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise InputError(f"not a readable .npz file: {error}", source=str(path)) from None


def _shape(archive: zipfile.ZipFile, source: str) -> tuple[int, int]:
    """Rows and columns of the matrix. InputError for one that is not CSR."""
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    if "format" not in names or "shape" not in names:
        raise InputError(f"holds {', '.join(names[:8]) or 'nothing'}, and no sparse matrix: {_HINT}", source=source)
    format = _Array(archive, "format", "SU", source).take(1)[0]
    kind = format.decode("latin-1") if isinstance(format, bytes) else str(format)
    if kind != "csr":
        raise InputError(f"the matrix is in the format {kind!r}: {_HINT}", source=source)
    shape = _Array(archive, "shape", "iu", source)
    rows, columns = (int(value) for value in (shape.take(2) if shape.length == 2 else (-1, -1)))
    if not (0 <= rows < 2**32 and 0 <= columns <= 2**32):
        raise InputError("the shape of the matrix is out of range: [vectors, terms]", source=source)
    return rows, columns


def _batches(path: Path, rows: int, dim: int, batch_rows: int) -> Iterator[SparseVectors]:
    source, seen = str(path), UniqueIds()
    with ExitStack() as stack:
        archive = stack.enter_context(_open(path))

        def array(name: str, kinds: str) -> _Array:
            opened = _Array(archive, name, kinds, source)
            stack.callback(opened.close)
            return opened

        indptr, indices, data = array("indptr", "iu"), array("indices", "iu"), array("data", "iuf")
        names = archive.namelist()
        named = array("ids", "UiuS") if "ids.npy" in names else None
        spelled = array("ids_utf8", "u") if named is None and "ids_utf8.npy" in names else None
        if spelled is not None:
            named = array("ids_lengths", "iu")
        if indptr.length != rows + 1 or indices.length != data.length or (named and named.length != rows):
            raise InputError(f"the arrays do not fit the shape of the matrix: {_HINT}", source=source)
        last = int(indptr.take(1)[0])
        if last != 0:
            raise InputError("row offsets must begin with 0", source=source)
        for first in range(0, rows, batch_rows):
            count = min(batch_rows, rows - first)
            offsets = np.concatenate([[last], indptr.take(count).astype(np.int64)])
            lengths = np.diff(offsets)
            if (offsets < 0).any() or (lengths < 0).any() or offsets[-1] > indices.length:
                raise InputError("row offsets must ascend to the number of entries", source=source)
            last = int(offsets[-1])
            ids = _names(named, first, count) if spelled is None or named is None else _spelled(named, spelled, count)
            for row, id in enumerate(ids, start=first):
                if not seen.add(id):
                    raise InputError(f"row {row}: the id {id!r} came before; ids must be unique", source=source)
            pairs = int(lengths.sum())
            taken = indices.take(pairs), data.take(pairs)
            yield vectors_of_pairs(lengths, *taken, ids, dim, source=source, first_row=first, sums=True)
        if last != indices.length:
            raise InputError(f"{indices.length:,} entries, of which the rows have {last:,}", source=source)
    if not rows:
        yield SparseVectors.empty(dim)


def _names(named: _Array | None, first: int, count: int) -> list[str]:
    if named is None:
        return [str(number) for number in range(first, first + count)]
    values = named.take(count)
    return [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in values.tolist()]


def _spelled(lengths: _Array, spelled: _Array, count: int) -> list[str]:
    """The next so many ids of the array of their bytes. InputError where they are none."""
    values = lengths.take(count).astype(np.int64)
    if ((values < 1) | (values > LONGEST_RECORD)).any() or values.sum() > spelled.length or spelled.dtype.itemsize > 1:
        raise InputError("the arrays 'ids_lengths' and 'ids_utf8' do not fit each other", source=lengths.source)
    data = spelled.take(int(values.sum())).tobytes()
    stops = np.cumsum(values).tolist()
    try:
        return [data[start:stop].decode() for start, stop in pairwise([0, *stops])]
    except UnicodeDecodeError as error:
        raise InputError(f"an id is not UTF-8: {error}", source=lengths.source) from None


def _header(file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_2_0(
        file, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )


def _write(archive: zipfile.ZipFile, name: str, values: npt.NDArray[Any]) -> None:
    with archive.open(f"{name}.npy", "w") as file:
        np.lib.format.write_array(file, values, allow_pickle=False)


def _copy(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    length: int,
    source: IO[bytes],
    parts: Iterator[bytes] | None = None,
) -> None:
    source.seek(0)
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        _header(file, dtype, (length,))
        for part in iter(lambda: source.read(_COPY), b"") if parts is None else parts:
            file.write(part)


def _written(ids: IO[bytes]) -> Iterator[bytes]:
    """The ids that were written with their lengths before them."""
    ids.seek(0)
    while head := ids.read(4):
        yield ids.read(int.from_bytes(head, "little"))


FORMAT: VectorFormat = NpzFormat()
