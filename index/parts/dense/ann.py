"""faiss's index structures over a part's dense vectors: building, saving, searching for candidates."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError, MissingDependencyError
from lsr.core.types import Vectors
from lsr.index.format.files import map_index_file
from lsr.index.parts.dense.ann_file import check_ann
from lsr.index.parts.dense.settings import clusters, factory

_ADD_AT_A_TIME = 1 << 14
# Vectors to learn clusters and codes from. faiss takes at most 256 for each centroid.
_TRAINING_VECTORS = 1 << 17
_EF_CONSTRUCTION = 80
# HNSW's ef_search: at least, and per requested candidate, because a search that keeps no more in view than it returns
# misses near ones. And the share of the clusters that is read.
_EF_SEARCH, _EF_PER_CANDIDATE = 64, 1.75
_PROBED = 1 / 16


def import_faiss() -> Any:
    """Import faiss; MissingDependencyError if it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise MissingDependencyError(
            "dense search needs faiss, which is not installed: pip install 'lsr-engine[dense]'"
        ) from error
    return faiss


def write_ann(
    path: Path, vectors: Vectors, kind: str, *, seed: int, threads: int, progress: Callable[[int], None]
) -> None:
    """Build and save the structure of a kind other than flat over float32 [documents, dim], which is read in chunks."""
    faiss = import_faiss()
    documents, dim = vectors.shape
    index = faiss.index_factory(dim, factory(kind, documents, dim), faiss.METRIC_INNER_PRODUCT)
    if kind == "hnsw":
        faiss.downcast_index(index.index).hnsw.efConstruction = _EF_CONSTRUCTION
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        sample = np.sort(np.random.default_rng(seed).permutation(documents)[:_TRAINING_VECTORS])
        index.train(np.ascontiguousarray(vectors[sample]))
        for start in range(0, documents, _ADD_AT_A_TIME):
            part = np.ascontiguousarray(vectors[start : start + _ADD_AT_A_TIME])
            index.add_with_ids(part, np.arange(start, start + len(part)))
            progress(len(part))
    finally:
        faiss.omp_set_num_threads(before)
    faiss.write_index(index, str(path))


class _Bytes:
    """Mapped bytes, read as faiss reads a file: a part at a time."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self._data, self._at = data, 0

    def read(self, size: int) -> bytes:
        """The next bytes, at most so many."""
        part = self._data[self._at : self._at + size].tobytes()
        self._at += len(part)
        return part


class Ann:
    """A saved structure, read into memory when it is opened. Safe to use from several threads."""

    def __init__(self, path: Path, kind: str, documents: int, dim: int, crc: int) -> None:
        """IndexFormatError if the file is not such a structure, is of another size or has another CRC-32.

        faiss sees the file only when its checksum is the recorded one and `check_ann` finds nothing wrong with it.
        """
        self._faiss = faiss = import_faiss()
        self._kind = kind
        data = map_index_file(path)
        found = zlib.crc32(data)
        if found != crc:
            raise IndexFormatError(f"{path}: expected CRC-32 {crc:08x}, found {found:08x}")
        try:
            check_ann(data, kind, documents, dim)
            # The bytes that were looked at, and not the file again, which might be another by now.
            self._index = faiss.read_index(faiss.PyCallbackIOReader(_Bytes(data).read))
        except (RuntimeError, ValueError) as error:
            raise IndexFormatError(f"{path}: faiss cannot read it ({error})") from error
        if (self._index.ntotal, self._index.d) != (documents, dim):
            raise IndexFormatError(
                f"{path}: expected {documents:,} vectors of {dim}, found {self._index.ntotal:,} of {self._index.d}"
            )

    def candidates(
        self, queries: Vectors, k: int, allow: npt.NDArray[np.uint8] | None, effort: int | None
    ) -> list[npt.NDArray[np.int64]]:
        """Up to `k` rows near each of the queries, float32 [queries, dim], in no particular order.

        `allow` is a bitmap of rows; `effort` the vectors that HNSW keeps in view (ef_search, at least k), or the
        clusters that are read (nprobe).
        """
        _, rows = self._index.search(queries, k, params=self._parameters(k, allow, effort))
        return [found[found >= 0] for found in rows]

    def _parameters(self, k: int, allow: npt.NDArray[np.uint8] | None, effort: int | None) -> Any:
        faiss = self._faiss
        selector = None if allow is None else id_selector(faiss, allow)
        inside = {"sel": selector} if selector is not None else {}
        if self._kind == "hnsw":
            breadth = max(effort or max(_EF_SEARCH, int(_EF_PER_CANDIDATE * k)), k)
            return faiss.SearchParametersHNSW(efSearch=breadth, **inside)
        if self._kind in ("ivf", "ivfpq"):
            lists = clusters(self._index.ntotal)
            probes = effort or max(8, round(lists * _PROBED))
            made = faiss.SearchParametersIVF if self._kind == "ivf" else faiss.IVFPQSearchParameters
            return made(nprobe=min(probes, lists), **inside)
        return faiss.SearchParameters(**inside) if inside else None


def id_selector(faiss: Any, allow: npt.NDArray[np.uint8]) -> Any:
    """faiss's form of a bitmap of rows, which has the same order of bits."""
    return faiss.IDSelectorBitmap(np.ascontiguousarray(allow))


def nearest(
    vectors: Vectors, queries: Vectors, k: int, allow: npt.NDArray[np.uint8] | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """faiss's exact search over vectors in place: (products float32 [queries, k], rows int64, -1 for none)."""
    faiss = import_faiss()
    count, dim = queries.shape
    products, rows = np.empty((count, k), np.float32), np.empty((count, k), np.int64)
    selector = None if allow is None else id_selector(faiss, allow)
    faiss.knn_inner_product(
        *map(faiss.swig_ptr, (queries, vectors)),
        dim,
        count,
        len(vectors),
        k,
        *map(faiss.swig_ptr, (products, rows)),
        selector,
    )
    return products, rows
