"""Search parameters that were measured on an index, and those worth measuring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from dataclasses import asdict, dataclass
from typing import Any

from lsr.core.annotated import as_annotated
from lsr.core.arguments import count
from lsr.core.errors import InputError
from lsr.core.options import build, check_options, shortened
from lsr.core.remedies import tune
from lsr.index.engines.blocks.parameters import usual_blocks

_CUTS = (0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.2)
# Blocks visited, as multiples of the usual number.
_BLOCK_SHARES = (0.25, 0.35, 0.45, 0.55, 0.7, 0.9, 1.2, 1.8, 3.0)


@dataclass(frozen=True, slots=True)
class Tuning:
    """The fastest parameters that were found to reach a recall.

    Attributes:
        k: the number of hits that was measured.
        recall: the recall that was asked for.
        mode: of `Index.search`.
        parameters: of that mode.
        measured_recall: what they reached, against exhaustive search of the same index.
        mean_us: mean microseconds per query in that measurement.
        queries: how many were measured.
    """

    k: int
    recall: float
    mode: str
    parameters: Mapping[str, Any]
    measured_recall: float
    mean_us: float
    queries: int

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return {**asdict(self), "parameters": dict(self.parameters)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Tuning:
        """Inverse of `to_record`. InputError names a value that is wrong."""
        made = build(cls, record)
        check_options(made)
        if not isinstance(made.parameters, dict):
            raise InputError(f"must hold parameters, not {shortened(made.parameters)}", field="parameters")
        return made


@as_annotated
def choose_tuning(tunings: Iterable[Tuning], k: int, recall: float) -> Tuning:
    """The fastest tuning for at least this recall and k.

    A tuning for a larger k also serves a smaller one. InputError, which names the existing tunings, if none fits.
    """
    if isinstance(recall, bool) or not isinstance(recall, int | float) or not 0 < recall <= 1:
        raise InputError(f"recall must lie in (0, 1], not {recall}")
    tunings = list(tunings)
    fitting = [tuning for tuning in tunings if tuning.k >= k and tuning.recall >= recall]
    if not fitting:
        there = ", ".join(f"recall {tuning.recall:g} at k {tuning.k}" for tuning in tunings) or "nothing"
        raise InputError(
            f"this index is not tuned for recall {recall:g} at k {k} (it is for: {there})",
            remedies=[tune(recall, k), "leave recall out"],
        )
    return min(fitting, key=lambda tuning: tuning.mean_us)


@as_annotated
def parameter_grid(index: Sized, k: int = 10) -> list[dict[str, Any]]:
    """Search settings worth measuring in an index of this size; the last one is exact.

    Each is {"mode": …, **parameters}, as `Index.search` takes them.
    """
    usual = usual_blocks(count(k), len(index))
    approximate = [
        {"mode": "approximate", "cut": cut, "max_blocks": max(round(share * usual), 1)}
        for cut in _CUTS
        for share in _BLOCK_SHARES
    ]
    return [*approximate, {"mode": "exact"}]
