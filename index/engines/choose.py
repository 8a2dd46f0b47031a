"""Which engine a search goes to, and with which parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lsr.core.errors import InputError
from lsr.index.engines.direct.parameters import DirectParameters
from lsr.index.engines.engine import Engine, parameters_of
from lsr.index.engines.registry import ENGINES, named_engines
from lsr.index.engines.tuning import Tuning, choose_tuning
from lsr.index.parts.registry import PARTS

if TYPE_CHECKING:
    from lsr.index.filters.allowed import AllowedRows
    from lsr.index.parts.segment import Segment

AUTO = "auto"
# From so many documents on, mode "auto" prefers approximate search, for answers of at most AUTO_MAX_K hits.
APPROXIMATE_FROM_DOCUMENTS = 1_000_000
AUTO_MAX_K = 100

# A filter that allows no more than one document in so many is answered by scoring these directly.
DIRECT_SHARE = 400


class Choice(NamedTuple):
    """An engine, with parameters of its type."""

    engine: Engine[Any]
    parameters: Any


def choose_mode(documents: int, k: int, *, filtered: bool, words_alone: bool = False) -> str:
    """The mode that "auto" stands for.

    "approximate" from APPROXIMATE_FROM_DOCUMENTS documents on, if k is at most AUTO_MAX_K, no filter is set, and there
    are a model's terms; otherwise "exact". Queries of words are short: exact search is fast, and what an approximate
    one visits is chosen for the many terms of a model's queries, and misses a sixth of the best documents for words
    (benchmarks/lexical.py).
    """
    large = documents >= APPROXIMATE_FROM_DOCUMENTS
    return "approximate" if large and k <= AUTO_MAX_K and not filtered and not words_alone else "exact"


def choose_engine(
    mode: str,
    parameters: Mapping[str, Any],
    *,
    documents: int,
    k: int,
    filtered: bool,
    words_alone: bool = False,
    recall: float | None = None,
    tunings: Iterable[Tuning] = (),
) -> Choice:
    """The engine and parameters that a search asks for, checked.

    "auto" takes the parameters of "approximate", and drops them if it chooses exact search. A recall stands for the
    mode and parameters of the tuning that serves it. InputError for an unknown mode or parameter.
    """
    if recall is not None:
        if mode != AUTO or parameters:
            raise InputError("recall already chooses the mode and its parameters: give recall without them")
        tuning = choose_tuning(tunings, k, recall)
        mode, parameters = tuning.mode, tuning.parameters
    if mode != AUTO:
        engine = ENGINES.get(mode) if isinstance(mode, str) else None
        if engine is None or not engine.by_name:
            raise InputError(f"mode must be {', '.join((AUTO, *named_engines()))}, not {mode!r}")
        return Choice(engine, parameters_of(engine, parameters))
    checked = parameters_of(ENGINES["approximate"], parameters, AUTO)
    chosen = choose_mode(documents, k, filtered=filtered, words_alone=words_alone)
    return Choice(ENGINES[chosen], checked if chosen == "approximate" else parameters_of(ENGINES[chosen], {}))


def engine_for(choice: Choice, allowed: AllowedRows) -> Choice:
    """The choice for one segment: the one given, or direct search if a filter allows few rows."""
    engine = choice.engine
    if allowed.filtered and engine.gives_way and allowed.count * DIRECT_SHARE <= allowed.rows:
        return Choice(ENGINES["direct"], DirectParameters(engine.name))
    return choice


def check_parts(engine: Engine[Any], segment: Segment) -> None:
    """InputError if the segment lacks a part that the engine needs."""
    for name in engine.needs:
        if not segment.has_part(name):
            others = ", ".join(engine for engine in available_engines(segment) if ENGINES[engine].by_name)
            raise InputError(
                f"this index was built without {name}, which mode {engine.name} needs",
                remedies=[f"search it in another mode ({others})", PARTS[name].mend(segment.folder.parent)],
            )


def available_engines(segment: Segment) -> tuple[str, ...]:
    """The engines that have all parts that they need in this segment."""
    return tuple(name for name, engine in ENGINES.items() if all(map(segment.has_part, engine.needs)))
