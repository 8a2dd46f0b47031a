"""What became of what a collection was asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from lsr.collection.encoding import Refused


@dataclass(slots=True)
class Added:
    """What became of documents.

    Attributes:
        created: ids that were new; replaced: ids whose documents these took the place of.
        refused: documents that were not written, each with its reason.
    """

    created: int = 0
    replaced: int = 0
    refused: list[Refused] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Added(created={self.created:,}, replaced={self.replaced:,}, refused={len(self.refused):,})"


@dataclass(slots=True)
class Deleted:
    """What became of ids: how many documents are gone, and which ids there were none of."""

    deleted: int = 0
    missing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Reindexed:
    """What became of a collection: how many documents it has, and how many were caught up with.

    Attributes:
        documents: in the new version.
        caught_up: that were written, replaced or deleted while it was made.
    """

    documents: int
    caught_up: int = 0
