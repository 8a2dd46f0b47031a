"""A training set as plain values, to compare with."""

from __future__ import annotations

from lsr.training.data import TrainingSet

Plain = tuple[str, list[str], list[str], list[float] | None]


def with_texts(made: TrainingSet) -> list[Plain]:
    """Query, texts of the positives, texts of the negatives, scores, for each example."""
    take = made.texts.take
    return [(each.query, take(each.positives), take(each.negatives), each.scores) for each in made]


def with_ids(made: TrainingSet) -> list[Plain]:
    """Query id, ids of the positives, ids of the negatives, scores, for each example."""
    id = made.texts.id
    return [(each.query_id, [*map(id, each.positives)], [*map(id, each.negatives)], each.scores) for each in made]
