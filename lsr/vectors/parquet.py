"""Sparse vectors in Parquet, one per row: `id` string, `indices` list<uint32>, `values` list<float>.

The size of the vocabulary is kept under "dim" in the schema's metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lsr.core.annotated import as_annotated
from lsr.core.errors import InputError
from lsr.core.files import atomic_file
from lsr.core.parquet_layout import RowGroup, check_layout, read_layout
from lsr.core.unique_ids import UniqueIds
from lsr.core.vocabulary import Vocabulary
from lsr.vectors.formats import Progress, VectorFormat, reported, same_size
from lsr.vectors.sparse import SparseVectors

# Some readers load a whole row group into memory, so it has at most 32 MiB of pairs and 2¹⁶ rows.
_GROUP_ROWS = 1 << 16
_GROUP_PAIRS = 1 << 22
_COLUMNS = ("id", "indices", "values")
_DIM = b"dim"


class ParquetVectorWriter:
    """Writes batches of vectors to a Parquet file, which appears only if the `with` block succeeds.

    Batches of any size are gathered into row groups of bounded size, compressed with zstd. OutputExistsError if `path`
    exists and `force` is not set.
    """

    @as_annotated
    def __init__(self, path: str | Path, dim: int, force: bool = False) -> None:
        self.path = Path(path)
        self.dim = dim
        self.rows = 0
        self._force = force
        self._ids = UniqueIds()
        self._pending: list[SparseVectors] = []
        self._pending_rows = self._pending_pairs = 0
        self._resources = ExitStack()

    def __enter__(self) -> ParquetVectorWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_file(self.path, force=self._force))
            fields = [("id", pa.string()), ("indices", pa.list_(pa.uint32())), ("values", pa.list_(pa.float32()))]
            self._schema = pa.schema(fields, metadata={_DIM: str(self.dim)})
            # Splitting floats into streams by byte makes zstd's output a tenth smaller than a dictionary does.
            options = {"use_dictionary": False, "column_encoding": {"values.list.element": "BYTE_STREAM_SPLIT"}}
            self._file = stack.enter_context(
                pq.ParquetWriter(temporary.absolute(), self._schema, compression="zstd", **options)
            )
            self._resources = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self._resources:
                self._flush()
        else:
            self._resources.__exit__(kind, error, trace)

    @as_annotated
    def write(self, vectors: SparseVectors) -> None:
        """Add rows. InputError if they have another vocabulary or an id was written before."""
        if vectors.dim != self.dim:
            message = f"vectors of {vectors.dim:,} terms cannot be in one file with vectors of {self.dim:,}"
            raise InputError(message, source=str(self.path))
        for row, id in enumerate(vectors.ids, start=self.rows):
            if not self._ids.add(id):
                raise InputError(f"row {row}: duplicate id {id!r}; ids must be unique", source=str(self.path))
        start = 0
        while start < len(vectors):
            last_pair = vectors.indptr[start] + _GROUP_PAIRS - self._pending_pairs
            fitting = int(np.searchsorted(vectors.indptr, last_pair, side="right")) - 1
            stop = min(len(vectors), start + _GROUP_ROWS - self._pending_rows, fitting)
            if stop <= start and not self._pending:
                stop = start + 1  # a row larger than a group gets one of its own
            if stop > start:
                self._pending.append(vectors[start:stop])
                self._pending_rows += stop - start
                self._pending_pairs += self._pending[-1].nnz
            if stop < len(vectors) or self._pending_rows == _GROUP_ROWS:
                self._flush()
            start = max(start, stop)
        self.rows += len(vectors)

    def _flush(self) -> None:
        if not self._pending:
            return
        lengths = np.concatenate([np.diff(part.indptr) for part in self._pending])
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        indices = np.concatenate([part.indices for part in self._pending])
        weights = np.concatenate([part.weights for part in self._pending])
        columns = [
            pa.array([id for part in self._pending for id in part.ids], pa.string()),
            pa.ListArray.from_arrays(offsets, pa.array(indices)),
            pa.ListArray.from_arrays(offsets, pa.array(weights)),
        ]
        self._file.write_batch(pa.record_batch(columns, schema=self._schema))
        self._pending, self._pending_rows, self._pending_pairs = [], 0, 0


def recorded_dim(path: Path) -> int | None:
    """The size of the vocabulary that the file records, or None. InputError if the file is not such a Parquet file."""
    with _open(path) as (file, _):
        recorded = (file.schema_arrow.metadata or {}).get(_DIM)
    if recorded is not None and not recorded.isdigit():
        raise InputError(f"the size of the vocabulary is recorded as {recorded!r}, not as a number", source=str(path))
    return None if recorded is None else int(recorded)


def scan_dim(path: Path) -> int:
    """The largest term id in the file plus one, from the row groups' statistics or else from the column itself."""
    with _open(path, values=True) as (file, layout):
        highest = [_highest_in_statistics(group) for group in layout]
        if None in highest:
            batches = file.iter_batches(columns=["indices"])
            highest = [pc.max(batch.column(0).flatten()).as_py() for batch in batches]
    return max((term for term in highest if term is not None), default=-1) + 1


def read_parquet(path: Path, dim: int, batch_rows: int) -> Iterator[SparseVectors]:
    """Read batches of at most `batch_rows` rows; indices may have any integer type, values any numeric type.

    Values of 0 are dropped. A file without rows gives one empty batch.
    """
    seen = UniqueIds()
    row = 0
    with _open(path, values=True) as (file, _):
        for batch in file.iter_batches(batch_size=batch_rows, columns=list(_COLUMNS)):
            vectors = _vectors_of(batch, dim, str(path), row)
            for id in vectors.ids:
                if not seen.add(id):
                    raise InputError(f"row {row}: duplicate id {id!r}; ids must be unique", source=str(path))
                row += 1
            yield vectors
    if row == 0:
        yield SparseVectors.empty(dim)


