"""Batches: queries with their candidates, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lsr.encoding.shared.tokens import TextTokenizer
from lsr.training.data import Mixture, TrainingSet, choose
from lsr.training.model.towers import tokens


@dataclass(frozen=True, slots=True)
class Group:
    """A query and the candidates chosen for it, the positive first.

    Attributes:
        ids: a number for each candidate, the same for the same text.
        relevant: the numbers of all texts that are known to be relevant to the query.
        scores: a teacher's, or None.
    """

    query: str
    candidates: list[str]
    ids: list[int]
    relevant: list[int]
    scores: list[float] | None


class Groups(Dataset[Group]):
    """The groups of a whole run, in the order in which it takes them.

    The group at a position depends only on the sets and the seed: a resumed run continues as if it had not stopped.
    Every batch is of one set, so that its in-batch negatives are of the same kind of text (homogeneous batches, as in
    arXiv:2401.00368).

    Args:
        sets: the sources of examples, in `shares`, or by their sizes if None.
        batch: groups in a batch, over all devices; step: groups in an update of the weights.
        steps: number of updates.
        negatives: number of each query's.

    Attributes:
        sets: as given.
    """

    def __init__(
        self,
        sets: Sequence[TrainingSet],
        shares: Sequence[float] | None = None,
        *,
        batch: int,
        steps: int,
        step: int | None = None,
        negatives: int,
        seed: int,
    ) -> None:
        self.sets = list(sets)
        self._count, self._step, self.negatives = steps * (step or batch), step or batch, negatives
        self._options: dict[str, Any] = {"seed": seed, "run": batch, "with_negatives": negatives > 0}
        self._shares = shares
        self._mixtures = [(0, Mixture(self.sets, shares, **self._options))]
        self._first = np.cumsum([0, *(len(each.texts) for each in self.sets)]).tolist()

    def change(self, step: int, sets: Sequence[TrainingSet]) -> None:
        """From a step on, use other sets: with the same texts and other negatives."""
        self._mixtures.append((step * self._step, Mixture(sets, self._shares, **self._options)))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: int) -> Group:
        mixture = next(mixture for start, mixture in reversed(self._mixtures) if start <= position)
        number, example = mixture[position]
        texts, first = mixture.sets[number].texts, self._first[number]
        rows, scores = choose(example, negatives=self.negatives, rng=mixture.rng(position))
        return Group(
            example.query,
            texts.take(rows),
            [first + row for row in rows],
            [first + row for row in example.positives],
            scores,
        )


class Collate:
    """Turns groups into tensors.

    The batch is a dict of `queries` and `documents` (Tokens; the candidates of all queries one after the other), `ids`
    int64 [queries, candidates], `relevant` int64 [queries, n] filled up with -1, and, if every group has them, `scores`
    float32 [queries, candidates]. With `texts=True` also `texts`: the groups themselves, for a teacher that reads them.
    """

    def __init__(
        self, query: TextTokenizer, document: TextTokenizer, *, padding: tuple[int, int] = (0, 0), texts: bool = False
    ) -> None:
        self.query, self.document, self.padding, self.texts = query, document, padding, texts

    def __call__(self, groups: Sequence[Group]) -> dict[str, Any]:
        most = max(len(group.relevant) for group in groups)
        batch: dict[str, Any] = {
            "queries": tokens(self.query, [group.query for group in groups], self.padding[0]),
            "documents": tokens(
                self.document, [text for group in groups for text in group.candidates], self.padding[1]
            ),
            "ids": torch.tensor([group.ids for group in groups]),
            "relevant": torch.tensor([group.relevant + [-1] * (most - len(group.relevant)) for group in groups]),
        }
        scores = [group.scores for group in groups]
        if all(each is not None for each in scores):
            batch["scores"] = torch.tensor(scores, dtype=torch.float32)
        if self.texts:
            batch["texts"] = list(groups)
        return batch
