"""How much the dense side should count: found where it is planted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.eval.tuning.fusion import save_plot, tune_fusion
from lsr.index import Index, IndexBuilder, add_dense
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import FusionSettings, RetrievalPlan, RetrieveSettings
from lsr.index.fusion.tuning import FusionTuning, WeightPredictor, query_features, store_tuning, stored_tuning
from lsr.search.retriever import EncodedQueries
from lsr.vectors.sparse import SparseVectors

DOCUMENTS, TERMS, DIM = 400, 40, 16


class World:
    """An index of random vectors, and queries whose answer is the best document of the side that `dense` names."""

    def __init__(self, folder: Path, dense: Sequence[bool], hint: bool = False) -> None:
        random = np.random.default_rng(7)
        rows = [(np.sort(random.choice(TERMS, 6, replace=False)), random.uniform(0.5, 2, 6)) for _ in range(DOCUMENTS)]
        with IndexBuilder(folder, dim=TERMS) as builder:
            builder.add(SparseVectors.from_rows(rows, [f"d{i}" for i in range(DOCUMENTS)], TERMS))
            made = builder.finish()
        self.index: Index = add_dense(made, [random.normal(size=(DOCUMENTS, DIM)).astype(np.float32)])
        asked, vectors, self.qrels, self.queries = [], [], {}, []
        for number, by_dense in enumerate(dense):
            # Where there is a hint, queries that the dense side answers have many terms.
            terms = (12 if by_dense else 2) if hint else 4
            asked.append((np.sort(random.choice(TERMS, terms, replace=False)), random.uniform(0.5, 2, terms)))
            vectors.append(random.normal(size=DIM))
            query = HybridQuery(SparseVectors.from_rows([asked[-1]], dim=TERMS).row(0), vectors[-1].astype(np.float32))
            plan = RetrievalPlan(retrieve=RetrieveSettings(mode="dense" if by_dense else "sparse"))
            self.qrels[str(number)] = {f"d{search_rows(self.index, query, 1, plan).rows[0]}": 1}
            self.queries.append(Query(str(number), "some text"))
        self._sparse = SparseVectors.from_rows(asked, dim=TERMS)
        self._dense = np.array(vectors, np.float32)

    def encode_queries(self, texts: Sequence[str], plan: Any) -> EncodedQueries:
        return EncodedQueries([query.id for query in self.queries], texts, self._sparse, self._dense)


def test_the_weight_goes_to_the_side_that_knows(tmp_path: Path) -> None:
    for name, dense in (("sparse", False), ("dense", True)):
        world: Any = World(tmp_path / name, [dense] * 40)
        found = tune_fusion(world, world.queries, world.qrels, fusion=FusionSettings(method="min_max"), depth=30)
        assert found.tuning.dense_weight in (
            (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0) if dense else (0, 0.05, 0.1, 0.15, 0.2)
        )
        assert found.curve[float(dense)] == 1.0 and found.curve[float(not dense)] < 0.5
        assert found.tuning.reached == max(found.halves.values()) > found.tuning.before


def test_queries_that_tell_which_side_knows_get_weights_of_their_own(tmp_path: Path) -> None:
    dense = [number % 2 == 0 for number in range(80)]
    world: Any = World(tmp_path / "index", dense, hint=True)
    found = tune_fusion(world, world.queries, world.qrels, fusion=FusionSettings(method="min_max"), depth=30)
    assert found.halves["predicted"] > found.halves["fixed"] + 0.1
    assert found.tuning.predictor is not None
    store_tuning(world.index, found.tuning)
    opened = Index.open(world.index.path)
    assert stored_tuning(opened) == found.tuning
    encoded = world.encode_queries([], None)

    def weight(number: int, **fusion: Any) -> float | None:
        plan = RetrievalPlan(retrieve=RetrieveSettings(mode="hybrid"), fusion=FusionSettings(**fusion))
        return search_rows(opened, encoded[number], 10, plan).dense_weight

    weights = [weight(number, method="min_max") for number in range(80)]
    assert min(weights[0::2]) > max(weights[1::2])
    # What the caller says goes before what was tuned, and another method does not take its weight.
    assert weight(0, method="min_max", dense_weight=0.5) == weight(0, method="z_score") == 0.5
    # New vectors make the tuning void.
    assert stored_tuning(add_dense(opened, [np.ones((DOCUMENTS, 3))], force=True)) is None


def test_the_methods_own_weight_stays_where_nothing_else_is_better(tmp_path: Path) -> None:
    world: Any = World(tmp_path / "index", [number % 2 == 0 for number in range(40)])
    for id in world.qrels:  # nothing can be learned of answers that no side finds
        world.qrels[id] = {"elsewhere": 1}
    found = tune_fusion(world, world.queries, world.qrels)
    assert (found.tuning.dense_weight, found.tuning.predictor, found.tuning.reached) == (0.75, None, 0.0)


def test_features_and_prediction_by_hand() -> None:
    sparse = np.array([5, 3, 9]), np.array([4.0, 3.0, 1.0])
    dense = np.array([3, 8]), np.array([0.9, 0.4])
    np.testing.assert_allclose(query_features(3, sparse, dense), [np.log(4), 0.75, 0.9, 0.5, 0.1])
    nothing = np.empty(0, np.int64), np.empty(0)
    np.testing.assert_allclose(query_features(0, nothing, nothing), np.zeros(5))
    predictor = WeightPredictor((1, 0, 0, 0, 0), (2, 1, 1, 1, 1), (0.1, 0, 0, 0, 0.3), 0.4)
    np.testing.assert_allclose(predictor.predict(np.array([5, 0, 0, 0, 0.5])), 0.4 + 0.1 * 2 + 0.3 * 0.5)
    assert predictor.predict(np.array([99.0, 0, 0, 0, 1])) == 1
    tuning = FusionTuning("min_max", "candidates", 100, 0.4, predictor, "ndcg@10", 0.5, 0.4, 50)
    assert FusionTuning.from_record(tuning.to_record()) == tuning


def test_what_cannot_be_tuned(tmp_path: Path) -> None:
    world: Any = SimpleNamespace(index=None)
    with pytest.raises(InputError, match="rrf adds ranks"):
        tune_fusion(world, [], {}, fusion=FusionSettings(method="rrf"))
    with pytest.raises(InputError, match="1 of the queries is judged: tuning needs at least 10"):
        tune_fusion(world, [Query("1", "a"), Query("2", "b")], {"1": {"d": 1}, "2": {"d": 0}})


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    world: Any = World(tmp_path / "index", [True] * 12)
    save_plot(tune_fusion(world, world.queries, world.qrels), tmp_path / "curve.svg", "made")
    assert "dense weight" in (tmp_path / "curve.svg").read_text()
