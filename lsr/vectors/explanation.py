"""Why a document matched: the terms it shares with the query and what each adds to the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lsr.core.arguments import kind_of
from lsr.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class TermNames(Protocol):
    """What terms are called: a `Vocabulary`, as a rule."""

    def term(self, id: int) -> str:
        """The name of a term."""
        ...


@dataclass(frozen=True, slots=True)
class TermMatch:
    """One shared term; `contribution` is query weight times document weight."""

    term: str
    query_weight: float
    document_weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score and the matches that add up to it, largest contribution first."""

    score: float
    matches: list[TermMatch]


def explain_match(
    query: tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]],
    document: tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]],
    vocabulary: TermNames,
) -> Explanation:
    """Explain the inner product of two sparse vectors, each (ascending term ids, weights)."""
    import numpy as np

    for what, vector in (("query", query), ("document", document)):
        if (
            not isinstance(vector, tuple)
            or len(vector) != 2
            or not all(isinstance(each, np.ndarray) for each in vector)
        ):
            raise InputError(f"the {what} is a pair of arrays, of term ids and of weights, not {kind_of(vector)}")
    if not hasattr(vocabulary, "term"):
        raise InputError(f"vocabulary must be a Vocabulary, not {kind_of(vocabulary)}")
    shared, at_query, at_document = np.intersect1d(query[0], document[0], assume_unique=True, return_indices=True)
    query_weights, document_weights = query[1][at_query], document[1][at_document]
    contributions = query_weights * document_weights
    order = np.lexsort((shared, -contributions))
    matches = [
        TermMatch(
            vocabulary.term(int(shared[i])),
            float(query_weights[i]),
            float(document_weights[i]),
            float(contributions[i]),
        )
        for i in order
    ]
    return Explanation(float(contributions.sum(dtype=np.float64)), matches)
