"""What a manifest says, as values: what each may be, whoever wrote it.

Whatever becomes a path is held to a pattern, whatever becomes a size to a range: a manifest may have been made by hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lsr.core.errors import InputError
from lsr.core.options import beneath, shortened
from lsr.index.format.columns import SharedColumns
from lsr.index.format.settings import IndexSettings

SEGMENT_NAME = re.compile(r"segment-[0-9a-f]{16}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_PART_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TEXT = re.compile(r"[ -~]{0,100}")
# What positions, rows and term ids are counted in.
MOST_DOCUMENTS, MOST_TERMS = 2**32 - 1, 2**32
# Beyond, lengths times eight bytes no longer fit what sizes are counted in.
_MOST_BYTES = 2**59
# What `lsr.index.build.quantise` makes of weights within 1e-30 … 1e30: the scale and what it multiplies stay float32.
SCALES = (1e-33, 1e30)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Size in bytes and CRC-32 of one file."""

    bytes: int
    crc32: int

    @classmethod
    def from_record(cls, record: object) -> FileRecord:
        """From JSON values; InputError names one that is wrong."""
        values = mapping(record, keys=("bytes", "crc32"))
        return cls(number(values, "bytes", 0, _MOST_BYTES), number(values, "crc32", 0, 2**32 - 1))


@dataclass(frozen=True, slots=True)
class PartRecord:
    """The facts about a part that was added to a segment (`lsr.index.parts.adding`).

    Attributes:
        folder: name of its own folder in the segment's.
        record: what it is, as JSON values.
        files: by name.
    """

    folder: str
    record: dict[str, Any]
    files: dict[str, FileRecord]

    @classmethod
    def from_record(cls, name: str, record: object) -> PartRecord:
        """From the JSON values of the part of this name; InputError names one that is wrong."""
        if not _PART_NAME.fullmatch(name):
            raise InputError(f"must be the name of a part, not {shortened(name)}")
        values = mapping(record, keys=("folder", "record", "files"))
        folder = text(values, "folder", re.compile(rf"{name}-[0-9a-f]{{8}}"))
        return cls(folder, dict(mapping(values["record"], field="record")), files_from_record(values["files"]))


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """The facts about one segment, which its parts are opened by.

    Attributes:
        name: of its folder.
        documents: number of rows.
        ids: number of term ids that there could be.
        postings: number of (term, weight) pairs in all documents.
        weight_scale: a stored weight q (1 to 255) stands for q * weight_scale: that of the index.
        settings: of the build.
        files: of the segment, by name, without those of added parts.
        parts: those that were added, by name.
        windows: where rows are windows of documents: `lsr.text.windows.WindowSettings` as JSON values and `documents`,
            the number of these; else None.
        library_version: version of lsr that built it.
        columns: how many terms there are in the documents, where there are tables of these alone (the part `term_ids`),
            or how many columns, where rare terms share some; else None.
        shared_from: the first column that rare terms share (`lsr.index.format.columns`); None if none do.
        words: how many of the terms, the last ones, are words (`lsr.index.parts.words`).
    """

    name: str
    documents: int
    ids: int
    postings: int
    weight_scale: float
    settings: IndexSettings
    files: dict[str, FileRecord]
    parts: dict[str, PartRecord]
    windows: dict[str, Any] | None
    library_version: str
    columns: int | None = None
    shared_from: int | None = None
    words: int = 0

    @property
    def dim(self) -> int:
        """How many columns there are: terms, unless there are tables of some only, or some share them."""
        return self.ids if self.columns is None else self.columns

    @property
    def terms(self) -> int:
        """How many terms can be told apart: what counts by term, and the terms of a query, are at most."""
        return self.dim if self.shared_from is None else self.ids

    @property
    def shared(self) -> SharedColumns | None:
        """Which columns rare terms share; None if none do."""
        if self.shared_from is None or self.columns is None:
            return None
        return SharedColumns(self.ids, self.columns, self.shared_from)

    def to_record(self) -> dict[str, Any]:
        """As JSON values, without what the manifest says of all segments."""
        return {
            "segment": self.name,
            "documents": self.documents,
            "dim": self.ids,
            "postings": self.postings,
            "settings": self.settings.to_record(),
            "files": {name: asdict(file) for name, file in self.files.items()},
            "parts": {name: asdict(part) for name, part in self.parts.items()},
            "windows": self.windows,
            "library_version": self.library_version,
            # Said only where there is something to say.
            **({} if self.columns is None else {"columns": self.columns}),
            **({} if self.shared_from is None else {"shared_from": self.shared_from}),
            **({} if not self.words else {"words": self.words}),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], weight_scale: float) -> SegmentRecord:
        """From JSON values; InputError names one that is missing or wrong. Others beside them are not looked at."""
        documents = number(record, "documents", 1, MOST_DOCUMENTS)
        ids = number(record, "dim", 1, MOST_TERMS)
        columns = optional_number(record, "columns", 1, ids)
        settings = mapping(_value(record, "settings"), field="settings")
        with beneath("settings"):
            made_settings = IndexSettings.from_record(dict(settings))
        parts = mapping(record.get("parts", {}), field="parts")
        with beneath("parts"):
            made = {}
            for name, part in parts.items():
                with beneath(name if _PART_NAME.fullmatch(name) else shortened(name)):
                    made[name] = PartRecord.from_record(name, part)
        return cls(
            name=text(record, "segment", SEGMENT_NAME),
            documents=documents,
            ids=ids,
            postings=number(record, "postings", 0, min(documents * ids, _MOST_BYTES)),
            weight_scale=weight_scale,
            settings=made_settings,
            files=files_from_record(_value(record, "files")),
            parts=made,
            windows=object_or_none(record, "windows", missing=True),
            library_version=text(record, "library_version", TEXT),
            columns=columns,
            shared_from=optional_number(record, "shared_from", 0, -1 if columns is None else columns - 1),
            words=optional_number(record, "words", 1, ids) or 0,
        )


