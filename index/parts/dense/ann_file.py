"""Looking at a file of faiss before faiss reads it.

faiss believes sizes and numbers that a file holds: it makes room for as many values as it is told, and follows links to
wherever they lead. What the file of a kind and a number of vectors must say is known, so it is walked through first,
field by field (`faiss/impl/index_write.cpp`), and numbers that a search goes by are held to their range.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.index.parts.dense.settings import clusters, code_bits, sub_quantisers

_HEADERS = {"sq8": b"IxSQ", "pq": b"IxPq", "hnsw": b"IHNs", "ivf": b"IwSq", "ivfpq": b"IwPQ"}
# faiss writes so many of the numbers that tell how a graph is built; each level has at least one link.
_MOST_LEVELS = 64
_MOST_LINKS = 1 << 12


def check_ann(data: npt.NDArray[np.uint8], kind: str, documents: int, dim: int) -> None:
    """ValueError, saying where, unless the bytes are a structure of this kind over so many vectors of `dim` numbers."""
    file = _File(data)
    _header(file, b"IxM2", documents, dim)
    _header(file, _HEADERS[kind], documents, dim)
    if kind == "sq8":
        _scalar_quantised(file, documents, dim)
    elif kind == "pq":
        code = _product_quantiser(file, documents, dim)
        file.vector("codes", np.uint8, documents * code)
        file.skip("search type, signs and threshold", 4 + 1 + 4)
    elif kind == "hnsw":
        _graph(file, documents)
        _header(file, b"IxSQ", documents, dim)
        _scalar_quantised(file, documents, dim)
    else:
        _inverted_file(file, kind, documents, dim)
    ids = file.vector("ids", np.int64, documents)
    if not np.array_equal(ids, np.arange(documents)):
        raise ValueError("the ids are not the rows in order")
    if file.at != len(data):
        raise ValueError(f"{len(data) - file.at:,} bytes follow the end")


class _File:
    """The bytes, read from the front."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self._data = data
        self.at = 0

    def values(self, name: str, dtype: npt.DTypeLike, count: int) -> npt.NDArray[Any]:
        """So many values, which need not be aligned."""
        size = count * np.dtype(dtype).itemsize
        if size > len(self._data) - self.at:
            raise ValueError(f"{name}: {size:,} bytes at {self.at:,} reach beyond the end")
        found = self._data[self.at : self.at + size]
        self.at += size
        return found.view(dtype)

    def number(self, name: str, dtype: npt.DTypeLike, expected: int | None = None) -> int:
        """One whole number; ValueError if it is not the expected one."""
        found = int(self.values(name, dtype, 1)[0])
        if expected is not None and found != expected:
            raise ValueError(f"{name}: expected {expected:,}, found {found:,}")
        return found

    def vector(self, name: str, dtype: npt.DTypeLike, length: int | None = None, *, most: int = 0) -> npt.NDArray[Any]:
        """Values behind their number, which is `length` or at most `most`."""
        found = self.number(f"number of {name}", np.uint64, length)
        if length is None and found > most:
            raise ValueError(f"number of {name}: {found:,}, of at most {most:,}")
        return self.values(name, dtype, found)

    def skip(self, name: str, size: int) -> None:
        """Pass over bytes that nothing is reached by."""
        self.values(name, np.uint8, size)


def _header(file: _File, magic: bytes, documents: int, dim: int) -> None:
    found = file.values("kind", np.uint8, 4).tobytes()
    if found != magic:
        raise ValueError(f"expected {magic!r} at byte {file.at - 4:,}, found {found!r}")
    file.number("dimension", np.int32, dim)
    file.number("number of vectors", np.int64, documents)
    file.skip("two numbers without a use", 16)
    file.number("trained", np.uint8, 1)
    file.number("metric", np.int32, 0)


def _scalar_quantiser(file: _File, dim: int) -> None:
    file.number("quantiser", np.int32, 0)
    file.number("statistic of the range", np.int32)
    file.skip("its argument", 4)
    file.number("dimension of the quantiser", np.uint64, dim)
    file.number("bytes of a code", np.uint64, dim)
    file.vector("ranges", np.float32, 2 * dim)


def _scalar_quantised(file: _File, documents: int, dim: int) -> None:
    _scalar_quantiser(file, dim)
    file.vector("codes", np.uint8, documents * dim)


def _product_quantiser(file: _File, documents: int, dim: int) -> int:
    """Bytes of a code."""
    parts, bits = sub_quantisers(dim), code_bits(documents)
    file.number("dimension of the quantiser", np.uint64, dim)
    file.number("sub-quantisers", np.uint64, parts)
    file.number("bits of a code", np.uint64, bits)
    file.vector("centroids", np.float32, dim << bits)
    return (parts * bits + 7) // 8


