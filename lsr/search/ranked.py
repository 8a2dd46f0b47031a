"""What a search for many queries finds for one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.core.counted import counted

if TYPE_CHECKING:
    from lsr.index import SearchStats


@dataclass(frozen=True, slots=True)
class RankedIds:
    """The hits of one query of many, best first, and what the search of the sparse index did, if it was searched."""

    ids: list[str]
    scores: npt.NDArray[np.floating]
    stats: SearchStats | None

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        if not self.ids:
            return "RankedIds(no hits)"
        best = ", ".join(f"{id!r} {score:.4g}" for id, score in zip(self.ids[:3], self.scores, strict=False))
        return f"RankedIds({counted(len(self.ids), 'hits')}: {best}{', …' if len(self.ids) > 3 else ''})"
