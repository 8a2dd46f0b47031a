"""Parameters of direct search, which the choice of engine fills in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DirectParameters:
    """The search that direct search replaces.

    Attributes:
        mode: The mode that was asked for, which the answer's statistics name.
    """

    mode: str = "direct"
