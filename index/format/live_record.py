"""What a manifest says of a collection that is written to, beside its segments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lsr.core.options import beneath
from lsr.index.format.records import MOST_TERMS, FileRecord, boolean, mapping, number, object_or_none, text
from lsr.index.format.settings import IndexSettings

IDENTITY = re.compile(r"[0-9a-f]{32}")
_MOST_LOGS = 10**10 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecord:
    """The facts about a collection that takes writes.

    Attributes:
        identity: of the collection, which its log files state: 32 hexadecimal digits.
        log: the number of the first log file that is not yet in the segments.
        sequence: of the last write that is in the segments.
        terms: the number of the model's terms, whether there is a segment or not.
        settings: of the segments to come.
        tokens: whether the tokens of texts are counted, for an encoder whose queries are a table of weights.
        windows: how documents are cut, as JSON values of `lsr.text.windows.WindowSettings`; None if they are not.
        dense: what the manifest of each segment says of its dense vectors; None if documents have none.
        vocabulary: size and checksum of the file in the collection's folder that names the model's terms, for a
            collection that was made empty; None where segments alone hold them, or nothing does.
        schema: types of fields, as JSON values; None if they are inferred.
    """

    identity: str
    log: int
    sequence: int
    terms: int
    settings: IndexSettings
    tokens: bool = False
    windows: dict[str, Any] | None = None
    dense: dict[str, Any] | None = None
    vocabulary: FileRecord | None = None
    schema: dict[str, Any] | None = None

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "identity": self.identity,
            "log": self.log,
            "sequence": self.sequence,
            "terms": self.terms,
            "settings": self.settings.to_record(),
            "tokens": self.tokens,
            "windows": self.windows,
            "dense": self.dense,
            "vocabulary": None if self.vocabulary is None else asdict(self.vocabulary),
            "schema": self.schema,
        }

    @classmethod
    def from_record(cls, value: object) -> LiveRecord:
        """From JSON values; InputError names one that is missing or wrong."""
        names = "identity", "log", "sequence", "terms", "settings", "tokens", "windows", "dense", "vocabulary", "schema"
        record: Mapping[str, Any] = mapping(value, keys=names)
        with beneath("settings"):
            settings = IndexSettings.from_record(dict(mapping(record["settings"])))
        return cls(
            identity=text(record, "identity", IDENTITY),
            log=number(record, "log", 1, _MOST_LOGS),
            sequence=number(record, "sequence", 0, 2**63 - 1),
            terms=number(record, "terms", 0, MOST_TERMS),
            settings=settings,
            tokens=boolean(record, "tokens"),
            windows=object_or_none(record, "windows"),
            dense=object_or_none(record, "dense"),
            vocabulary=None if record["vocabulary"] is None else FileRecord.from_record(record["vocabulary"]),
            schema=object_or_none(record, "schema"),
        )
