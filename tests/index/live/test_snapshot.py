"""What an opened index is: rows of several segments, a small face, and nothing that changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from index_oracle import random_vectors

from lsr.core.documents import Document
from lsr.core.errors import NotFoundError
from lsr.index import Index
from lsr.index.engines.prepared import PreparedQueries
from lsr.index.live.documents import Documents
from lsr.index.live.rows import RowNumbers
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.terms import TermNumbers
from lsr.vectors.sparse import SparseVectors

Build = Callable[..., Index]


def test_its_face_is_small(build: Build) -> None:
    index = build(random_vectors(20, 30))
    public = {name for name in dir(index) if not name.startswith("_")}
    assert len(public) <= 15, sorted(public)


def test_rows_of_segments_follow_one_another() -> None:
    rows = RowNumbers([3, 1, 4])
    assert len(rows) == 8 and rows.starts == (0, 3, 4, 8)
    assert [rows.place(row) for row in range(8)] == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1), (2, 2), (2, 3)]
    for row in (-1, 8):
        with pytest.raises(NotFoundError, match=f"no row {row}: the index has 8 documents"):
            rows.place(row)
    wanted = np.array([7, 0, 3, 4, 2, 7])
    found = np.full(6, -1)
    for segment, places, inside in rows.split(wanted):
        found[places] = inside + 100 * segment
    assert found.tolist() == [203, 0, 100, 200, 2, 203]
    assert list(rows.split(np.empty(0, np.int64))) == []
    for wrong in ([8], [0, -1]):
        with pytest.raises(NotFoundError, match="rows must lie in 0 … 7"):
            list(rows.split(np.array(wrong)))


def test_documents_of_several_segments(build: Build) -> None:
    made, documents = [], []
    for first, count in ((0, 5), (5, 1), (6, 9)):
        ids = [f"d{row}" for row in range(first, first + count)]
        vectors = random_vectors(count, 30)
        held = [Document(id, f"text of {id}") for id in ids]
        made.append(build(SparseVectors(vectors.indptr, vectors.indices, vectors.weights, ids, 30), held).segments[0])
        documents += held
    rows = RowNumbers([len(segment) for segment in made])
    view = Documents([SearchedSegment(segment, None) for segment in made], rows)
    assert len(view) == 15
    assert [view.at(row) for row in range(15)] == [view.get(each.id) for each in documents] == documents
    assert [view.row(each.id) for each in documents] == list(range(15))
    assert view.ids(np.array([14, 0, 5])) == ["d14", "d0", "d5"]
    for id in ("d15", "", "\ud800"):
        with pytest.raises(NotFoundError, match="no document with id"):
            view.row(id)


def test_scores_of_rows_that_there_are_not(build: Build) -> None:
    index = build(random_vectors(20, 30))
    assert index.scores([1], [1.0], []).tolist() == []
    for rows in ([20], [3, -1]):
        with pytest.raises(NotFoundError, match="rows must lie in 0 … 19"):
            index.scores([1], [1.0], rows)


def test_a_word_of_several_segments_has_one_term_id_that_is_searched_by() -> None:
    """Asked for by both ids, it would stand twice in a segment's query: more terms than the segment has."""
    numbers = TermNumbers(3, [NameList(["cat", "dog"]), NameList(["dog", "eel"])])
    assert numbers.dim == 7 and numbers.find("dog") == 4
    assert numbers.numbers(4).tolist() == [4, 3]
    assert numbers.numbers(5).tolist() == [-1, -1], "the second segment's dog is known by the first's"
    everything = PreparedQueries(np.array([0, 7]), np.arange(7, dtype=np.uint32), np.ones(7, np.float32))
    for segment, terms in enumerate([[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]):
        found = numbers.in_segment(segment, everything)
        assert found.terms.tolist() == terms and found.indptr.tolist() == [0, 5]


class NameList(list[str]):
    """Words of a segment."""

    def name(self, number: int) -> str:
        return self[number]

    def find(self, name: str) -> int | None:
        return self.index(name) if name in self else None
