"""Made vectors: what they keep of their seeds, and what is said about them."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lsr.core.errors import InputError
from lsr.vectors.files import read_vectors, write_vectors
from lsr.vectors.sparse import SparseVectors

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import made_topics
import made_vectors
from made_vectors import made_queries
from topical_order import topical_order
from vector_maker import BATCH, MOST_OF_QUERY, VectorMaker
from vector_statistics import LABELS, statistics, table

DIM = 1000


def random_documents(count: int, first_term: int, last_term: int, seed: int, terms: int = 30) -> SparseVectors:
    """Documents of weights between 1 and 2 over the terms first_term … last_term - 1."""
    rng = np.random.default_rng(seed)
    rows = [
        (np.sort(rng.choice(np.arange(first_term, last_term), terms, replace=False)), rng.uniform(1, 2, terms))
        for _ in range(count)
    ]
    return SparseVectors.from_rows(rows, [f"s{seed}-{i}" for i in range(count)], DIM)


@pytest.fixture(scope="module")
def seeds() -> SparseVectors:
    """Two fields that share no term: documents 0 … 1199 have terms below 400, the others from 400 to 799."""
    return SparseVectors.concatenate([random_documents(1200, 0, 400, 1), random_documents(1200, 400, 800, 2)])


def joined(maker: VectorMaker, count: int) -> SparseVectors:
    return SparseVectors.concatenate(list(maker.documents(count)))


def same(a: SparseVectors, b: SparseVectors) -> bool:
    return a.ids == b.ids and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("indptr", "indices", "weights")
    )


def test_a_seed_gives_the_same_documents_and_a_larger_collection_begins_with_the_smaller(seeds: SparseVectors) -> None:
    few, many = joined(VectorMaker(seeds, terms=30), BATCH + 10), joined(VectorMaker(seeds, terms=30), BATCH + 200)
    assert same(few, many[: BATCH + 10])
    assert not same(few[:100], joined(VectorMaker(seeds, terms=30, seed=1), 100))
    assert not np.array_equal(many[BATCH : BATCH + 200].indices, many[:200].indices)


@pytest.mark.parametrize("terms", [12.0, 30.0, 45.0])
def test_documents_are_valid_and_as_long_as_asked(seeds: SparseVectors, terms: float) -> None:
    made = joined(VectorMaker(seeds, terms=terms), 4000)
    SparseVectors(made.indptr, made.indices, made.weights, made.ids, made.dim)  # validates
    assert made.nnz / len(made) == pytest.approx(terms, rel=0.03)
    assert made.ids[:2] == ["m0", "m1"]
    assert np.array_equal(made.weights, made.weights.astype(np.float16).astype(np.float32))
    assert 0.7 < made.weights.min() < 1.1 and 1.9 < made.weights.max() < 2.6


def test_documents_keep_to_the_field_of_their_seed(seeds: SparseVectors) -> None:
    made = joined(VectorMaker(seeds, terms=30), 1000)
    low = np.add.reduceat(made.indices < 400, made.indptr[:-1]) / np.diff(made.indptr)
    assert (np.maximum(low, 1 - low) > 0.8).all()
    assert 0.4 < low.mean() < 0.6


def test_documents_are_neither_copies_nor_noise(seeds: SparseVectors) -> None:
    """Against the most alike seed: some nearly the same, most far from it, none from nowhere."""
    made = joined(VectorMaker(seeds, terms=30), 500)
    common = (made.to_scipy() > 0).astype(np.float32) @ (seeds.to_scipy() > 0).astype(np.float32).T
    most = common.max(axis=1).toarray().ravel()
    assert (most >= 27).mean() > 0.05
    assert (most <= 24).mean() > 0.5
    assert most.min() >= 5


def test_documents_about_a_query_hold_a_part_of_it(seeds: SparseVectors) -> None:
    queries = random_documents(5, 900, 1000, 3, terms=40)
    about = joined(VectorMaker(seeds, terms=30, queries=queries, relevant=0.5), 4000)
    held = np.add.reduceat(about.indices >= 900, about.indptr[:-1])
    assert held.max() <= 40
    assert (held > 0).mean() == pytest.approx(0.5, abs=0.05)
    assert held.mean() == pytest.approx(0.5 * 40 * MOST_OF_QUERY / 2, rel=0.1)
    none = joined(VectorMaker(seeds, terms=30, queries=queries, relevant=0.0), 200)
    assert none.indices.max() < 800


def test_seeds_must_hold_something_and_queries_fit_them(seeds: SparseVectors) -> None:
    with pytest.raises(InputError, match="no documents with terms"):
        VectorMaker(SparseVectors.empty(DIM), terms=30)
    with pytest.raises(InputError, match=r"in \[0, 1\]"):
        VectorMaker(seeds, terms=30, relevant=2)
    with pytest.raises(InputError, match="the queries have 2 terms, but the documents have 1,000"):
        VectorMaker(seeds, terms=30, queries=SparseVectors.from_rows([([1], [1.0])], dim=2), relevant=0.1)


def test_made_queries_are_parts_of_their_documents_heavier_than_the_whole() -> None:
    rng = np.random.default_rng(0)
    rows = [(np.sort(rng.choice(DIM, n, replace=False)), rng.exponential(1, n)) for n in rng.integers(60, 180, 300)]
    documents = SparseVectors.from_rows(rows, dim=DIM)
    queries = made_queries(documents)
    assert len(queries) == 300
    assert queries.nnz / 300 == pytest.approx(made_vectors.QUERY_TERMS, rel=0.02)
    assert queries.weights.mean() > 1.1 * documents.weights.mean()
    for i in range(300):
        terms, weights = queries.row(i)
        whole = dict(zip(*map(list, documents.row(i)), strict=True))
        assert all(whole[term] == weight for term, weight in zip(terms, weights, strict=True))


def test_topical_order_is_a_permutation_that_keeps_fields_apart(seeds: SparseVectors) -> None:
    shuffled = seeds.take(np.random.default_rng(0).permutation(len(seeds)))
    order, ends = topical_order(shuffled)
    assert np.array_equal(np.sort(order), np.arange(len(seeds)))
    assert ends[-1] == len(seeds) and (np.diff(ends) > 0).all()
    low = shuffled.indices[shuffled.indptr[order]] < 400
    assert all(low[start:stop].all() or not low[start:stop].any() for start, stop in pairwise(ends))


@pytest.fixture
def few_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_topics, "SEEDS", 2000)
    monkeypatch.setattr(made_topics, "BATCH", 1000)
    monkeypatch.setattr(made_topics, "THEMES", 1024)


@pytest.mark.usefixtures("few_seeds")
def test_made_seeds_have_topics() -> None:
    found = made_topics.made_seeds(None, 30_522)
    assert len(found) == 2000
    binary = (found.to_scipy() > 0).astype(np.float32)
    common = (binary @ binary.T).toarray()
    np.fill_diagonal(common, 0)
    # Documents of a theme have far more terms in common than any two.
    assert np.median(common.max(axis=1)) > 4 * np.median(common)


@pytest.mark.usefixtures("few_seeds")
def test_made_seeds_are_about_given_queries() -> None:
    queries = SparseVectors.from_rows([(np.arange(i * 50, i * 50 + 40), np.ones(40)) for i in range(30)], dim=30_522)
    found = made_topics.made_seeds(queries, 30_522)
    overlaps = ((found.to_scipy() > 0).astype(np.float32) @ queries.to_scipy().T).toarray()
    assert (overlaps.max(axis=0) >= 10).all()


@pytest.mark.usefixtures("few_seeds")
def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    documents, queries = tmp_path / "documents.parquet", tmp_path / "queries.parquet"

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["made_vectors.py", *map(str, arguments)])
        return made_vectors.main()

    assert run("--documents", 300, "--output", documents, "--queries-output", queries) == 0
    made, asked = read_vectors(documents), read_vectors(queries)
    assert (len(made), made.dim, asked.dim) == (300, 30_522, 30_522)
    assert 0 < len(asked) <= made_vectors.MADE_QUERIES
    assert run("--documents", 300, "--output", documents) == 2
    assert "already exists" in capsys.readouterr().err

    again = tmp_path / "again.parquet"
    assert run("--documents", 50, "--output", again, "--like", documents, "--queries-from", queries) == 0
    assert read_vectors(again).nnz / 50 == pytest.approx(made_vectors.TERMS, rel=0.2)
    assert run("--documents", 50, "--output", again, "--force", "--like", tmp_path / "none.parquet") == 2
    assert "none.parquet" in capsys.readouterr().err


def test_statistics_of_a_collection_worked_out_by_hand() -> None:
    """Twenty documents: d holds term 0 with weight 1, and term 1 + d with weight 1 + d; one query for all terms."""
    rows = [([0, 1 + d], [1.0, 1.0 + d]) for d in range(20)]
    vectors = SparseVectors.from_rows(rows, dim=21)
    query = SparseVectors.from_rows([(np.arange(21), np.ones(21))], dim=21)
    found = statistics(vectors, query)
    assert set(found) == set(LABELS)
    assert found["terms_mean"] == 2 and found["query_terms"] == 21
    assert found["query_postings"] == 2
    assert found["top_10"] == pytest.approx((20 + 9) / 40)
    assert found["gini"] == pytest.approx((2 * (210 + 21 * 20) / 40 - 22) / 21)
    # Scores are 2 + d: the best 21, the tenth 12.
    assert found["gap_10_1"] == pytest.approx(12 / 21)
    assert found["near_tenth"] == sum(score >= 0.9 * 12 for score in range(2, 22))
    # One block: its bound is 1 + (1 + … + 20).
    assert found["bound_over_best"] == pytest.approx(211 / 21)
    assert found["bound_over_tenth"] == pytest.approx(211 / 12)
    assert found["blocks_above_tenth"] == found["blocks_with_top"] == 1
    assert f"| {LABELS['terms_mean']} | 2.000 | 2.000 |" in table({"one": found, "other": found})


def test_statistics_without_scores_are_refused() -> None:
    vectors = SparseVectors.from_rows([([0], [1.0])] * 20, dim=2)
    with pytest.raises(InputError, match="ten documents"):
        statistics(vectors, SparseVectors.from_rows([([1], [1.0])], dim=2))


def test_seeds_are_chosen_evenly_from_a_long_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_vectors, "MAX_SEEDS", 40)
    rows = [([0, 1 + i % 5], [1.0, 2.0]) for i in range(99)]
    write_vectors(tmp_path / "long.parquet", [SparseVectors.from_rows(rows, dim=6)])
    assert made_vectors.read_seeds(tmp_path / "long.parquet").ids == [str(i) for i in range(0, 99, 3)]
