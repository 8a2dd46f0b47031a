"""Answers to searches, kept as long as the snapshot that they are of."""

from __future__ import annotations

from collections import OrderedDict, deque
from hashlib import blake2b
from threading import Lock
from typing import Any, NamedTuple
from weakref import finalize, ref

import orjson

from lsr.service.metrics.service import ServiceMetrics

_NAME = "answers"
# Of an entry beside its bytes: those objects, its key and its places in dicts. Measured with tracemalloc: 280 to 365.
_BESIDE = 384
# The largest answer that is kept is this part of all: one does not drive out many.
_SHARE = 10


class CacheKey(NamedTuple):
    """Of which snapshot, by its number, and what was asked of it, as a digest."""

    snapshot: int
    asked: bytes


class AnswerCache:
    """The answers that were asked for last, within a number of bytes. Safe to use from several threads.

    An answer belongs to a snapshot, which never changes: so none is stale. A snapshot is not kept alive by its answers,
    and they go when it goes.
    """

    def __init__(self, max_bytes: int, metrics: ServiceMetrics) -> None:
        """Hits, misses and bytes are told to `metrics`. With `max_bytes` of 0 nothing is kept, and nothing counted."""
        self._most = max_bytes
        self._lock = Lock()
        self._answers: OrderedDict[CacheKey, bytes] = OrderedDict()
        self._bytes = 0
        # By the identity of a snapshot that is alive: its number, which no other gets; and the keys of each number.
        self._numbers: dict[int, tuple[ref[Any], int]] = {}
        self._keys: dict[int, set[CacheKey]] = {}
        self._next = 0
        # A snapshot may go at any moment, also while this thread holds the lock: it is only noted.
        self._gone: deque[tuple[int, int]] = deque()
        self._hits, self._misses = metrics.cache_hits.labels(_NAME), metrics.cache_misses.labels(_NAME)
        metrics.watch(cache_bytes={_NAME: lambda: self.size})

    def __bool__(self) -> bool:
        """Whether anything is kept."""
        return self._most > 0

    def __len__(self) -> int:
        with self._lock:
            self._forget_gone()
            return len(self._answers)

    @property
    def size(self) -> int:
        """How much memory is taken, about."""
        with self._lock:
            self._forget_gone()
            return self._bytes

    def key(self, snapshot: object, asked: dict[str, Any]) -> CacheKey:
        """The key of what is asked, as JSON values, of a snapshot: an object that weak references can be made to.

        Numbers in `asked` are finite: JSON writes others alike.
        """
        digest = blake2b(_canonical(asked), digest_size=32).digest()
        with self._lock:
            self._forget_gone()
            known = self._numbers.get(id(snapshot))
            if known is None or known[0]() is not snapshot:
                known = ref(snapshot), self._next
                self._next += 1
                self._numbers[id(snapshot)] = known
                self._keys[known[1]] = set()
                finalize(snapshot, self._gone.append, (id(snapshot), known[1])).atexit = False
            return CacheKey(known[1], digest)

    def get(self, key: CacheKey) -> bytes | None:
        """The answer; None if it is not kept."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
        (self._misses if answer is None else self._hits).inc()
        return answer

    def put(self, key: CacheKey, answer: bytes) -> None:
        """Keep an answer, unless it is large, or of a snapshot that has gone. Those not asked for lately make room."""
        size = len(answer) + _BESIDE
        if size * _SHARE > self._most:
            return
        with self._lock:
            self._forget_gone()
            keys = self._keys.get(key.snapshot)
            if keys is None or key in self._answers:
                return
            self._answers[key] = answer
            keys.add(key)
            self._bytes += size
            while self._bytes > self._most:
                oldest = next(iter(self._answers))
                self._drop(oldest)
                self._keys[oldest.snapshot].discard(oldest)

    def _drop(self, key: CacheKey) -> None:
        self._bytes -= len(self._answers.pop(key)) + _BESIDE

    def _forget_gone(self) -> None:
        """Forget the snapshots that have gone, and their answers."""
        while self._gone:
            identity, number = self._gone.popleft()
            for key in self._keys.pop(number):
                self._drop(key)
            # By now it may be the identity of another one.
            if self._numbers[identity][1] == number:
                del self._numbers[identity]


def _canonical(asked: dict[str, Any]) -> bytes:
    """As JSON, whatever the order of the names in objects."""
    try:
        return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer beyond 64 bits
        return repr(asked).encode()
