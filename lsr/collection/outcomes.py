"""What became of what a collection was asked to do."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lsr.core.documents import Document


class Refused(NamedTuple):
    """A document that was not written: its id, as far as it has one, and why."""

    id: str
    reason: str

    def __str__(self) -> str:
        return self.reason


class Outcome(NamedTuple):
    """What became of one document: its id, as far as it has one, and, if it was refused ("error"), the reason."""

    id: str
    status: Literal["created", "replaced", "error"]
    error: str | None = None


def outcomes(given: Sequence[Document | Refused], refused: Sequence[Refused], new: Container[str]) -> list[Outcome]:
    """What became of documents of different ids: some refused when they were read, some later; the ids of new ones."""
    reasons = {each.id: each.reason for each in refused}

    def outcome(each: Document | Refused) -> Outcome:
        reason = each.reason if isinstance(each, Refused) else reasons.get(each.id)
        if reason is not None:
            return Outcome(each.id, "error", reason)
        return Outcome(each.id, "created" if each.id in new else "replaced")

    return [outcome(each) for each in given]


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

    def count(self, outcome: Outcome) -> None:
        """Count what became of one document."""
        if outcome.status == "created":
            self.created += 1
        elif outcome.status == "replaced":
            self.replaced += 1
        else:
            self.refused.append(Refused(outcome.id, outcome.error or ""))

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