def _vectors_of(batch: pa.RecordBatch, dim: int, source: str, first_row: int) -> SparseVectors:
    columns = {name: batch.column(name) for name in _COLUMNS}
    for name, column in columns.items():
        if column.null_count:
            row = first_row + pc.index(column.is_null(), True).as_py()
            raise InputError(f"row {row}: null", source=source, field=name)
    ids = columns["id"].cast(pa.string()).to_pylist()
    lengths, weight_lengths = (pc.list_value_length(columns[name]).to_numpy() for name in ("indices", "values"))
    if (lengths != weight_lengths).any():
        at = int((lengths != weight_lengths).argmax())
        counts = f"{lengths[at]} indices but {weight_lengths[at]} values"
        raise InputError(f"row {first_row + at} (id {ids[at]!r}): {counts}", source=source)
    indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    def flat(name: str) -> npt.NDArray[Any]:
        pairs = columns[name].flatten()
        if pairs.null_count:
            at = int(np.searchsorted(indptr, pc.index(pairs.is_null(), True).as_py(), side="right")) - 1
            raise InputError(f"row {first_row + at} (id {ids[at]!r}): null inside", source=source, field=name)
        return pairs.to_numpy(zero_copy_only=False)

    indices, values = flat("indices"), flat("values")
    kept = values != 0
    if not kept.all():
        indices, values = indices[kept], values[kept]
        indptr = np.concatenate([[0], np.cumsum(kept)])[indptr]
    descends = indices[1:] < indices[:-1]
    descends[indptr[(indptr > 0) & (indptr < len(indices))] - 1] = False
    if descends.any():  # as other tools write them; a term that is there twice is refused
        order = np.lexsort((indices, np.repeat(np.arange(len(ids)), np.diff(indptr))))
        indices, values = indices[order], values[order]
    return SparseVectors(indptr, indices, values, ids, dim, source=source, first_row=first_row)


@contextmanager
def _open(path: Path, *, values: bool = False) -> Iterator[tuple[pq.ParquetFile, list[RowGroup]]]:
    """The file, whose pages are checked if its values are to be read, and where its row groups are."""
    try:
        layout = _layout(path, values)
        # Without pre-buffering, which would keep every row group that was read in memory.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            _check_schema(file.schema_arrow, str(path))
            yield file, layout
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise InputError(f"not a readable Parquet file: {error}", source=str(path)) from error


def _layout(path: Path, values: bool) -> list[RowGroup]:
    try:
        return check_layout(path) if values else read_layout(path)
    except ValueError as error:
        raise InputError(f"not a readable Parquet file: {error}", source=str(path)) from None


def _check_schema(schema: pa.Schema, source: str) -> None:
    types = pa.types
    for name in _COLUMNS:
        if schema.names.count(name) != 1:
            there = ", ".join(schema.names) or "none"
            message = f"sparse vectors need the columns {', '.join(_COLUMNS)}; the file has {there}"
            raise InputError(message, source=source, field=name)
    id, indices, values = (schema.field(name).type for name in _COLUMNS)
    if types.is_dictionary(id):
        id = id.value_type
    if not any(
        is_kind(id) for is_kind in (types.is_string, types.is_large_string, types.is_string_view, types.is_integer)
    ):
        raise InputError(f"must be a column of strings or integers, not {id}", source=source, field="id")
    if not (_is_list(indices) and types.is_integer(indices.value_type)):
        raise InputError(f"must be a column of lists of integers, not {indices}", source=source, field="indices")
    numeric = _is_list(values) and (types.is_floating(values.value_type) or types.is_integer(values.value_type))
    if not numeric:
        raise InputError(f"must be a column of lists of floats, not {values}", source=source, field="values")


def _is_list(type: pa.DataType) -> bool:
    return pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type)


def _highest_in_statistics(group: RowGroup) -> int | None:
    """The largest index; None where the statistics leave it out, or it is too large for a signed number."""
    for column in group.columns:
        if column.path.startswith("indices.") and column.largest is not None and column.largest >= 0:
            return column.largest
    return None


class ParquetFormat:
    """Parquet as one of the formats of vector files: it stores term ids and weights."""

    def vocabulary(self, path: Path) -> None:
        """See `VectorFormat.vocabulary`."""
        return

    def read(
        self, path: Path, *, vocabulary: Vocabulary | None, dim: int | None, batch_rows: int, scale: float | None
    ) -> Iterator[SparseVectors]:
        """See `VectorFormat.read`."""
        size = same_size(path, recorded_dim(path), dim, None if vocabulary is None else len(vocabulary))
        return read_parquet(path, scan_dim(path) if size is None else size, batch_rows)

    def write(
        self,
        path: Path,
        batches: Iterable[SparseVectors],
        *,
        dim: int,
        vocabulary: Vocabulary | None,
        scale: float | None,
        force: bool,
        progress: Progress | None,
    ) -> int:
        """See `VectorFormat.write`."""
        with ParquetVectorWriter(path, dim, force=force) as writer:
            for batch in reported(batches, progress):
                writer.write(batch)
        return writer.rows

    def scale(self, path: Path) -> None:
        """See `VectorFormat.scale`."""
        return


FORMAT: VectorFormat = ParquetFormat()
