"""Texts of several threads, encoded in one run of a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from threading import Condition
from typing import TYPE_CHECKING, Generic, TypeVar

from lsr.index.fusion.query import SparseQuery

if TYPE_CHECKING:
    from lsr.encoding.sparse.encoder import SparseEncoder

T = TypeVar("T")

# Texts of one run at most: a model gains little from more of them, and those that come next wait for it.
_MOST = 32
# Texts of fewer characters than this are alike to a model: it pads what it reads to 16 tokens.
_SHORT = 64


class Gathering(Generic[T]):
    """Encodes one text for each thread that asks, in as few runs as come to pass.

    No text waits for others to come: it is encoded at once if fewer than `at_once` runs are under way, and else as soon
    as one of them ends, with what has come in the meantime. A run is of texts about as long as the one that has waited
    longest, so that little is padding. A text that cannot be encoded fails alone.
    """

    def __init__(self, encode: Callable[[list[str]], Iterable[T]], at_once: int = 1) -> None:
        """`encode` gives a result for each text; what it makes of one does not depend on the others."""
        self._encode = encode
        self._free = at_once
        self._waiting: list[_Asked[T]] = []
        self._changed = Condition()

    def __call__(self, text: str) -> T:
        """What `encode` makes of the text. Raises what it raises for the text alone."""
        asked = _Asked[T](text)
        with self._changed:
            self._waiting.append(asked)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: asked.done or (self._free and asked in self._waiting))
                if asked.done:
                    return asked.result()
                self._free -= 1
                run = self._taken()
            try:
                _answer(run, self._encode)
            finally:
                with self._changed:
                    self._free += 1
                    self._changed.notify_all()

    def _taken(self) -> list[_Asked[T]]:
        """What is encoded next, which waits no more."""
        alike = [each for each in self._waiting if each.size == self._waiting[0].size][:_MOST]
        self._waiting = [each for each in self._waiting if each not in alike]
        return alike


def runs_at_once(device: str | None) -> int:
    """How many runs of a model the device does side by side: one for each core of a CPU, one on anything else.

    `device` as for `Retriever.open`.
    """
    from lsr.encoding.shared.placement import choose_device

    return os.cpu_count() or 1 if choose_device(device).type == "cpu" else 1


def sparse_rows(encoder: SparseEncoder, texts: Sequence[str]) -> list[SparseQuery]:
    """The terms of each query's text."""
    encoded = encoder.encode_queries(texts)
    return [encoded.row(number) for number in range(len(encoded))]


class _Asked(Generic[T]):
    """A text, and what became of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.size = max(len(text), _SHORT - 1).bit_length()
        self.done = False
        self._result: T
        self._error: BaseException | None = None

    def answer(self, result: T) -> None:
        self._result, self.done = result, True

    def fail(self, error: BaseException) -> None:
        self._error, self.done = error, True

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result


def _answer(run: Sequence[_Asked[T]], encode: Callable[[list[str]], Iterable[T]]) -> None:
    """Encode all of a run; one after another if that fails, so that each gets its own error."""
    try:
        for asked, result in zip(run, encode([each.text for each in run]), strict=True):
            asked.answer(result)
    except Exception as error:
        if len(run) == 1:
            run[0].fail(error)
            return
        for asked in run:
            _answer([asked], encode)
    except BaseException as error:
        # This thread is to end: whoever waits for it must not wait for ever.
        for asked in run:
            asked.fail(error)
        raise
