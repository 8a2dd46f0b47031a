"""Models that several indexes are searched by, each in memory once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from lsr.search.gathering import Gathering, runs_at_once

if TYPE_CHECKING:
    from lsr.index import Index

T = TypeVar("T")

# What an index records of words, of titles and of how many terms it keeps says nothing of the model.
_OF_MODEL = ("model", "dim", "max_length", "special_tokens", "window_overlap", "document", "query")


class Models:
    """The models of some retrievers: those that want the same one share it; it is gone when the last of them is.

    The same is what has the same name or path, the same fingerprint of its files, as the index records it, and the
    same settings. So a model whose files have changed is another one, and what was loaded before stays what it was.
    Safe to use from several threads: who wants a model that is being loaded waits for it, and for no other.
    """

    def __init__(self) -> None:
        self._known: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._loading: dict[str, Lock] = {}
        self._changing = Lock()

    def shared(self, *wanted: Any, load: Callable[[], T]) -> T:
        """The model that these JSON values say, loaded by `load` unless it is here. Raises what `load` raises."""
        key = json.dumps(wanted, sort_keys=True)
        with self._changing:
            lock = self._loading.setdefault(key, Lock())
        with lock:
            found: T | None = self._known.get(key)
            if found is None:
                found = self._known[key] = load()
            return found

    def gathering(self, model: object, encode: Callable[[list[str]], Iterable[T]], device: str | None) -> Gathering[T]:
        """What encodes texts by a loaded model, on this device, in runs of all that share it."""
        # It holds the model, so that no other has this number as long as it is known.
        return self.shared("runs", id(model), load=lambda: Gathering(encode, runs_at_once(device)))


def of_model(record: Mapping[str, Any]) -> dict[str, Any]:
    """What of an index's record of its encoder says which model that is."""
    return {name: record.get(name) for name in _OF_MODEL}


def encoder_of_part(index: Index, name: str) -> Any:
    """Which model made the dense or token vectors of an index, as it records it; None for none."""
    live = index.manifest.live
    if name == "dense" and live is not None:
        return (live.dense or {}).get("encoder")
    records = [segment.record.parts[name].record for segment in index.segments if name in segment.record.parts]
    return records[0].get("encoder") if records else None
