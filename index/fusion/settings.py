"""Settings of the stages that the index runs: retrieval, feedback and fusion.

Every default is stated here and nowhere else. Loads neither NumPy nor Numba, so that a command line or a schema can be
built from the fields quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from lsr.core.annotated import as_annotated
from lsr.core.errors import InputError
from lsr.core.options import beneath, check_options, listed, option, options_of, shortened
from lsr.index.engines.engine import check_parameters
from lsr.index.engines.registry import ENGINES, named_engines
from lsr.index.fusion.feedback import FEEDBACK_METHODS
from lsr.index.fusion.methods import METHODS

AUTO = "auto"
SPARSE, DENSE, HYBRID, SPARSE_FIRST = "sparse", "dense", "hybrid", "sparse-first"

# Modes of retrieval that use dense vectors, each with what it does.
STAGED_MODES = {
    HYBRID: "fuses sparse and dense search",
    DENSE: "searches dense vectors alone",
    SPARSE_FIRST: "scores with dense vectors what sparse search found",
}


def sparse_modes() -> dict[str, str]:
    """The modes of the sparse index: "auto" and the engines, each with what it does."""
    engines = {name: ENGINES[name].title for name in named_engines()}
    return {AUTO: "picks exact or approximate by the size of the index", **engines}


def modes() -> dict[str, str]:
    """Every way to search, in a user's words: the modes of the sparse index, and those that search more."""
    return {**sparse_modes(), **STAGED_MODES}


@as_annotated
def parameters_class(mode: str) -> type:
    """The dataclass of a sparse mode's parameters. "auto" takes those of approximate search."""
    if mode != AUTO and mode not in ENGINES:
        raise InputError(f"there is no sparse mode {mode!r}; the modes are {listed(tuple(sparse_modes()))}")
    return ENGINES["approximate" if mode == AUTO else mode].Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseSearchSettings:
    """How the sparse index is searched.

    Attributes:
        mode: An engine, or "auto" for exact or approximate search, by the size of the index.
        recall: Instead of a mode: search with what `lsr tune` found for at least this recall and number of hits.
        parameters: The engine's parameters, or their names and values; None for its defaults. "auto" takes those of
            approximate search, and drops them if it chooses exact search.
    """

    mode: str = option(AUTO, flat="sparse_mode", choices=sparse_modes)
    recall: float | None = option(None, shown=True, gt=0, le=1)
    parameters: Any = None

    def __post_init__(self) -> None:
        check_options(self)
        if self.recall is not None and (self.mode != AUTO or self.parameters):
            raise InputError("already chooses the mode and its parameters: give recall without them", field="recall")
        if isinstance(self.parameters, Mapping):
            object.__setattr__(self, "parameters", _parameters(self.mode, self.parameters))
        elif self.parameters is not None and not isinstance(self.parameters, parameters_class(self.mode)):
            raise InputError(
                f"{shortened(self.parameters)} are not the parameters of mode {self.mode!r}", field="parameters"
            )

    @property
    def keywords(self) -> dict[str, Any]:
        """The settings as keywords of `Index.search`."""
        given: dict[str, Any] = {"mode": self.mode, "recall": self.recall}
        if self.parameters is not None:
            given |= {each.name: getattr(self.parameters, each.name) for each in fields(self.parameters)}
        return given


def _parameters(mode: str, values: Mapping[str, Any]) -> Any:
    """A mode's parameters from their names and values; None for the defaults. InputError names a wrong one."""
    cls = parameters_class(mode)
    with beneath("parameters"):
        for name in values:
            having = [each for each in sparse_modes() if name in _names(parameters_class(each))]
            if having and mode not in having:
                raise InputError(f"goes with mode {listed(having)}, not {mode!r}", field=name)
        check_parameters(cls, values, mode)
    return cls(**values) if values else None


