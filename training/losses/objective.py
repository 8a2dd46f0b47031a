"""What every objective is, and the batch that it sees.

Scores are float [queries, candidates], larger is better; the first candidate of a query is the one that is relevant to
it. They are the model's, with what words add to them where a run trains a model to stand beside words. Every objective
is a mean over the queries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lsr.core.errors import InputError
from lsr.core.remedies import SCORE_TRAINING_SET
from lsr.training.numbers import Positive

if TYPE_CHECKING:
    from torch import Tensor

Distilled = Literal["scores", "batch_scores"]
"""Fields of a batch that hold a teacher's scores: of each query's own candidates, or of all candidates of the batch."""


@dataclass(frozen=True, kw_only=True)
class Objective(ABC):
    """An objective and its parameters, as a recipe gives them. A subclass's fields are its parameters in YAML.

    Attributes:
        name: which objective, as in `OBJECTIVES`.
        weight: its factor in the sum of objectives.
        title: what a picture calls it; empty for its name.
    """

    name: str
    weight: Positive = 1.0

    title: ClassVar[str] = ""

    @property
    def distils(self) -> Distilled | None:
        """The teacher's scores that it learns from; None for an objective that needs none."""
        return None

    @abstractmethod
    def __call__(self, batch: VectorBatch) -> Tensor:
        """Compute the loss: a scalar with gradients, not yet multiplied by `weight`."""


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """The vectors of a batch, and what is known of its candidates.

    Attributes:
        queries: float32 [queries, vocabulary], on this device.
        documents: float32 [queries * candidates, vocabulary], the candidates of one query after those of another.
        all_documents: float32 [processes * queries * candidates, vocabulary]: the documents of all devices.
        known: what `Collate` makes of the candidates: `ids`, `relevant`, and a teacher's scores if there are any; with
            `words`, float32 [queries, all candidates], the scores of words (`lsr.training.run.words`), which are added
            to those of the vectors. They have no gradient.
    """

    queries: Tensor
    documents: Tensor
    all_documents: Tensor
    known: Mapping[str, Tensor]

    def own_scores(self) -> Tensor:
        """Scores of each query's own candidates: float32 [queries, candidates]."""
        import torch

        candidates = self.documents.view(len(self.queries), -1, self.documents.shape[1])
        scores = torch.einsum("qv,qcv->qc", self.queries, candidates)
        if (words := self._words_here()) is None:
            return scores
        places = torch.arange(len(self.queries), device=scores.device)
        return scores + words.view(len(self.queries), len(self.queries), -1)[places, places]

    def batch_scores(self) -> Tensor:
        """Scores of all candidates on this device for each query: float32 [queries, queries * candidates]."""
        scores, words = self.queries @ self.documents.t(), self._words_here()
        return scores if words is None else scores + words

    def in_batch_scores(self) -> tuple[Tensor, Tensor]:
        """Scores of all devices' candidates for each query, and the place of its positive among them.

        Candidates that are also known to be relevant, or have the positive's own text, are not negatives: -inf.

        Returns float32 [queries, all candidates] and int64 [queries].
        """
        import torch

        from lsr.training.losses.gather import gather, rank

        ids = self.known["ids"]
        scores = self.queries @ self.all_documents.t()
        if (words := self.known.get("words")) is not None:
            scores = scores + words
        places = torch.arange(len(self.queries), device=scores.device)
        targets = (places + rank() * len(self.queries)) * ids.shape[1]
        hidden = false_negatives(ids, self.known["relevant"], gather(ids.flatten()))
        hidden[places, targets] = False
        return scores.masked_fill(hidden, -torch.inf), targets

    def _words_here(self) -> Tensor | None:
        """The words' scores of the candidates on this device: float32 [queries, queries * candidates]."""
        from lsr.training.losses.gather import rank

        words = self.known.get("words")
        return None if words is None else words[:, rank() * len(self.documents) :][:, : len(self.documents)]

    def teacher(self, objective: Objective) -> Tensor:
        """The teacher's scores that an objective distils. InputError if the batch has none."""
        if objective.distils is None or objective.distils not in self.known:
            raise InputError(
                f"the loss {objective.name} distils a teacher's scores, but some training data has none",
                remedies=["name `teachers`", SCORE_TRAINING_SET],
            )
        return self.known[objective.distils]


def false_negatives(ids: Tensor, relevant: Tensor, candidates: Tensor) -> Tensor:
    """The candidates that are known to be relevant, or hold the positive's own text: bool [queries, all candidates].

    Args:
        ids: int64 [queries, candidates] of the queries, the positive first.
        relevant: int64 [queries, n], filled up with -1.
        candidates: int64 [all candidates]: of the whole batch, on all devices.
    """
    import torch

    known = torch.cat([relevant, ids[:, :1]], dim=1)
    return (candidates[None, :, None] == known[:, None, :]).any(2)


def check_pairs(scores: Tensor, teacher: Tensor) -> None:
    """Check scores: InputError if those of student and teacher are for different pairs, or for a single candidate."""
    if scores.shape != teacher.shape or scores.ndim != 2:
        raise InputError(
            f"the student's scores are {tuple(scores.shape)} and the teacher's {tuple(teacher.shape)}; "
            "both must be [queries, candidates]"
        )
    if scores.shape[1] < 2:
        raise InputError("a teacher's scores say nothing about a single candidate: give each query two or more")
