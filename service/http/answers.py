"""Answers as JSON bytes, made in the worker thread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
import orjson


class Clock:
    """Measures a request: it starts when the request has been read; `begin` is called when a thread takes it up.

    Attributes:
        mode: how was searched, once something was; "none" for other work.
        stages_ms: milliseconds of the stages of the work, in their order, as far as it told them.
    """

    def __init__(self) -> None:
        self._arrived = self._begun = perf_counter()
        self.mode = "none"
        self.stages_ms: dict[str, float] = {}

    def begin(self) -> None:
        self._begun = perf_counter()

    def searched(self, mode: str, stages_ms: Mapping[str, float]) -> None:
        """Note how was searched, and how long each stage took; those of several searches are added up."""
        self.mode = mode
        for stage, milliseconds in stages_ms.items():
            self.stages_ms[stage] = self.stages_ms.get(stage, 0.0) + milliseconds

    @property
    def queue_ms(self) -> float:
        """Milliseconds that the request waited for a thread."""
        return (self._begun - self._arrived) * 1e3

    @property
    def total_ms(self) -> float:
        """Milliseconds since it was read."""
        return (perf_counter() - self._arrived) * 1e3

    def timings(self) -> dict[str, float]:
        """Milliseconds that the request waited for a thread, and in total."""
        return {"queue_ms": round(self.queue_ms, 3), "total_ms": round(self.total_ms, 3)}


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
