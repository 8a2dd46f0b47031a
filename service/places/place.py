"""Which part an application has, where several processes serve one folder."""

from __future__ import annotations

from enum import Enum


class Place(Enum):
    """Alone; the one that writes, which answers what the others pass on; or one of those, which only read."""

    ALONE = "alone"
    OWNER = "owner"
    READER = "reader"
