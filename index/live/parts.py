"""The parts of a snapshot, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lsr.index.parts.registry import PARTS
from lsr.index.parts.segment import Segment


class Parts:
    """The parts beside the documents (`lsr.index.parts.registry`), such as dense vectors: `parts["dense"]`.

    Iterating gives the names. A part that was added to the index is opened when it is first asked for.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        (self._segment,) = segments

    def __repr__(self) -> str:
        return f"Parts({', '.join(self)})"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._segment.has_part(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in PARTS if name in self)

    def get(self, name: str) -> Any:
        """The part as `[name]` opens it; None if there is none."""
        if name not in self:
            return None
        return self[name]

    def __getitem__(self, name: str) -> Any:
        """Open a part. InputError if there is none of this name, IndexFormatError if a file of it is damaged."""
        return self._segment.part(name)
