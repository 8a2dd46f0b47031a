"""What a run trains on, and what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass

from lsr.training.numbers import Count, Positive


@dataclass(frozen=True, kw_only=True)
class SetConfig:
    """Training data: anything that `lsr.training.data.open_training_set` reads.

    Attributes:
        source: a training set, BEIR folder, `irds:NAME`, or a file of records; "titles:CORPUS" and "crops:CORPUS" make
            queries of the corpus's own text.
        split: of a BEIR folder.
        candidates: negatives and scores by id, from someone's mining run.
        scores: a file of scores of those candidates.
        systems: of negatives listed by the system that found them, those of these systems; all if None.
        seed: of crops.
        share: of the batches; by size if no set names one.
    """

    source: str
    split: str = "train"
    candidates: str | None = None
    scores: str | None = None
    systems: list[str] | None = None
    seed: int = 0
    share: Positive | None = None


@dataclass(frozen=True, kw_only=True)
class DevelopmentConfig:
    """A judged collection that is searched exactly in the course of training.

    `documents` limits the corpus: all that are judged relevant, and the first others.
    """

    source: str
    split: str = "dev"
    documents: Count | None = 20_000
    queries: Count | None = 500
