"""What a search retrieves, learns from its first answers and fuses: the stages of a plan that the index runs.

Every default stands here, and nowhere else. Loads neither NumPy nor Numba, so that a command line or a schema can be
made of the fields quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from lsr.core.errors import InputError
from lsr.core.options import beneath, check_options, listed, option, options_of, shortened
from lsr.index.engines.engine import check_parameters
from lsr.index.engines.registry import ENGINES, named_engines
from lsr.index.fusion.feedback import FEEDBACK_METHODS
from lsr.index.fusion.methods import METHODS

AUTO = "auto"
SPARSE, DENSE, HYBRID, SPARSE_FIRST = "sparse", "dense", "hybrid", "sparse-first"

# Modes of retrieval that search other than the sparse index alone, each with what it does.
STAGED_MODES = {
    HYBRID: "fuses sparse and dense search",
    DENSE: "searches dense vectors alone",
    SPARSE_FIRST: "scores with dense vectors what sparse search found",
}


def sparse_modes() -> dict[str, str]:
    """The modes of the sparse index, "auto" and the engines, each with what it does."""
    engines = {name: ENGINES[name].title for name in named_engines()}
    return {AUTO: "picks exact or approximate by the size of the index", **engines}


def modes() -> dict[str, str]:
    """Every way to search, in a user's words: the modes of the sparse index, and those that search more."""
    return {**sparse_modes(), **STAGED_MODES}


def parameters_class(mode: str) -> type:
    """The dataclass of a sparse mode's parameters. "auto" takes those of approximate search."""
    return ENGINES["approximate" if mode == AUTO else mode].Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseSearchSettings:
    """How the sparse index is searched.

    Attributes:
        mode: An engine, or "auto" for exact or approximate search, by the size of the index.
        recall: In place of a mode: search with what `lsr tune` found for at least this recall, and so many hits.
        parameters: Of the engine, or their names and values; None for its defaults. "auto" takes those of approximate
            search, and leaves them out where it chooses exact search.
    """

    mode: str = option(AUTO, flat="sparse_mode", choices=sparse_modes)
    recall: float | None = option(None, shown=True, gt=0, le=1)
    parameters: Any = None

    def __post_init__(self) -> None:
        check_options(self)
        if self.recall is not None and (self.mode != AUTO or self.parameters):
            raise InputError("stands for a mode and its parameters: give it alone", field="recall")
        if isinstance(self.parameters, Mapping):
            object.__setattr__(self, "parameters", _parameters(self.mode, self.parameters))
        elif self.parameters is not None and not isinstance(self.parameters, parameters_class(self.mode)):
            raise InputError(f"{shortened(self.parameters)} are not those of mode {self.mode!r}", field="parameters")

    @property
    def keywords(self) -> dict[str, Any]:
        """As `Index.search` takes them."""
        given: dict[str, Any] = {"mode": self.mode, "recall": self.recall}
        if self.parameters is not None:
            given |= {each.name: getattr(self.parameters, each.name) for each in fields(self.parameters)}
        return given


