"""Term ids of own vectors may be any numbers: what an index keeps goes by those that occur."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.index import BmpSettings, Index, IndexBuilder, IndexSettings, SeismicSettings, verify
from lsr.index.build.columns import MOST_TERMS
from lsr.index.build.export import iter_vectors, terms_of
from lsr.index.build.prune import prune_index
from lsr.vectors.pruning import TopK
from lsr.vectors.sparse import SparseVectors

HASHED = [5, 77, 2_026_917_151, 4_294_967_295]
SETTINGS = IndexSettings(seismic=SeismicSettings(), bmp=BmpSettings())


def vectors(ids: list[int], dim: int | None = None) -> SparseVectors:
    random = np.random.default_rng(3)
    rows = []
    for _ in range(60):
        chosen = np.sort(random.choice(len(ids), random.integers(1, len(ids)), replace=False))
        rows.append((np.array(ids, np.int64)[chosen], random.uniform(0.1, 2, len(chosen))))
    return SparseVectors.from_rows(rows, dim=dim)


def build(path: Path, made: SparseVectors, **options) -> Index:
    with IndexBuilder(path, dim=made.dim, settings=SETTINGS, **options) as builder:
        builder.add(made)
        return builder.finish()


def test_it_is_small_and_finds_what_small_ids_find(tmp_path: Path) -> None:
    hashed = build(tmp_path / "hashed", vectors(HASHED, 2**32))
    small = build(tmp_path / "small", vectors([0, 1, 2, 3]))
    assert hashed.dim == 2**32 and hashed.describe()["bytes"]["total"] < 100_000
    assert verify(tmp_path / "hashed") == []
    random = np.random.default_rng(0)
    for mode in hashed.sparse.modes:
        for _ in range(5):
            weights = random.uniform(0.1, 2, 4)
            found = hashed.search(HASHED, weights, 20, mode=mode)
            expected = small.search([0, 1, 2, 3], weights, 20, mode=mode)
            assert (found.ids, found.scores.tolist()) == (expected.ids, expected.scores.tolist())
    batch = hashed.search_batch(vectors(HASHED, 2**32))
    assert [hits.ids for hits in batch] == [hits.ids for hits in small.search_batch(vectors([0, 1, 2, 3]))]
    rows = np.arange(60)
    assert (hashed.scores(HASHED, np.ones(4), rows) == small.scores([0, 1, 2, 3], np.ones(4), rows)).all()
    hashed.sparse.warm_up()


def test_terms_that_no_document_has_change_nothing(tmp_path: Path) -> None:
    index = build(tmp_path / "i", vectors(HASHED, 2**32))
    assert index.search([5, 6, 99, 3_000_000_000], [1, 1, 1, 1]).ids == index.search([5], [1]).ids
    assert index.search([6], [1]).ids == []
    with pytest.raises(InputError, match="2026917151 occurs twice"):
        index.search([2_026_917_151, 2_026_917_151], [1, 1])


def test_the_ids_are_given_back(tmp_path: Path) -> None:
    made = vectors(HASHED, 2**32)
    index = Index.open(build(tmp_path / "i", made).path)
    for row in range(60):
        assert index.vector(row)[0].tolist() == made.row(row)[0].tolist()
    exported = SparseVectors.concatenate(list(iter_vectors(index, 7)))
    assert exported.dim == 2**32 and exported.indices.tolist() == made.indices.tolist()
    names = terms_of(index)
    assert list(names) == [str(id) for id in HASHED]
    by_column = SparseVectors.concatenate(list(iter_vectors(index, columns=True)))
    assert [int(names.term(int(column))) for column in by_column.indices] == made.indices.tolist()


def test_a_pruned_index_has_them_too(tmp_path: Path) -> None:
    pruned = prune_index(build(tmp_path / "i", vectors(HASHED, 2**32)), tmp_path / "p", TopK(1))
    assert set(np.concatenate([pruned.vector(row)[0] for row in range(60)]).tolist()) <= set(HASHED)
    assert pruned.dim == 2**32 and len(pruned.search([5], [1.0])) > 0


def test_usual_vocabularies_are_left_alone(tmp_path: Path) -> None:
    assert "term_ids" not in build(tmp_path / "small", vectors([0, 1], MOST_TERMS)).parts
    names = Vocabulary(map(str, range(MOST_TERMS + 1)))
    assert "term_ids" not in build(tmp_path / "named", vectors([0, 1], MOST_TERMS + 1), vocabulary=names).parts
    empty = build(tmp_path / "empty", SparseVectors.from_rows([([], [])], dim=2**31))
    assert empty.search([7], [1.0]).ids == []
