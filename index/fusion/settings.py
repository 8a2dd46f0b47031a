"""How a hybrid search fuses, and what it learns from its first answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lsr.core.errors import InputError

VECTORS = ("sparse", "dense", "hybrid", "sparse-first")
# Each with the weight of the dense side that it takes untold. That of tmm was chosen, in steps of 0.05, on the four
# collections of benchmarks/hybrid.py; its authors recommend 0.8. The others' are even.
DENSE_WEIGHTS = {"tmm": 0.75, "min_max": 0.5, "z_score": 0.5, "none": 0.5, "rrf": 0.5}
METHODS = tuple(DENSE_WEIGHTS)
COMPLETIONS = ("none", "candidates", "exact")
FEEDBACK_METHODS = ("rocchio", "rm3")
INTERPOLATIONS = ("before", "after", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionSettings:
    """How two rankings become one.

    Attributes:
        method: "rrf" adds reciprocal ranks (Cormack, Clarke and Büttcher, SIGIR 2009); the others add weighted scores:
            "tmm" scales each side from the least that a score can be (0; -1 for a cosine) to the best of the ranking
            (theoretical min-max: Bruch, Gai and Ingber, arXiv:2210.11934); "min_max" each ranking's first `depth`
            scores to 0 … 1; "z_score" these to mean 0, deviation 1; "none" adds them as they are.
        dense_weight: from 0 to 1: what the dense side counts, the sparse one counting the rest; None takes what
            `lsr tune --qrels` stored, or that of DENSE_WEIGHTS.
        rank_constant: k of 1 / (k + rank).
        completion: what a document counts on the side that did not return it. "none": the lowest score there.
            "candidates": its true score, from the stored vectors. "exact": the same, and each side is searched deeper
            until no document that neither returned can be among the best: as if all documents had been scored. Ranks
            are not completed.
        depth: how many documents each side returns, and whose scores normalisation is made of; more are returned where
            more hits are asked for.
    """

    method: str = "tmm"
    dense_weight: float | None = None
    rank_constant: float = 60
    completion: str = "candidates"
    depth: int = 100

    def __post_init__(self) -> None:
        _check_choice("method of fusion", self.method, METHODS)
        _check_choice("completion", self.completion, COMPLETIONS)
        if self.dense_weight is not None:
            _check_range("dense_weight", self.dense_weight, 0, 1)
        if not (math.isfinite(self.rank_constant) and self.rank_constant >= 0):
            raise InputError(f"rank_constant must be at least 0, not {self.rank_constant}")
        if self.depth < 1:
            raise InputError(f"depth must be at least 1, not {self.depth}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSettings:
    """Pseudo-relevance feedback: the best documents of a first search make the query of a second one.

    Attributes:
        vectors: whose query is remade: "sparse", "dense" or "hybrid" for both.
        method: "rocchio" adds the documents' mean vector (Rocchio 1971; for dense vectors Li et al., arXiv:2108.11044);
            "rm3" mixes the query with a relevance model, documents weighted by their scores (Lavrenko and Croft 2001;
            Abdul-Jaleel et al. 2004), of which dense vectors take the weighted mean.
        documents: how many are learned from.
        terms: of the new sparse query, the heaviest.
        query_weight: from 0 to 1: what the old query keeps; the documents have the rest.
        interpolate: where fusion comes in a hybrid search (Li et al. 2022, arXiv:2205.00235). "before": the documents
            come from the fused ranking, and the new query alone ranks. "after": they come from the side's own ranking,
            and what the new query finds is fused. "both". In benchmarks/hybrid.py "after" is as good as both or better.
    """

    vectors: str = "hybrid"
    method: str = "rocchio"
    documents: int = 3
    terms: int = 100
    query_weight: float = 0.5
    interpolate: str = "after"

    def __post_init__(self) -> None:
        _check_choice("vectors of feedback", self.vectors, ("sparse", "dense", "hybrid"))
        _check_choice("method of feedback", self.method, FEEDBACK_METHODS)
        _check_choice("interpolate", self.interpolate, INTERPOLATIONS)
        _check_range("query_weight", self.query_weight, 0, 1)
        if self.documents < 1 or self.terms < 1:
            raise InputError("documents and terms of feedback must be at least 1")
        if self.interpolate == "before" and self.vectors == "hybrid":
            raise InputError(
                "interpolate 'before' ranks by the one query that feedback remade: give vectors 'sparse' or 'dense'"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridSettings:
    """What a search with sparse and dense vectors does.

    Attributes:
        vectors: "hybrid" searches both sides and fuses them; "sparse-first" scores just what sparse search returned
            with dense vectors, which need no index of their own and may stay on disk (as BiDR, arXiv:2201.05409, has
            it); "sparse" and "dense" search one side, for feedback or re-ranking on it.
        fusion: see `FusionSettings`.
        feedback: see `FeedbackSettings`; None for none.
        sparse: mode, recall and parameters of `Index.search`.
        dense: mode and effort of `Dense.search`.
    """

    vectors: str = "hybrid"
    fusion: FusionSettings = field(default_factory=FusionSettings)
    feedback: FeedbackSettings | None = None
    sparse: Mapping[str, Any] = field(default_factory=dict)
    dense: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_choice("vectors", self.vectors, VECTORS)
        if self.feedback is not None and self.vectors in ("sparse", "dense") and self.feedback.vectors != self.vectors:
            raise InputError(
                f"a {self.vectors} search takes feedback on its own vectors: give vectors {self.vectors!r}"
            )
        if self.feedback is not None and self.vectors == "sparse-first" and self.feedback.interpolate == "before":
            raise InputError("a sparse-first search always fuses: give interpolate 'after' or 'both'")

        if self.fusion.completion == "exact":
            for side, given, exact in (
                ("sparse", self.sparse, ("auto", "exact", "exhaustive")),
                ("dense", self.dense, ("auto", "exact")),
            ):
                if given.get("mode", "auto") not in exact or set(given) - {"mode"}:
                    raise InputError(
                        f"completion 'exact' needs an exact {side} search: leave its mode and parameters out"
                    )

    @property
    def needs_sparse(self) -> bool:
        """Whether a sparse query is searched with."""
        return self.vectors != "dense"

    @property
    def needs_dense(self) -> bool:
        """Whether a dense query is."""
        return self.vectors != "sparse"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} must be {', '.join(choices)}, not {value!r}")


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InputError(f"{name} must lie in {least} … {most}, not {value}")
