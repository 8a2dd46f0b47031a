"""SparseVectors: the rules, and every operation against dense numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.vectors.sparse import SparseVectors

matrices = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 6), st.integers(1, 9)),
    elements=st.sampled_from([0, 0, 0, 0.5, 1, 2, 3]),
)


def dense(vectors: SparseVectors) -> np.ndarray:
    matrix = np.zeros((len(vectors), vectors.dim), np.float32)
    for row, (_, terms, weights) in enumerate(vectors):
        matrix[row, terms] = weights
    return matrix


@given(matrices)
def test_from_and_to_scipy(matrix: np.ndarray) -> None:
    for form in (scipy.sparse.csr_matrix, scipy.sparse.coo_array, scipy.sparse.csc_matrix):
        vectors = SparseVectors.from_scipy(form(matrix))
        assert (dense(vectors) == matrix).all()
        assert vectors.nnz == np.count_nonzero(matrix)
        assert vectors.ids == [str(row) for row in range(len(matrix))]
    assert (vectors.to_scipy().toarray() == matrix).all()


@given(matrices.filter(len))
@settings(max_examples=30, deadline=None)
def test_from_and_to_torch(matrix: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(matrix)
    for form in (tensor, tensor.to_sparse_coo(), tensor.to_sparse_csr(), tensor.to_sparse_csc(), tensor.bfloat16()):
        vectors = SparseVectors.from_torch(form)
        assert (dense(vectors) == matrix).all()
    assert (vectors.to_torch().to_dense().numpy() == matrix).all()


def test_from_torch_sums_uncoalesced_entries_and_wants_two_dimensions() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.sparse_coo_tensor(torch.tensor([[0, 0, 1], [2, 2, 0]]), torch.tensor([1.0, 2.0, 4.0]), (2, 3))
    assert (dense(SparseVectors.from_torch(tensor, ["a", "b"])) == [[0, 0, 3], [4, 0, 0]]).all()
    with pytest.raises(InputError, match="2 dimensions, not 1"):
        SparseVectors.from_torch(torch.ones(3))


def test_from_scipy_drops_what_float32_rounds_to_zero() -> None:
    assert SparseVectors.from_scipy(scipy.sparse.csr_matrix(np.array([[1e-300, 1.0]]))).nnz == 1


@given(matrices, st.data())
def test_slices_and_takes(matrix: np.ndarray, data: st.DataObject) -> None:
    vectors = SparseVectors.from_scipy(scipy.sparse.csr_matrix(matrix))
    n = len(matrix)
    part = slice(data.draw(st.integers(-n, n)), data.draw(st.integers(-n, n)))
    assert (dense(vectors[part]) == matrix[part]).all()
    assert vectors[part].ids == vectors.ids[part]
    order = data.draw(st.permutations(range(-n, 0)))[: data.draw(st.integers(0, n))]
    taken = vectors.take(order)
    assert (dense(taken) == matrix[np.array(order, dtype=int)]).all()
    assert taken.ids == [vectors.ids[row] for row in order]


def test_take_refuses_a_row_twice_and_rows_that_are_not_there() -> None:
    vectors = SparseVectors.from_rows([([0], [1.0]), ([1], [2.0])])
    with pytest.raises(InputError, match="id '1' is already in row 0"):
        vectors.take([1, -1])
    with pytest.raises(InputError, match=r"the rows to take are numbers below 2, not \[2\]"):
        vectors.take([2])


@given(matrices, st.integers(1, 9))
def test_top_k_keeps_the_heaviest_and_the_lower_term_of_a_tie(matrix: np.ndarray, k: int) -> None:
    kept = dense(SparseVectors.from_scipy(scipy.sparse.csr_matrix(matrix)).top_k(k))
    for row, expected in zip(kept, matrix, strict=True):
        heaviest = sorted(np.flatnonzero(expected), key=lambda term: (-expected[term], term))[:k]
        assert np.flatnonzero(row).tolist() == sorted(heaviest)
        assert (row[heaviest] == expected[heaviest]).all()


def test_top_k_of_none() -> None:
    with pytest.raises(InputError, match="at least 1"):
        SparseVectors.empty(3).top_k(0)


@given(matrices, st.integers(0, 6))
def test_concatenating_parts_gives_the_whole(matrix: np.ndarray, cut: int) -> None:
    vectors = SparseVectors.from_scipy(scipy.sparse.csr_matrix(matrix))
    joined = SparseVectors.concatenate([vectors[:cut], vectors[cut:]])
    assert (dense(joined) == matrix).all()
    assert joined.ids == vectors.ids


def test_concatenating_what_does_not_belong_together() -> None:
    one, other = SparseVectors.from_rows([([0], [1.0])], ["a"], dim=2), SparseVectors.empty(3)
    with pytest.raises(InputError, match=r"different vocabularies .* \[2, 3\]"):
        SparseVectors.concatenate([one, other])
    with pytest.raises(InputError, match="row 1: id 'a' is already in row 0"):
        SparseVectors.concatenate([one, one])
    with pytest.raises(InputError, match="nothing"):
        SparseVectors.concatenate([])


def test_from_rows_guesses_dim_and_ids() -> None:
    vectors = SparseVectors.from_rows([([], []), ([3, 7], [1, 2])])
    assert (len(vectors), vectors.dim, vectors.nnz, vectors.ids) == (2, 8, 2, ["0", "1"])
    assert SparseVectors.from_rows([]).dim == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1, np.nan, 1]}, r"row 11 (id 'b'): weight nan of term 2 is not finite and positive"),
        ({"weights": [1, 1, np.inf]}, r"row 11 (id 'b'): weight inf of term 5"),
        ({"weights": [1e39, 1, 1]}, r"row 10 (id 'a'): weight inf of term 1"),
        ({"weights": [0, 1, 1]}, r"row 10 (id 'a'): weight 0.0 of term 1"),
        ({"weights": [1, 1, -0.5]}, r"row 11 (id 'b'): weight -0.5 of term 5"),
        ({"indices": [1, 5, 2]}, r"row 11 (id 'b'): term ids must be sorted and unique; 2 follows 5"),
        ({"indices": [1, 2, 2]}, r"row 11 (id 'b'): term ids must be sorted and unique; 2 follows 2"),
        ({"indices": [1, 2, 9]}, r"row 11 (id 'b'): term id 9 is outside the vocabulary of 9 terms"),
        ({"indices": [-1, 2, 3]}, r"row 10 (id 'a'): term id -1 is outside the vocabulary"),
        ({"indices": [1, 2, 2**32 + 5]}, r"row 11 (id 'b'): term id 4294967301 is outside"),
        ({"indices": [1.0, 2.0, 3.0]}, "term ids must be integers, not float64"),
        ({"ids": ["a", "a", "c"]}, "row 11: id 'a' is already in row 10"),
        ({"ids": ["a", "", "c"]}, "row 11: an id must be a non-empty string, not ''"),
        ({"ids": ["a", 2, "c"]}, "row 11: an id must be a non-empty string, not 2"),
        ({"ids": ["a"]}, "1 ids need 2 row offsets, not 4"),
        ({"indptr": [0, 1, 3, 2]}, "row offsets must ascend from 0"),
        ({"indptr": [0, 2, 1, 3]}, "row offsets must ascend from 0"),
        ({"weights": [1, 1]}, "3 term ids, 2 weights"),
        ({"indices": [[1, 2, 5]]}, "must each have one dimension"),
    ],
)
def test_what_breaks_a_rule_is_named(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "indptr": [0, 1, 3, 3],
        "indices": [1, 2, 5],
        "weights": [1, 1, 1],
        "ids": ["a", "b", "c"],
        "dim": 9,
    }
    SparseVectors(**good)
    with pytest.raises(InputError) as caught:
        SparseVectors(**(good | change), source="vectors.parquet", first_row=10)
    assert message in str(caught.value)
    assert str(caught.value).startswith("vectors.parquet: ")


def test_empty_rows_may_stand_anywhere() -> None:
    vectors = SparseVectors([0, 0, 2, 2, 3, 3], [4, 5, 1], [1, 1, 1], list("abcde"), 6)
    assert [len(terms) for _, terms, _ in vectors] == [0, 2, 0, 1, 0]


def test_vocabulary() -> None:
    vocabulary = Vocabulary(["b", "a"])
    assert (vocabulary.id("b"), vocabulary.id("a"), vocabulary.id("c")) == (0, 1, None)
    assert (vocabulary.add("c"), vocabulary.add("b"), len(vocabulary)) == (2, 0, 3)
    assert list(vocabulary) == ["b", "a", "c"]
    assert vocabulary.term(2) == "c"
    assert "c" in vocabulary
    assert vocabulary == Vocabulary(["b", "a", "c"]) != Vocabulary(["a", "b", "c"])
    with pytest.raises(ValueError, match="'a' appears twice"):
        Vocabulary(["a", "b", "a"])