SEGMENT_FIELDS = frozenset(
    (
        *("segment", "documents", "dim", "postings", "settings", "files", "parts", "windows", "library_version"),
        *("columns", "shared_from", "words"),
    )
)
"""The fields of `SegmentRecord.to_record`."""


def collection_values(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the whole index, from JSON values; InputError names one that is missing or wrong."""
    return {
        "weight_scale": positive(record, "weight_scale", *SCALES),
        "encoder": object_or_none(record, "encoder"),
        "tunings": _objects(record, "tunings"),
        "fusion": object_or_none(record, "fusion", missing=True),
        "prunings": _objects(record, "prunings"),
        "outliers": _outliers(record),
        "lexical": object_or_none(record, "lexical", missing=True),
        "synonyms": _texts_or_none(record, "synonyms"),
        "relevance": _objects(record, "relevance") or None,
        "created": text(record, "created", TEXT),
        "library_version": text(record, "library_version", TEXT),
    }


def optional_number(record: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    """The whole number of this name, if there is one."""
    return None if record.get(name) is None else number(record, name, least, most)


def _outliers(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is said of weights that are stored as lighter ones, if anything is."""
    values = record.get("outliers")
    if values is None:
        return None
    with beneath("outliers"):
        values = mapping(values, keys=("weights", "heaviest", "limit"))
        return {
            "weights": number(values, "weights", 1, _MOST_BYTES),
            "heaviest": positive(values, "heaviest", *SCALES),
            "limit": positive(values, "limit", *SCALES),
        }


def files_from_record(record: object) -> dict[str, FileRecord]:
    """Files by name, from JSON values; InputError for one that is wrong."""
    found = {}
    for name, entry in mapping(record, field="files").items():
        with beneath("files"):
            if not _FILE_NAME.fullmatch(name):
                raise InputError(f"must be named by letters, digits, '_', '-' and '.', not {shortened(name)}")
            with beneath(name):
                found[name] = FileRecord.from_record(entry)
    return found


def mapping(value: object, *, field: str | None = None, keys: tuple[str, ...] | None = None) -> Mapping[str, Any]:
    """The value, if it is an object of JSON, with just these keys; else InputError."""
    if not isinstance(value, dict):
        raise InputError(f"must be an object, not {shortened(value)}", field=field)
    for key in keys or ():
        if key not in value:
            raise InputError("is missing", field=key)
    for key in value:
        if keys is not None and key not in keys:
            raise InputError("there is no such field", field=shortened(key))
    return value


def number(record: Mapping[str, Any], name: str, least: int, most: int) -> int:
    """The whole number of this name; InputError if it is none within least … most."""
    value = _value(record, name)
    if type(value) is not int or not least <= value <= most:
        raise InputError(f"must be a whole number in {least:,} … {most:,}, not {shortened(value)}", field=name)
    return value


def boolean(record: Mapping[str, Any], name: str) -> bool:
    """The truth value of this name; InputError if it is none."""
    value = _value(record, name)
    if type(value) is not bool:
        raise InputError(f"must be true or false, not {shortened(value)}", field=name)
    return value


def positive(record: Mapping[str, Any], name: str, least: float, most: float) -> float:
    """The number of this name; InputError if it is not within least … most."""
    value = _value(record, name)
    if type(value) not in (int, float) or not (math.isfinite(value) and least <= value <= most):
        raise InputError(f"must be a number in {least:g} … {most:g}, not {shortened(value)}", field=name)
    return float(value)


def text(record: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    """The text of this name; InputError if it does not match."""
    value = _value(record, name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InputError(f"must be a text like {pattern.pattern}, not {shortened(value)}", field=name)
    return value


def _value(record: Mapping[str, Any], name: str) -> Any:
    if name not in record:
        raise InputError("is missing", field=name)
    return record[name]


def object_or_none(record: Mapping[str, Any], name: str, *, missing: bool = False) -> dict[str, Any] | None:
    value = record.get(name) if missing else _value(record, name)
    return None if value is None else dict(mapping(value, field=name))


def _texts_or_none(record: Mapping[str, Any], name: str) -> list[str] | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InputError(f"must be a list of texts, not {shortened(value)}", field=name)
    return value


def _objects(record: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = record.get(name, [])
    if not isinstance(value, list):
        raise InputError(f"must be a list, not {shortened(value)}", field=name)
    with beneath(name):
        return [dict(mapping(each, field=str(place))) for place, each in enumerate(value)]