def _graph(file: _File, documents: int) -> None:
    """The links of HNSW: every one of them leads to a vector that has links on its level."""
    file.vector("shares of levels", np.float64, most=_MOST_LEVELS)
    room = file.vector("links up to a level", np.int32, most=_MOST_LEVELS + 1).astype(np.int64)
    if len(room) < 2 or room[0] != 0 or (np.diff(room) < 1).any() or room[-1] > _MOST_LINKS:
        raise ValueError("the numbers of links on each level are wrong")
    levels = file.vector("levels", np.int32, documents).astype(np.int64)
    if levels.min() < 1 or levels.max() >= len(room):
        raise ValueError("a vector stands on a level that there is not")
    starts = np.concatenate([[0], np.cumsum(room[levels])])
    if not np.array_equal(file.vector("offsets", np.uint64, documents + 1), starts.astype(np.uint64)):
        raise ValueError("the offsets of links are not those of the levels")
    links = file.vector("links", np.int32, int(starts[-1]))
    if links.min() < -1 or links.max() >= documents:
        raise ValueError("a link leads to a vector that there is not")
    for level in range(1, int(levels.max())):
        members = np.flatnonzero(levels > level)
        places = starts[members][:, None] + np.arange(room[level], room[level + 1])
        reached = links[places]
        if (levels[reached[reached >= 0]] <= level).any():
            raise ValueError("a link leads to a vector that is not on its level")
    entry, top = file.number("entry point", np.int32), file.number("highest level", np.int32)
    if not 0 <= entry < documents or top != levels.max() - 1 or levels[entry] != levels.max():
        raise ValueError("the graph is entered where it is not")
    for name in ("breadth of building", "breadth of search"):
        if not 1 <= file.number(name, np.int32) <= 1 << 20:
            raise ValueError(f"{name} is not a number of reasonable size")
    file.number("beam", np.int32, 1)


def _inverted_file(file: _File, kind: str, documents: int, dim: int) -> None:
    lists = clusters(documents)
    file.number("clusters", np.uint64, lists)
    file.number("clusters that are read", np.uint64, 1)
    _header(file, b"IxFI", lists, dim)
    file.vector("centroids of clusters", np.float32, lists * dim)
    file.number("direct map", np.uint8, 0)
    file.vector("entries of the direct map", np.int64, 0)
    if kind == "ivf":
        _scalar_quantiser(file, dim)
        size = dim
        file.number("bytes of a vector", np.uint64, size)
        file.number("residuals", np.uint8, 1)
    else:
        file.number("residuals", np.uint8, 1)
        at = file.at
        file.skip("bytes of a vector", 8)
        size = _product_quantiser(file, documents, dim)
        behind, file.at = file.at, at
        file.number("bytes of a vector", np.uint64, size)
        file.at = behind
    if file.values("kind of lists", np.uint8, 4).tobytes() != b"ilar":
        raise ValueError("the lists are of a kind that is not known")
    file.number("lists", np.uint64, lists)
    file.number("bytes of an entry", np.uint64, size)
    for number, length in enumerate(_lengths(file, lists, documents).tolist()):
        file.skip(f"codes of list {number:,}", length * size)
        ids = file.values(f"ids of list {number:,}", np.int64, length)
        if length and (ids.min() < 0 or ids.max() >= documents):
            raise ValueError(f"list {number:,} holds a vector that there is not")


def _lengths(file: _File, lists: int, documents: int) -> npt.NDArray[np.int64]:
    """int64 [lists]; written one by one or, where most are empty, as pairs of a list and its length."""
    layout = file.values("layout of lists", np.uint8, 4).tobytes()
    if layout == b"full":
        lengths = file.vector("lengths of lists", np.uint64, lists)
    elif layout == b"sprs":
        pairs = file.vector("lengths of lists", np.uint64, most=2 * lists)
        lengths = np.zeros(lists, np.uint64)
        places = pairs[::2]
        if len(pairs) % 2 or (places >= lists).any() or (places[1:] <= places[:-1]).any():
            raise ValueError("the lengths of lists are of other lists")
        lengths[places.astype(np.int64)] = pairs[1::2]
    else:
        raise ValueError("the lengths of lists are written in a way that is not known")
    if (lengths > documents).any() or int(lengths.sum()) != documents:
        raise ValueError("the lengths of lists do not add up to the number of vectors")
    return lengths.astype(np.int64)
