"""The data that a run trains on and is measured on."""

from __future__ import annotations

from dataclasses import dataclass

from lsr.training.numbers import Count, Positive


@dataclass(frozen=True, kw_only=True)
class SetConfig:
    """Training data: anything that `lsr.training.data.open_training_set` reads.

    Attributes:
        source: a training set, BEIR folder, `irds:NAME`, or a file of records; "titles:CORPUS" and "crops:CORPUS" make
            queries from the corpus's own text.
        split: the split of a BEIR folder.
        candidates: negatives and scores by id, from a mining run.
        scores: a file of scores of those candidates.
        systems: use only the negatives of these systems, if negatives are listed by system; all if None.
        seed: for crops.
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
    """A judged collection that is searched exactly during training.

    `documents` limits the corpus to the documents judged relevant and the first others.
    """

    source: str
    split: str = "dev"
    documents: Count | None = 20_000
    queries: Count | None = 500
