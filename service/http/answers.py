"""Answers as JSON bytes, made in the worker thread."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

import numpy as np
import orjson


class Clock:
    """Measures a request: it starts when the request has been read; `begin` is called when a thread takes it up."""

    def __init__(self) -> None:
        self._arrived = self._begun = perf_counter()

    def begin(self) -> None:
        self._begun = perf_counter()

    def timings(self) -> dict[str, float]:
        """Milliseconds that the request waited for a thread, and in total."""
        queued, total = self._begun - self._arrived, perf_counter() - self._arrived
        return {"queue_ms": round(queued * 1e3, 3), "total_ms": round(total * 1e3, 3)}


def to_json(answer: dict[str, Any]) -> bytes:
    """Encode as UTF-8 JSON. `json` takes over if a document has what orjson refuses (integers beyond 64 bits)."""
    try:
        return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        return json.dumps(answer, default=_plain).encode()


def short(value: float) -> np.float32:
    """Shorten a number that was a float32, so that orjson writes it with the few digits that a float32 has."""
    return np.float32(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.floating):
        # By way of its own digits, so that both encoders write the same.
        return float(str(value))
    raise TypeError(f"{type(value).__name__} is not JSON")
