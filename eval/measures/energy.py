"""Energy by tirex-tracker, where that is installed and the machine tells it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_MEASURES = ("CPU_ENERGY_SYSTEM_JOULES", "RAM_ENERGY_SYSTEM_JOULES", "GPU_ENERGY_SYSTEM_JOULES")


@dataclass(slots=True)
class Energy:
    """Joules that the whole machine took, of processor, memory and GPU as far as it tells; None if it tells none."""

    joules: float | None = None


@contextmanager
def energy() -> Iterator[Energy]:
    """Measure the energy of what is done meanwhile; it is there at the end, if the machine tells it. Never an error."""
    found = Energy()
    try:
        import tirex_tracker
    except ImportError:  # an extra of its own, for the few machines that tell
        yield found
        return
    with tirex_tracker.tracking(measures=[tirex_tracker.Measure[name] for name in _MEASURES]) as results:
        yield found
    told = [joules for entry in results.values() if (joules := _joules(entry.value)) is not None]
    found.joules = sum(told) if told else None


def _joules(value: Any) -> float | None:
    """A number, which comes as text; None for what the machine does not tell."""
    try:
        joules = float(value)
    except (TypeError, ValueError):
        return None
    return joules if math.isfinite(joules) and joules >= 0 else None