def _names(cls: type) -> list[str]:
    return [option.name for option in options_of(cls)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseSearchSettings:
    """How dense vectors are searched.

    Attributes:
        mode: "exact" reads every vector, "approximate" uses the index's faiss structure, and "auto" is approximate if
            there is one and no filter.
        effort: In an approximate search, how many vectors HNSW keeps in view, or how many clusters are read.
    """

    mode: str = option(AUTO, flat="dense_mode", choices=(AUTO, "exact", "approximate"))
    effort: int | None = option(None, ge=1)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveSettings:
    """What is searched.

    Attributes:
        mode: "sparse" and "dense" search one side; "hybrid" searches both and fuses them; "sparse-first" scores only
            what sparse search returned with dense vectors, which need no index of their own and may stay on disk (as in
            BiDR, arXiv:2201.05409).
        depth: How many documents each side returns to the next stage, and how many scores normalisation is computed
            from; more if more hits are asked for. Sparse search without a next stage returns as many as are asked for.
        lexical_weight: How much a query's words count beside the terms of the model, in an index that holds words; 0
            for not at all. By default, as much as the index says.
        sparse: How the sparse index is searched; None in mode "dense".
        dense: How dense vectors are searched; None in modes "sparse" and "sparse-first".
    """

    mode: str = option(SPARSE, choices=(SPARSE, *STAGED_MODES))
    depth: int = option(100, ge=1)
    lexical_weight: float | None = option(None, shown=True, ge=0, le=1e6)
    sparse: SparseSearchSettings | None = None
    dense: DenseSearchSettings | None = None

    def __post_init__(self) -> None:
        check_options(self)
        _fill(self, "sparse", SparseSearchSettings, self.needs_sparse, "goes with a search of the sparse index")
        _fill(self, "dense", DenseSearchSettings, self.mode in (DENSE, HYBRID), "goes with mode dense or hybrid")
        if self.lexical_weight is not None and not self.needs_sparse:
            raise InputError("goes with a search of the sparse index, not 'dense'", field="lexical_weight")

    @property
    def needs_sparse(self) -> bool:
        """Whether the search needs a sparse query."""
        return self.mode != DENSE

    @property
    def needs_dense(self) -> bool:
        """Whether the search needs a dense query."""
        return self.mode != SPARSE

    @property
    def fuses(self) -> bool:
        """Whether two rankings are fused."""
        return self.mode in (HYBRID, SPARSE_FIRST)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSettings:
    """Pseudo-relevance feedback: the best documents of a first search make the query of a second one.

    Attributes:
        method: How the documents change the query.
        vectors: Which query is changed: "sparse", "dense" or "hybrid" for both. By default, those that are searched.
        documents: How many documents are learned from.
        terms: The most terms of the new sparse query; the heaviest are kept.
        query_weight: From 0 to 1: the weight of the old query; the documents have the rest.
        interpolate: When a hybrid search fuses (Li et al. 2022, arXiv:2205.00235). "before": the documents
            come from the fused ranking, and the new query alone ranks. "after": they come from the side's own ranking,
            and what the new query finds is fused. "both". In benchmarks/hybrid.py "after" is at least as good as
            "both".
    """

    method: str = option("rocchio", flat="feedback", shown=True, choices=FEEDBACK_METHODS)
    vectors: str | None = option(None, flat="feedback_vectors", choices=(SPARSE, DENSE, HYBRID))
    documents: int = option(3, flat="feedback_documents", ge=1)
    terms: int = option(100, flat="feedback_terms", ge=1)
    query_weight: float = option(0.5, flat="feedback_query_weight", ge=0, le=1)
    interpolate: str = option("after", choices=("before", "after", "both"))

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionSettings:
    """How two rankings are fused into one.

    Attributes:
        method: How scores are made comparable before they are added, or what is added instead.
        dense_weight: From 0 to 1: the weight of the dense side; the sparse side has the rest. By default, what `lsr
            tune --qrels` stored, or the method's own.
        completion: The score of a document on a side that did not return it. "none": the lowest score there.
            "candidates": its true score, from the stored vectors. "exact": the same, and each side is searched deeper
            until no document that neither returned can be among the best, as if all documents had been scored. Ranks
            are not completed.
        rank_constant: For rrf, which adds 1 / (rank_constant + rank).
    """

    method: str = option("tmm", flat="fusion", shown=True, choices=METHODS)
    dense_weight: float | None = option(None, shown=True, ge=0, le=1)
    completion: str = option("candidates", choices=("none", "candidates", "exact"))
    rank_constant: float = option(60.0, ge=0)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalPlan:
    """The stages of a search that the index runs by itself.

    Attributes:
        retrieve: What is searched, and how.
        feedback: Search again with a query improved by the first answers. If left out, there is no second search.
        fusion: How two rankings are fused into one. Goes with mode hybrid or sparse-first.
        stages: What is run, in order: the sides that are searched, then the plan's other fields that are given.
    """

    retrieve: RetrieveSettings = field(default_factory=RetrieveSettings)
    feedback: FeedbackSettings | None = None
    fusion: FusionSettings | None = None
    stages: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        mode = self.retrieve.mode
        _fill(self, "fusion", FusionSettings, self.retrieve.fuses, "goes with mode hybrid or sparse-first")
        if self.feedback is not None:
            self._check_feedback(self.feedback, mode)
        if self.fusion is not None and self.fusion.completion == "exact":
            engines = [name for name in named_engines() if ENGINES[name].always_exact]
            for side, exact in ((SPARSE, (AUTO, *engines)), (DENSE, (AUTO, "exact"))):
                given = getattr(self.retrieve, side)
                if given is not None and given != type(given)(mode=given.mode if given.mode in exact else AUTO):
                    raise InputError(
                        "completion 'exact' needs an exact search: leave mode and parameters out",
                        field=f"retrieve.{side}",
                    )
        sides = {SPARSE: (SPARSE,), DENSE: (DENSE,)}.get(mode, (SPARSE, DENSE))
        others = (each.name for each in fields(self)[1:] if each.init and is_dataclass(getattr(self, each.name)))
        object.__setattr__(self, "stages", (*sides, *others))

    def _check_feedback(self, feedback: FeedbackSettings, mode: str) -> None:
        own = mode if mode in (SPARSE, DENSE) else HYBRID
        if feedback.vectors is None:
            feedback = replace(feedback, vectors=own)
            object.__setattr__(self, "feedback", feedback)
        elif own != HYBRID and feedback.vectors != own:
            raise InputError(
                f"feedback in a {mode} search changes the query of that side: give {own!r}", field="feedback.vectors"
            )
        if feedback.interpolate == "before" and feedback.vectors == HYBRID:
            raise InputError(
                "'before' ranks by a single query, the one that feedback changed: give vectors 'sparse' or 'dense'",
                field="feedback.interpolate",
            )
        if feedback.interpolate == "before" and mode == SPARSE_FIRST:
            raise InputError("a sparse-first search always fuses: give 'after' or 'both'", field="feedback.interpolate")

    @property
    def mode(self) -> str:
        """The mode of the search in one word: that of retrieval or, if it is sparse, of the sparse index."""
        sparse = self.retrieve.sparse
        return sparse.mode if self.retrieve.mode == SPARSE and sparse is not None else self.retrieve.mode

    def depth_for(self, k: int) -> int:
        """How many documents each side returns if k hits are asked for."""
        return k if self.stages == (SPARSE,) else max(self.retrieve.depth, k)

    def to_record(self) -> dict[str, Any]:
        """As JSON values, without stages that are not run."""
        return _record(self)


def _fill(node: Any, name: str, settings: type, wanted: bool, goes: str) -> None:
    """Fill in a stage's defaults if it is run; InputError if it was given but is not run."""
    if wanted and getattr(node, name) is None:
        object.__setattr__(node, name, settings())
    elif not wanted and getattr(node, name) is not None:
        raise InputError(f"{goes}, not {node.mode!r}", field=name)


def _record(node: Any) -> dict[str, Any]:
    record = {}
    for each in fields(node):
        value = getattr(node, each.name)
        if each.init and (value is not None or each.default is not None):
            record[each.name] = _record(value) if is_dataclass(value) else value
    return record
