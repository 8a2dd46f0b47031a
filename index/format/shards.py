"""What says that a folder is a collection of several shards: each an index of its own, in a folder of its own.

A document is in the shard that the hash of its id says (`shard_of`), so whoever adds, looks for or compares documents
knows where to look, and two of one id meet. What holds for all of them is said once, beside the list of the shards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from lsr.core.errors import InputError
from lsr.core.options import beneath
from lsr.index.format.records import MOST_DOCUMENTS, SEGMENT_NAME, mapping, number, text

SHARDS_NAME = "shards.json"
SHARDS_FORMAT = "lsr-shards"
SHARDS_VERSION = 1
SHARD_NAME = re.compile(r"shard-[0-9]{4}-[0-9a-f]{8}")
FINGERPRINT = re.compile(r"[0-9a-f]{32}")
MOST_SHARDS = 10_000
ROUTING = "blake2b-64"
"""How ids become shards; others may follow, and are refused by name until they are known."""


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """The facts about one shard.

    Attributes:
        name: of its folder.
        segment: name of the one segment of the index in it.
        documents: number of its rows.
    """

    name: str
    segment: str
    documents: int

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {"folder": self.name, "segment": self.segment, "documents": self.documents}

    @classmethod
    def from_record(cls, record: object) -> ShardRecord:
        """From JSON values; InputError names one that is wrong."""
        values = mapping(record, keys=("folder", "segment", "documents"))
        return cls(
            text(values, "folder", SHARD_NAME),
            text(values, "segment", SEGMENT_NAME),
            number(values, "documents", 1, MOST_DOCUMENTS),
        )


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards of a collection, in the order of their numbers.

    Attributes:
        records: of each; None for one without documents.
        fingerprint: of what the collection holds: the same for the same documents, model and settings.
    """

    records: tuple[ShardRecord | None, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.records)

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        listed = [None if each is None else each.to_record() for each in self.records]
        return {"routing": ROUTING, "fingerprint": self.fingerprint, "shards": listed}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Shards:
        """From JSON values, of which others are not looked at; InputError names one that is missing or wrong."""
        text(record, "routing", re.compile(re.escape(ROUTING)))
        listed = record.get("shards")
        if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_SHARDS:
            raise InputError(f"must be a list of 1 to {MOST_SHARDS:,} shards", field="shards")
        found: list[ShardRecord | None] = []
        with beneath("shards"):
            for place, each in enumerate(listed):
                with beneath(str(place)):
                    found.append(None if each is None else ShardRecord.from_record(each))
        names = [each.name for each in found if each is not None]
        if not names:
            raise InputError("must hold documents", field="shards")
        if len(set(names)) < len(names):
            raise InputError("names a folder twice", field="shards")
        return cls(tuple(found), text(record, "fingerprint", FINGERPRINT))


SHARDS_FIELDS = frozenset(("routing", "fingerprint", "shards"))
"""The fields of `Shards.to_record`."""


def shard_of(id: str, shards: int) -> int:
    """The number of the shard, of so many, that the document of this id belongs to."""
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest(), "big") % shards