def _parameters(mode: str, values: Mapping[str, Any]) -> Any:
    """A mode's parameters of their names and values; None for the defaults. InputError names the one that is wrong."""
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
        mode: "exact" reads every vector, "approximate" asks the faiss structure that the index was given, and "auto" is
            approximate where there is one and no filter.
        effort: Of an approximate search: how many vectors HNSW keeps in view, or how many clusters are read.
    """

    mode: str = option(AUTO, flat="dense_mode", choices=(AUTO, "exact", "approximate"))
    effort: int | None = option(None, ge=1)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveSettings:
    """What is searched.

    Attributes:
        mode: "sparse" and "dense" search one side; "hybrid" searches both and fuses them; "sparse-first" scores just
            what sparse search returned with dense vectors, which need no index of their own and may stay on disk (as
            BiDR, arXiv:2201.05409, has it).
        depth: How many documents each side returns to a stage that follows, and whose scores normalisation is made of;
            more where more hits are asked for. Sparse search that nothing follows returns as many as are asked for.
        sparse: How the sparse index is searched; None in mode "dense".
        dense: How dense vectors are searched; None in modes "sparse" and "sparse-first".
    """

    mode: str = option(SPARSE, choices=(SPARSE, *STAGED_MODES))
    depth: int = option(100, ge=1)
    sparse: SparseSearchSettings | None = None
    dense: DenseSearchSettings | None = None

    def __post_init__(self) -> None:
        check_options(self)
        _fill(self, "sparse", SparseSearchSettings, self.needs_sparse, "goes with a search of the sparse index")
        _fill(self, "dense", DenseSearchSettings, self.mode in (DENSE, HYBRID), "goes with mode dense or hybrid")

    @property
    def needs_sparse(self) -> bool:
        """Whether a sparse query is searched with."""
        return self.mode != DENSE

    @property
    def needs_dense(self) -> bool:
        """Whether a dense query is."""
        return self.mode != SPARSE

    @property
    def fuses(self) -> bool:
        """Whether two rankings become one."""
        return self.mode in (HYBRID, SPARSE_FIRST)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSettings:
    """Pseudo-relevance feedback: the best documents of a first search make the query of a second one.

    Attributes:
        method: How documents change the query.
        vectors: Whose query is remade: "sparse", "dense" or "hybrid" for both. Those that are searched unless given.
        documents: How many documents are learned from.
        terms: Of the new sparse query, at most so many, the heaviest.
        query_weight: From 0 to 1: what the old query keeps; the documents have the rest.
        interpolate: Where fusion comes in a hybrid search (Li et al. 2022, arXiv:2205.00235). "before": the documents
            come from the fused ranking, and the new query alone ranks. "after": they come from the side's own ranking,
            and what the new query finds is fused. "both". In benchmarks/hybrid.py "after" is as good as both or better.
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
    """How two rankings become one.

    Attributes:
        method: How scores are made alike before they are added, or what is added in their place.
        dense_weight: From 0 to 1: what the dense side counts, the sparse one counting the rest. Unless given, what
            `lsr tune --qrels` stored, or the method's own.
        completion: What a document counts on the side that did not return it. "none": the lowest score there.
            "candidates": its true score, from the stored vectors. "exact": the same, and each side is searched deeper
            until no document that neither returned can be among the best, as if all documents had been scored. Ranks
            are not completed.
        rank_constant: Of rrf, which adds 1 / (rank_constant + rank).
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
        feedback: Search again with a query that the first answers improve. Left out, nothing is searched twice.
        fusion: How two rankings become one. Goes with mode hybrid or sparse-first.
        stages: What is run, in its order: the sides that are searched, then the plan's other fields that are given.
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
        others = (each.name for each in fields(self)[1:] if each.init and getattr(self, each.name) is not None)
        object.__setattr__(self, "stages", (*sides, *others))

    def _check_feedback(self, feedback: FeedbackSettings, mode: str) -> None:
        own = mode if mode in (SPARSE, DENSE) else HYBRID
        if feedback.vectors is None:
            feedback = replace(feedback, vectors=own)
            object.__setattr__(self, "feedback", feedback)
        elif own != HYBRID and feedback.vectors != own:
            raise InputError(f"a {mode} search learns about its own vectors: give {own!r}", field="feedback.vectors")
        if feedback.interpolate == "before" and feedback.vectors == HYBRID:
            raise InputError(
                "'before' ranks by the one query that feedback remade: give vectors 'sparse' or 'dense'",
                field="feedback.interpolate",
            )
        if feedback.interpolate == "before" and mode == SPARSE_FIRST:
            raise InputError("a sparse-first search always fuses: give 'after' or 'both'", field="feedback.interpolate")

    @property
    def mode(self) -> str:
        """The way to search, in one word: the mode of retrieval or, where that is sparse, of the sparse index."""
        sparse = self.retrieve.sparse
        return sparse.mode if self.retrieve.mode == SPARSE and sparse is not None else self.retrieve.mode

    def depth_for(self, k: int) -> int:
        """How many documents each side returns where k hits are asked for."""
        return k if self.stages == (SPARSE,) else max(self.retrieve.depth, k)

    def to_record(self) -> dict[str, Any]:
        """As JSON values, stages that are not run left out."""
        return _record(self)


def _fill(node: Any, name: str, settings: type, wanted: bool, goes: str) -> None:
    """A stage's defaults where it is run and nothing was said; InputError where something was and it is not run."""
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
