"""Sparse vectors in CSR form: the only thing that crosses from encoding to indexing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.arguments import count, kind_of, place_in
from lsr.core.arrays import row_numbers
from lsr.core.counted import counted
from lsr.core.errors import InputError
from lsr.vectors import formats

if TYPE_CHECKING:
    import scipy.sparse
    import torch

    from lsr.core.vocabulary import Vocabulary


_ARRAYS = "row offsets, term ids and weights are arrays of numbers, ids a list of strings, dim a whole number"


class SparseVectors:
    """Rows of (term id, weight) pairs, each row with an id.

    Attributes:
        indptr: int64 [n + 1], where each row starts in `indices` and `weights`.
        indices: uint32 [nnz], term ids, strictly ascending within a row, below `dim`.
        weights: float32 [nnz], finite and positive.
        ids: n strings, all different.
        dim: the number of terms in the vocabulary.

    The arrays are validated unless `validate=False` (for arrays that this package has just made). InputError names the
    first row that breaks a rule; it counts rows from `first_row`, for a batch out of a longer `source`.
    """

    __slots__ = ("dim", "ids", "indices", "indptr", "weights")

    def __init__(
        self,
        indptr: npt.ArrayLike,
        indices: npt.ArrayLike,
        weights: npt.ArrayLike,
        ids: Sequence[str],
        dim: int,
        *,
        validate: bool = True,
        source: str | None = None,
        first_row: int = 0,
    ) -> None:
        try:
            self.ids: list[str] = list(ids)
            self.dim = int(dim)
            self.indptr: npt.NDArray[np.int64] = np.ascontiguousarray(indptr, dtype=np.int64)
            with np.errstate(over="ignore"):  # what overflows float32 becomes infinite, which is refused below
                self.weights: npt.NDArray[np.float32] = np.ascontiguousarray(weights, dtype=np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{_ARRAYS}: {error}", source=source) from None
        if validate:
            first_row = count(first_row, "first_row", least=0)
            try:
                indices = np.asarray(indices)
            except ValueError as error:  # lists of different lengths
                raise InputError(f"{_ARRAYS}: {error}", source=source) from None
            self._check_offsets(indices, source)
            self._check_term_ids(indices, source, first_row)
        self.indices: npt.NDArray[np.uint32] = np.ascontiguousarray(indices, dtype=np.uint32)
        if validate:
            self._check_weights(source, first_row)
            _check_ids(self.ids, source, first_row)

    # -- making ------------------------------------------------------------------------------------------------------

    @classmethod
    def empty(cls, dim: int) -> SparseVectors:
        """No rows."""
        return cls([0], [], [], [], dim)

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]],
        ids: Sequence[str] | None = None,
        dim: int | None = None,
    ) -> SparseVectors:
        """Build from (term ids, weights) pairs; ids default to "0", "1", …, `dim` to the largest term id plus one."""
        try:
            pairs = [(np.asarray(terms), np.asarray(weights, dtype=np.float32)) for terms, weights in rows]
        except (TypeError, ValueError) as error:
            raise InputError(f"rows are pairs of term ids and weights: {error}") from None
        for row, (terms, weights) in enumerate(pairs):
            if terms.shape != weights.shape or terms.ndim != 1:
                raise InputError(f"row {row}: {terms.shape} term ids and {weights.shape} weights; give one of each")
        lengths = np.fromiter((len(terms) for terms, _ in pairs), dtype=np.int64, count=len(pairs))
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        filled = [pair for pair in pairs if len(pair[0])]
        indices = np.concatenate([terms for terms, _ in filled]) if filled else np.empty(0, np.uint32)
        weights = np.concatenate([w for _, w in filled]) if filled else np.empty(0, np.float32)
        if dim is None:
            dim = int(indices.max()) + 1 if indices.size else 0
        return cls(indptr, indices, weights, _default_ids(ids, len(pairs)), dim)

    @classmethod
    def from_scipy(cls, matrix: scipy.sparse.spmatrix, ids: Sequence[str] | None = None) -> SparseVectors:
        """Convert a scipy sparse matrix or array [n, dim]. Duplicate entries are summed, explicit zeros dropped."""
        if not hasattr(matrix, "tocsr"):
            raise InputError(f"vectors come from a scipy sparse matrix, not {kind_of(matrix)}")
        csr = matrix.tocsr().astype(np.float32, copy=True)
        csr.sum_duplicates()
        csr.eliminate_zeros()
        csr.sort_indices()
        return cls(csr.indptr, csr.indices, csr.data, _default_ids(ids, csr.shape[0]), csr.shape[1])

    @classmethod
    def from_torch(cls, tensor: torch.Tensor, ids: Sequence[str] | None = None) -> SparseVectors:
        """Convert a torch tensor [n, dim] on any device, dense or in any sparse layout. Zeros are dropped."""
        import scipy.sparse

        if not (hasattr(tensor, "to_sparse_coo") and hasattr(tensor, "detach")):
            raise InputError(f"vectors come from a torch tensor, not {kind_of(tensor)}")
        if tensor.ndim != 2:
            raise InputError(f"vectors must be a tensor of 2 dimensions, not {tensor.ndim}")
        tensor = tensor.detach().to_sparse_coo().coalesce().cpu()
        pairs = (tensor.values().float().numpy(), tensor.indices().numpy())
        return cls.from_scipy(scipy.sparse.coo_array(pairs, shape=tuple(tensor.shape)), ids)

    @classmethod
    def concatenate(cls, parts: Sequence[SparseVectors]) -> SparseVectors:
        """Join the rows of all parts, in order. InputError if the vocabularies differ in size or an id repeats."""
        if not isinstance(parts, Sequence) or not all(isinstance(part, SparseVectors) for part in parts):
            raise InputError(f"a sequence of SparseVectors is joined, not {kind_of(parts)}")
        if not parts:
            raise InputError("nothing to concatenate")
        dims = {part.dim for part in parts}
        if len(dims) > 1:
            raise InputError(f"vectors of different vocabularies cannot be joined: sizes {sorted(dims)}")
        lengths = np.concatenate([np.diff(part.indptr) for part in parts])
        joined = cls(
            np.concatenate([[0], np.cumsum(lengths)]),
            np.concatenate([part.indices for part in parts]),
            np.concatenate([part.weights for part in parts]),
            [id for part in parts for id in part.ids],
            parts[0].dim,
            validate=False,
        )
        _check_ids(joined.ids, None, 0)
        return joined

    # -- reading -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nnz(self) -> int:
        """Number of (term, weight) pairs in all rows."""
        return int(self.indptr[-1])

    def row(self, i: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Term ids and weights of row `i`, as views."""
        i = place_in(i, len(self), "row")
        start, stop = self.indptr[i], self.indptr[i + 1]
        return self.indices[start:stop], self.weights[start:stop]

    def __iter__(self) -> Iterator[tuple[str, npt.NDArray[np.uint32], npt.NDArray[np.float32]]]:
        for i, id in enumerate(self.ids):
            yield (id, *self.row(i))

    def __getitem__(self, rows: slice) -> SparseVectors:
        """A slice of consecutive rows; the arrays are views."""
        if not isinstance(rows, slice):
            raise InputError(
                f"rows are taken by a slice, as vectors[2:5], not by {kind_of(rows)}; row(2) is one of them"
            )
        try:
            start, stop, step = rows.indices(len(self))
        except TypeError:
            raise InputError(f"the ends of a slice of rows are whole numbers, not {kind_of(rows)}") from None
        if step != 1:
            raise InputError("rows can be sliced with step 1 only; use take() for others")
        stop = max(start, stop)
        first, last = self.indptr[start], self.indptr[stop]
        return SparseVectors(
            self.indptr[start : stop + 1] - first,
            self.indices[first:last],
            self.weights[first:last],
            self.ids[start:stop],
            self.dim,
            validate=False,
        )

    def take(self, rows: Sequence[int] | npt.NDArray[np.integer]) -> SparseVectors:
        """The given rows, all different, in the given order."""
        chosen = row_numbers(rows, "the rows to take")
        if len(chosen) and not -len(self) <= chosen.min() <= chosen.max() < len(self):
            raise InputError(f"the rows to take are numbers below {len(self):,}, not {kind_of(rows)}")
        order = np.arange(len(self))[chosen]
        lengths = np.diff(self.indptr)[order]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        positions = np.arange(indptr[-1]) + np.repeat(self.indptr[order] - indptr[:-1], lengths)
        ids = [self.ids[i] for i in order]
        _check_ids(ids, None, 0)
        return SparseVectors(indptr, self.indices[positions], self.weights[positions], ids, self.dim, validate=False)

    def top_k(self, k: int) -> SparseVectors:
        """Each row's `k` heaviest terms (ties: the lower term id), terms still ascending."""
        k = count(k, "top_k")
        lengths = np.diff(self.indptr)
        if not len(self) or lengths.max() <= k:
            return self
        kept = np.empty(self.nnz, np.bool_)
        kept[self.heaviest_first()] = np.arange(self.nnz) - np.repeat(self.indptr[:-1], lengths) < k
        return self.keep(kept)

    def heaviest_first(self) -> npt.NDArray[np.int64]:
        """int64 [nnz]: the positions of all pairs, by row, the heaviest of each first (ties: the lower term id)."""
        rows = np.repeat(np.arange(len(self), dtype=np.uint64), np.diff(self.indptr))
        # Positive floats sort like their bits: one key, several times as fast to sort as two.
        lightness = (np.uint32(0xFFFF_FFFF) - self.weights.view(np.uint32)).astype(np.uint64)
        return np.argsort(rows << np.uint64(32) | lightness, kind="stable")

    def keep(self, kept: npt.NDArray[np.bool_]) -> SparseVectors:
        """All rows, with only those pairs for which `kept` [nnz] is True."""
        if not (isinstance(kept, np.ndarray) and kept.dtype == np.bool_ and kept.shape == (self.nnz,)):
            raise InputError(f"what to keep is an array of {self.nnz:,} bools, one for each pair, not {kind_of(kept)}")
        indptr = np.concatenate([[0], np.cumsum(kept)])[self.indptr]
        return SparseVectors(indptr, self.indices[kept], self.weights[kept], self.ids, self.dim, validate=False)

    def to_scipy(self) -> scipy.sparse.csr_matrix:
        """scipy CSR matrix [n, dim], float32."""
        import scipy.sparse

        shape = (len(self), self.dim)
        return scipy.sparse.csr_matrix((self.weights, self.indices.astype(np.int64), self.indptr), shape=shape)

    def to_torch(self) -> torch.Tensor:
        """torch sparse CSR tensor [n, dim], float32."""
        import torch

        return torch.sparse_csr_tensor(
            torch.from_numpy(self.indptr.copy()),
            torch.from_numpy(self.indices.astype(np.int64)),
            torch.from_numpy(self.weights.copy()),
            size=(len(self), self.dim),
        )

    @as_annotated
    def save(self, path: str | Path, *, vocabulary: Vocabulary | None = None, force: bool = False) -> None:
        """Write .parquet (term ids), .jsonl or .ciff (terms, so `vocabulary` is needed), the last two also compressed.

        For more options, see `lsr.vectors.files.write_vectors`.
        """
        formats.write(path, [self], vocabulary=vocabulary, force=force)

    @classmethod
    @as_annotated
    def load(cls, path: str | Path, *, vocabulary: Vocabulary | None = None, dim: int | None = None) -> SparseVectors:
        """Read a whole vector file; use `lsr.vectors.files.iter_vectors` for one that does not fit in memory."""
        return cls.concatenate(list(formats.read(path, vocabulary=vocabulary, dim=dim)))

    def __repr__(self) -> str:
        return (
            f"SparseVectors({counted(len(self), 'rows')}, {counted(self.nnz, 'pairs')}, {counted(self.dim, 'terms')})"
        )

    # -- rules -------------------------------------------------------------------------------------------------------

    def _check_offsets(self, indices: npt.NDArray[Any], source: str | None) -> None:
        rows, indptr = len(self.ids), self.indptr
        if indptr.ndim != 1 or indices.ndim != 1 or self.weights.ndim != 1:
            raise InputError("row offsets, term ids and weights must each have one dimension", source=source)
        if len(indptr) != rows + 1:
            raise InputError(f"{rows} ids need {rows + 1} row offsets, not {len(indptr)}", source=source)
        ends_well = indptr[0] == 0 and indptr[-1] == len(indices) == len(self.weights)
        if not ends_well or (np.diff(indptr) < 0).any():
            raise InputError(
                f"row offsets must ascend from 0 to the number of pairs; got {len(indices)} term ids, "
                f"{len(self.weights)} weights, offsets from {indptr[0]} to {indptr[-1]}",
                source=source,
            )

    def _check_term_ids(self, indices: npt.NDArray[Any], source: str | None, first_row: int) -> None:
        """Check term ids before the cast to uint32, which would wrap or round what does not fit."""
        if not len(indices):
            return
        if not np.issubdtype(indices.dtype, np.integer):
            raise InputError(f"term ids must be integers, not {indices.dtype}", source=source)
        size = min(self.dim, 2**32)
        if indices.min() < 0 or indices.max() >= size:
            at = int(((indices < 0) | (indices >= size)).argmax())
            message = f"term id {indices[at]} is outside the vocabulary of {self.dim:,} terms"
            raise self._broken(at, message, source, first_row)
        descends = indices[1:] <= indices[:-1]
        starts = self.indptr[(self.indptr > 0) & (self.indptr < len(indices))]
        descends[starts - 1] = False
        if descends.any():
            at = int(descends.argmax()) + 1
            message = f"term ids must be sorted and unique; {indices[at]} follows {indices[at - 1]}"
            raise self._broken(at, message, source, first_row)

    def _check_weights(self, source: str | None, first_row: int) -> None:
        bad = ~(np.isfinite(self.weights) & (self.weights > 0))
        if bad.any():
            at = int(bad.argmax())
            message = f"weight {self.weights[at]} of term {self.indices[at]} is not finite and positive"
            raise self._broken(at, message, source, first_row)

    def _broken(self, pair: int, message: str, source: str | None, first_row: int) -> InputError:
        row = int(np.searchsorted(self.indptr, pair, side="right")) - 1
        return InputError(f"row {first_row + row} (id {self.ids[row]!r}): {message}", source=source)


def _default_ids(ids: Sequence[str] | None, rows: int) -> Sequence[str]:
    return [str(i) for i in range(rows)] if ids is None else ids


def _check_ids(ids: Sequence[str], source: str | None, first_row: int) -> None:
    seen: dict[str, int] = {}
    for row, id in enumerate(ids, start=first_row):
        if not isinstance(id, str) or not id:
            raise InputError(f"row {row}: an id must be a non-empty string, not {id!r}", source=source)
        if seen.setdefault(id, row) != row:
            raise InputError(f"row {row}: id {id!r} is already in row {seen[id]}", source=source)
