"""What a search is to do, stage by stage: retrieve, learn from feedback, fuse, re-rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lsr.core.errors import InputError
from lsr.index.fusion.settings import FeedbackSettings, FusionSettings, HybridSettings

LATE = "late"

# Modes that are not those of `Index.search`.
HYBRID_MODES = ("dense", "hybrid", "sparse-first")

# Flat names, as keyword arguments and the command line have them, for the fields of each stage's settings.
_FUSION = {
    "fusion": "method",
    "dense_weight": "dense_weight",
    "rank_constant": "rank_constant",
    "completion": "completion",
    "depth": "depth",
}
_FEEDBACK = {
    "feedback": "method",
    "feedback_vectors": "vectors",
    "feedback_documents": "documents",
    "feedback_terms": "terms",
    "feedback_query_weight": "query_weight",
    "interpolate": "interpolate",
}
_RERANK = {"rerank": "model", "rerank_depth": "depth", "rerank_weight": "weight"}
_DENSE = {"dense_mode": "mode", "effort": "effort"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankSettings:
    """Scoring the best hits once more, with something dearer.

    Attributes:
        model: a cross-encoder (a folder or hub name that transformers loads for sequence classification), or "late" for
            the token vectors of the index (ColBERT's MaxSim).
        depth: how many hits are scored again; those beyond follow in the order they had.
        weight: from 0 to 1: what the new score counts against the old one, both scaled to 0 … 1 among these hits.
    """

    model: str
    depth: int = 50
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise InputError(f"rerank_depth must be at least 1, not {self.depth}")
        if not 0 <= self.weight <= 1:
            raise InputError(f"rerank_weight must lie in 0 … 1, not {self.weight}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """The stages of a search.

    Attributes:
        retrieve: which vectors are searched and how, feedback and fusion.
        rerank: None for none.
        mode: that the plan was asked for by, for the answer.
    """

    retrieve: HybridSettings = field(default_factory=HybridSettings)
    rerank: RerankSettings | None = None
    mode: str = "hybrid"

    @property
    def is_plain(self) -> bool:
        """Whether it is one search of the sparse index and nothing else."""
        return self.retrieve.vectors == "sparse" and self.retrieve.feedback is None and self.rerank is None

    @classmethod
    def of(
        cls, mode: str = "auto", recall: float | None = None, parameters: Mapping[str, Any] | None = None
    ) -> SearchPlan:
        """The plan of flat arguments.

        Args:
            mode: of `Index.search`, or "dense", "hybrid", "sparse-first" (`HybridSettings`).
            recall: of `Index.search`, for the sparse side.
            parameters: those of the sparse mode; fusion (the method), dense_weight, rank_constant, completion, depth of
                `FusionSettings`; feedback (the method), feedback_vectors, feedback_documents, feedback_terms,
                feedback_query_weight, interpolate of `FeedbackSettings`; rerank (the model), rerank_depth,
                rerank_weight of `RerankSettings`; dense_mode and effort of `lsr.index.parts.dense.vectors.Dense`;
                sparse_mode, the mode of the sparse side of a hybrid search.

        InputError for parameters that belong to a stage that is not asked for, or do not fit.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        staged = mode in HYBRID_MODES
        stages = [
            {field: given.pop(name) for name, field in names.items() if name in given}
            for names in (_FUSION, _FEEDBACK, _RERANK, _DENSE)
        ]
        fusion, feedback, rerank, dense = stages
        sparse_mode = given.pop("sparse_mode", "auto") if staged else mode
        sparse = {"mode": sparse_mode, **({} if recall is None else {"recall": recall}), **given}
        fuses = mode in ("hybrid", "sparse-first")
        if set(fusion) - {"depth"} and not fuses:
            raise InputError(f"fusion and its parameters go with mode hybrid or sparse-first, not {mode!r}")
        if "depth" in fusion and not fuses and not feedback and not rerank:
            raise InputError("depth goes with mode hybrid or sparse-first, feedback or rerank: otherwise it is k")
        if dense and mode not in ("dense", "hybrid"):
            raise InputError(f"dense_mode and effort go with mode dense or hybrid, not {mode!r}")
        if feedback and "method" not in feedback:
            raise InputError("parameters of feedback come with feedback: its method, rocchio or rm3")
        if rerank and "model" not in rerank:
            raise InputError("rerank_depth and rerank_weight come with rerank: the model that re-ranks")
        vectors = mode if staged else "sparse"
        if feedback:
            feedback = {"vectors": vectors if vectors in ("sparse", "dense") else "hybrid", **feedback}
        return cls(
            retrieve=HybridSettings(
                vectors=vectors,
                fusion=FusionSettings(**fusion),
                feedback=FeedbackSettings(**feedback) if feedback else None,
                sparse={} if vectors == "dense" else sparse,
                dense=dense,
            ),
            rerank=RerankSettings(**rerank) if rerank else None,
            mode=mode,
        )
