"""What an engine is: one way to search a segment.

This file and those of the engines' parameters load neither NumPy nor Numba, so that a command line or a schema can be
built from them quickly. An engine loads its kernels when it first searches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from lsr.core.errors import InputError
from lsr.core.options import beneath, did_you_mean, listed, options_of

if TYPE_CHECKING:
    from lsr.index.engines.hits import Found
    from lsr.index.engines.prepared import PreparedQueries
    from lsr.index.engines.scratch import Scratch
    from lsr.index.engines.together import Together
    from lsr.index.filters.allowed import AllowedRows
    from lsr.index.parts.segment import Segment

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class NoParameters:
    """The parameters of an engine that has none."""


class Engine(Protocol[P]):
    """One way to search a segment.

    Scores are sums of products from the forward index, exact in float64 and rounded once, to float32, so that all
    engines give a document the same one, to the bit.

    Attributes:
        name: what it is called, as the `mode` of a search and in the answer's statistics.
        title: what it does, in a line.
        needs: names of the segment's parts that it searches, besides the forward index and the order of documents.
        Parameters: a frozen dataclass, each field with a default and a sentence in its docstring (see
            `lsr.core.attributes`), which refuses wrong values by InputError.
        by_name: whether a caller may ask for it; otherwise only the choice of engine uses it.
        reads_all: whether it reads all documents that it may return, so that warming it up on all would read the index.
        gives_way: whether direct search takes its place where a filter allows few rows.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    Parameters: type[P]
    by_name: ClassVar[bool] = True
    reads_all: ClassVar[bool] = False
    gives_way: ClassVar[bool] = False

    def is_exact(self, parameters: P) -> bool:
        """Whether it always finds the true best with these parameters."""
        ...

    @property
    def always_exact(self) -> bool:
        """Whether it finds the true best however it is asked: it is exact, and has no parameters."""
        parameters: Any = self.Parameters
        return not options_of(parameters) and self.is_exact(parameters())

    def search(
        self,
        segment: Segment,
        queries: PreparedQueries,
        k: int,
        allowed: AllowedRows,
        scratch: Scratch,
        parameters: P,
    ) -> list[Found]:
        """Find the k best allowed rows for each query of a batch, on this thread; `scratch` is left as it was.

        Rows of positive score only, best first, ties in row order.
        """
        ...

    def search_together(
        self,
        together: Together,
        queries: Sequence[PreparedQueries],
        k: int,
        allowed: Sequence[AllowedRows],
        parameters: P,
    ) -> list[Found]:
        """Find the k best of several segments for each query; queries and rows are given as each segment takes them.

        Rows are the index's, in no order. Among them are the k best, whichever ids those have that score the same; what
        others are better than may be there too.
        """
        from lsr.index.engines.one_by_one import one_by_one

        return one_by_one(together, queries, k, allowed, partial(self.search, parameters=parameters))


def parameters_of(engine: Engine[P], values: Mapping[str, Any], mode: str | None = None) -> P:
    """Build an engine's parameters from their names and values.

    InputError for an unknown name, with the nearest known one, or for a value that the engine refuses. `mode` is the
    name that the engine was asked for by, if not its own.
    """
    parameters: Any = engine.Parameters
    # Types are part of the key since True equals 1.
    given = tuple((name, type(value), value) for name, value in values.items())
    try:
        made: P = _made(parameters, given)
    except (TypeError, InputError):
        check_parameters(parameters, values, mode or engine.name)
        raise
    return made


def check_parameters(parameters: Any, values: Mapping[str, Any], mode: str) -> None:
    """Check a mode's parameters: InputError for the first that is unknown or has a wrong value."""
    known = {each.name: each for each in options_of(parameters)}
    for name, value in values.items():
        if name not in known:
            has = f"; it has {listed(known)}" if known else "; it has none"
            raise InputError(f"is not a parameter of mode {mode!r}{did_you_mean(name, known) or has}", field=str(name))
        known[name].check(value)
        with beneath(name):
            parameters(**{name: value})


# The same few parameters are used again and again.
@lru_cache(256)
def _made(parameters: Any, given: tuple[tuple[str, type, Any], ...]) -> Any:
    return parameters(**{name: value for name, _, value in given})
