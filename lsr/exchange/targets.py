"""What each engine that an index is exported to is asked for. Which there are: `lsr.exchange.names`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from lsr.exchange.names import TARGETS
from lsr.exchange.source import Source, TermWeights


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        documents: how many; with windows, how many windows.
        notes: what whoever uses it should know, a sentence each.
    """

    documents: int
    notes: tuple[str, ...] = ()


class Target(Protocol):
    """Writes what an index holds as an engine takes it."""

    def write(self, source: Source, place: str, *, force: bool, query: TermWeights | None, k: int) -> Written:
        """Write everything to a new folder, or to the server at a URL; whole or not at all.

        `query`: terms and weights of one that is written beside it, as the engine is asked for its `k` best, where
        that is JSON. Raises OutputExistsError if something is there and `force` is not set, InputError for what the
        engine does not take, and MissingDependencyError.
        """
        ...

    def body(self, query: TermWeights, k: int, name: str) -> dict[str, Any]:
        """The body of a search for the `k` documents of a collection with the largest inner product, as JSON values."""
        ...


def load_target(name: str) -> Target:
    """The target of this name."""
    return cast(Target, import_module(TARGETS[name].module).TARGET)
