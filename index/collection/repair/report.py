"""What a repair found, did, and could not save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

DOCUMENTS_NAME = "documents.jsonl"
DOUBTFUL_NAME = "doubtful.jsonl"
REPORT_NAME = "report.json"


@dataclass(slots=True)
class Repair:
    """What came of repairing an index.

    Attributes:
        problems: what was wrong, each with its file; none for a sound index.
        steps: what was done about it, or would be, in words.
        folder: where what was damaged lies now, beside `report.json`, which says all of this; None if nothing was.
        documents: ids of documents that are no longer in the index, but whole in `documents.jsonl` of that folder, for
            `lsr add`; those that the index still has as they were before are in it, too.
        doubtful: ids of others, in `doubtful.jsonl`: `steps` says why they may not be as they were.
        lost: ids of documents of which nothing else could be read.
        unnamed: how many rows there were beside whose ids could not be read either.
        deleted: ids of documents that were deleted in the damaged part of the log: the index may still hold them.
        log: whether the log was damaged: writes of which nothing is known may be lost, too.
        unreadable: how many records of the log could not be read, as far as that is known.
        parts: what was added to the index and is gone: "dense", say, or "vocabulary"; of vectors, the model that made
            them, if that is known, or else "".
        previous: whether the version that `reindex` kept is gone.
        sound: whether the index is sound now; not if what is damaged is all that it has.
    """

    problems: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    folder: str | None = None
    documents: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unnamed: int = 0
    deleted: list[str] = field(default_factory=list)
    log: bool = False
    unreadable: int = 0
    parts: dict[str, str] = field(default_factory=dict)
    previous: bool = False
    sound: bool = True

    @property
    def whole(self) -> bool:
        """Whether nothing was lost: all is as it was before the damage."""
        gone = self.documents or self.doubtful or self.lost or self.unnamed or self.parts or self.previous
        return self.sound and not self.log and not gone

    def add(self, other: Repair) -> None:
        """Take in what another one found and did."""
        for name in ("problems", "steps", "documents", "doubtful", "lost", "deleted"):
            getattr(self, name).extend(getattr(other, name))
        self.parts |= other.parts
        self.unnamed += other.unnamed
        self.unreadable += other.unreadable
        self.previous = self.previous or other.previous
        self.log, self.sound = self.log or other.log, self.sound and other.sound
        self.folder = other.folder or self.folder

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "whole": self.whole}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Repair:
        """From what `to_record` gave."""
        return cls(**{name: value for name, value in record.items() if name in cls.__dataclass_fields__})
