"""The loss of a batch: hand-computed, and in-batch negatives without false ones."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lsr.core.errors import InputError
from lsr.training.config import TrainingConfig
from lsr.training.losses.objective import false_negatives
from lsr.training.run.criterion import Criterion

# Two queries with two candidates each, three terms.
QUERIES = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
DOCUMENTS = torch.tensor([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
BATCH = {
    "ids": torch.tensor([[10, 11], [12, 13]]),
    "relevant": torch.tensor([[10, -1], [12, 14]]),
    "scores": torch.tensor([[3.0, 1.0], [2.0, 2.0]]),
}
SHARES = torch.zeros(3)


def config(**fields: Any) -> TrainingConfig:
    return TrainingConfig.from_record({"data": [{"source": "x"}], "run": {"steps": 10}, **fields}, "test")


def value(
    batch: dict[str, torch.Tensor] = BATCH, step: int = 0, idf: torch.Tensor | None = None, **fields: Any
) -> float:
    asked = config(**fields)
    criterion = Criterion(asked.losses, asked.penalties, steps=10, idf=idf)
    return criterion(QUERIES, DOCUMENTS, batch, step=step, shares=SHARES).loss.item()


def cross_entropy(scores: list[float], target: int) -> float:
    return -math.log(math.exp(scores[target]) / sum(map(math.exp, scores)))


def test_info_nce_over_the_batch() -> None:
    # Scores of all four candidates: 2, 1, 0, 0 and 0, 2, 2, 0.
    expected = (cross_entropy([2, 1, 0, 0], 0) + cross_entropy([0, 2, 2, 0], 2)) / 2
    assert value(losses=[{"name": "info_nce"}]) == pytest.approx(expected)


def test_info_nce_over_own_candidates() -> None:
    expected = (cross_entropy([2, 1], 0) + cross_entropy([2, 0], 0)) / 2
    assert value(losses=[{"name": "info_nce", "in_batch": False}]) == pytest.approx(expected)


def test_known_relevant_texts_are_no_negatives() -> None:
    """The first query's second candidate answers the second query too."""
    batch = BATCH | {"relevant": torch.tensor([[10, -1], [12, 11]])}
    expected = (cross_entropy([2, 1, 0, 0], 0) + cross_entropy([0, 2, 0], 1)) / 2
    assert value(batch, losses=[{"name": "info_nce"}]) == pytest.approx(expected)


def test_false_negatives() -> None:
    ids, relevant = torch.tensor([[5, 6], [7, 5]]), torch.tensor([[5, 8], [7, -1]])
    found = false_negatives(ids, relevant, torch.tensor([5, 6, 7, 5, 8]))
    # The first query's positive stands among the second's candidates too.
    assert found.tolist() == [[True, False, False, True, True], [False, False, True, False, False]]


def test_weighted_sum_with_a_teacher() -> None:
    kl = value(losses=[{"name": "kl"}])
    margin = value(losses=[{"name": "margin_mse"}])
    # Margins of the student are 1 and 2, of the teacher 2 and 0.
    assert margin == pytest.approx((1 + 4) / 2)
    both = value(losses=[{"name": "kl", "weight": 0.5}, {"name": "margin_mse", "weight": 2}])
    assert both == pytest.approx(0.5 * kl + 2 * margin)
    with pytest.raises(InputError, match="score_training_set"):
        value({name: BATCH[name] for name in ("ids", "relevant")}, losses=[{"name": "kl"}])


def test_kl_over_the_batch() -> None:
    """The teacher scores the candidates of both queries for each of them."""
    teacher = [[3.0, 1.0, 0.0, 0.0], [0.0, 1.0, 2.0, 2.0]]
    student = [[2.0, 1.0, 0.0, 0.0], [0.0, 2.0, 2.0, 0.0]]

    def softmax(scores: list[float]) -> list[float]:
        powers = [math.exp(score) for score in scores]
        return [power / sum(powers) for power in powers]

    expected = sum(
        p * math.log(p / q)
        for theirs, ours in zip(teacher, student, strict=True)
        for p, q in zip(softmax(theirs), softmax(ours), strict=True)
    )
    batch = BATCH | {"batch_scores": torch.tensor(teacher)}
    found = value(batch, losses=[{"name": "kl", "in_batch": True}], teachers=["bm25"])
    assert found == pytest.approx(expected / 2)


def test_penalties_grow() -> None:
    plain = value(losses=[{"name": "info_nce"}])
    # Mean weights 0.75, 0.5, 0.5 of documents.
    flops = 0.75**2 + 0.5**2 + 0.5**2
    penalty = {"name": "flops", "strength": 2.0, "ramp": 0.4}
    for step, factor in ((0, 0.0), (2, 0.5), (4, 2.0), (9, 2.0)):
        found = value(step=step, losses=[{"name": "info_nce"}], document_regularisers=[penalty])
        assert found == pytest.approx(plain + factor * flops)


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        ({"name": "l1"}, (2 + 2 + 2 + 1) / 4),
        ({"name": "flops", "threshold": 1}, 0.25**2 + 0.5**2 + 0.25**2),
        ({"name": "idf_matching", "threshold": 1}, 0.25**2 + 0.5**2 + 0.25**2),
        ({"name": "flops_idf_inverse"}, (0.75 / 2) ** 2 + (0.5 / 4) ** 2 + (0.5 / 2) ** 2),
        ({"name": "df_flops"}, 0.0),
        ({"name": "anti_zero"}, 1 / 49),
    ],
)
def test_each_penalty(penalty: dict[str, Any], expected: float) -> None:
    plain = value(losses=[{"name": "info_nce"}])
    found = value(
        losses=[{"name": "info_nce"}],
        model={"query": {"table": "idf"}},
        document_regularisers=[penalty | {"strength": 1.0, "shape": "constant"}],
        idf=torch.tensor([2.0, 4.0, 0.0]),  # the last is a special token: as the most frequent term
    )
    assert found - plain == pytest.approx(expected, abs=1e-6)


def test_queries_are_penalised_apart() -> None:
    plain = value(losses=[{"name": "info_nce"}])
    found = value(
        losses=[{"name": "info_nce"}], query_regularisers=[{"name": "l1", "strength": 0.1, "shape": "constant"}]
    )
    assert found - plain == pytest.approx(0.1 * (1 + 2) / 2)
