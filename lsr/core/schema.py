"""The types of documents' fields: declared, or inferred from the values that there are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from lsr.core.annotated import as_annotated
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.options import did_you_mean, shortened
from lsr.core.values import is_text

KEYWORD, INTEGER, FLOAT, DATETIME, BOOLEAN = "keyword", "integer", "float", "datetime", "boolean"
KINDS = {
    KEYWORD: "a text",
    INTEGER: "a whole number of 64 bits",
    FLOAT: "a number",
    DATETIME: "a date in ISO 8601, as 2024-05-01 or 2024-05-01T12:30:00Z",
    BOOLEAN: "true or false",
}
"""What a field can hold, each with what a value of it is."""

ID = "_id"
"""What filters call the id of a document. A field of this name is none of theirs."""

MOST_FIELDS = 1000
LONGEST_KEYWORD = 256
_MANY = "[]"
_LEAST, _MOST = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_DATE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]{1,6})?)?(Z|z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


class FieldType(NamedTuple):
    """The type of a field.

    Attributes:
        kind: one of `KINDS`.
        many: whether documents may have several values of it.
    """

    kind: str
    many: bool = False

    def __str__(self) -> str:
        return self.kind + _MANY * self.many

    @classmethod
    def of(cls, name: object) -> FieldType:
        """From its name, "keyword" or "keyword[]"; InputError if there is no such type."""
        if isinstance(name, str) and name.removesuffix(_MANY) in KINDS:
            return cls(name.removesuffix(_MANY), name.endswith(_MANY))
        known = ", ".join(KINDS)
        near = did_you_mean(name, KINDS) if isinstance(name, str) else ""
        raise InputError(f"must be one of {known}, or a list of one, as keyword[], not {shortened(name)}{near}")

    def stored(self, value: Any) -> Any:
        """A JSON value as it is stored: None for none, a scalar, or a list of scalars that is not empty.

        A single value is a list of one. ValueError if it does not fit; the message says what was expected.
        """
        values = [each for each in (value if isinstance(value, list | tuple) else [value]) if each is not None]
        if not values:
            return None
        return [_scalar(self.kind, each) for each in values] if self.many else _scalar(self.kind, value)


@as_annotated
def instant(text: str) -> int:
    """Microseconds from 1970 in UTC to a date in ISO 8601; of a date alone, to its beginning. ValueError for others.

    A time without an offset is in UTC.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(KINDS[DATETIME])
    date, time, seconds, offset = found.groups()
    try:
        read = datetime.fromisoformat(f"{date}T{time or '00:00'}{seconds or ''}")
    except ValueError:  # as of the 30th of February
        raise ValueError(KINDS[DATETIME]) from None
    moment = (read - _EPOCH) // _MICROSECOND
    if offset and offset not in "Zz":
        digits = offset[1:].replace(":", "")
        hours, minutes = int(digits[:2]), int(digits[2:])
        if hours > 23 or minutes > 59:
            raise ValueError(KINDS[DATETIME])
        moment += (-1 if offset[0] == "+" else 1) * (hours * 60 + minutes) * 60_000_000
    return moment


@as_annotated
def date_text(moment: int) -> str:
    """The date of `instant`, in ISO 8601 and UTC; outside of the years 1 … 9999, the number."""
    try:
        return (_EPOCH + timedelta(microseconds=moment)).isoformat() + "Z"
    except OverflowError:
        return str(moment)


def _scalar(kind: str, value: Any) -> Any:
    """A value as it is stored; ValueError with what is expected if it is not of the kind."""
    if kind == KEYWORD and isinstance(value, str):
        return value
    if kind == BOOLEAN and isinstance(value, bool):
        return value
    if kind == DATETIME and isinstance(value, str):
        return instant(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if kind == INTEGER and value == (whole := _whole(value)):
            return whole
        if kind == FLOAT:
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
    raise ValueError(KINDS[kind])


def _whole(value: float) -> int | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if _LEAST <= value <= _MOST else None


@dataclass(frozen=True)
class Schema:
    """The fields that documents can be filtered by.

    Attributes:
        fields: their types, by name.
        unfit: names of fields that there are and that cannot be filtered by, each with the reason.
        declared: whether it was given, rather than inferred; then a document that does not fit is refused.
        too_many: whether none was inferred because there are more than `MOST_FIELDS`.
    """

    fields: Mapping[str, FieldType] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)
    declared: bool = False
    too_many: bool = False

    @classmethod
    def of(cls, given: Mapping[str, str] | Schema) -> Schema:
        """A declared schema, from types by name: `{"year": "integer", "tags": "keyword[]"}`; else InputError."""
        if isinstance(given, Schema):
            return given
        if not isinstance(given, Mapping):
            raise InputError(f"a schema is an object of types by field, not {shortened(given)}")
        types = {}
        for name, kind in given.items():
            if not isinstance(name, str) or not name or not is_text(name):
                raise InputError(f"the name of a field is a text, not {shortened(name)}")
            if name == ID:
                raise InputError("is the id of a document, which there always is: leave it out", field=name)
            try:
                types[name] = FieldType.of(kind)
            except InputError as error:
                raise InputError(error.reason, field=name) from None
        if len(types) > MOST_FIELDS:
            raise InputError(f"a schema has at most {MOST_FIELDS:,} fields, not {len(types):,}")
        return cls(dict(sorted(types.items())), declared=True)

    def to_record(self) -> dict[str, Any]:
        """As JSON values; inverse of `from_record`."""
        types = {name: str(kind) for name, kind in self.fields.items()}
        record = {"types": types, "unfit": dict(self.unfit), "declared": self.declared}
        return {**record, "too_many": True} if self.too_many else record

    @classmethod
    @as_annotated
    def from_record(cls, record: Mapping[str, Any]) -> Schema:
        """From `to_record`; InputError names what is wrong."""
        types, unfit, declared, too_many = (
            record.get(name, False) for name in ("types", "unfit", "declared", "too_many")
        )
        if not isinstance(unfit, Mapping) or not all(isinstance(each, str) for each in unfit.values()):
            raise InputError("must be reasons by field", field="unfit")
        for name, value in (("declared", declared), ("too_many", too_many)):
            if not isinstance(value, bool):
                raise InputError("must be true or false", field=name)
        if not isinstance(types, Mapping):
            raise InputError("must be types by field", field="types")
        return cls(cls.of(types).fields, dict(sorted(unfit.items())), bool(declared), bool(too_many))

    @as_annotated
    def check(self, documents: Iterable[Document]) -> None:
        """InputError, which names id, field, value and type, for a document that does not fit a declared schema."""
        if not self.declared:
            return
        for document in documents:
            for name, kind in self.fields.items():
                value = document.fields.get(name)
                try:
                    kind.stored(value)
                except ValueError as error:
                    raise InputError(
                        f"document {document.id!r}: {shortened(value)} does not fit {kind}, which is "
                        f"{'a list of values, each ' if kind.many else ''}{error}",
                        field=f"fields.{name}",
                    ) from None

    def checked(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents as they are; InputError at one that does not fit."""
        for document in documents:
            self.check([document])
            yield document

    @as_annotated
    def stored(self, values: Mapping[str, Any]) -> list[Any]:
        """The values of a document's fields, in the order of `fields`, as they are stored; None for what is missing."""
        return [kind.stored(values.get(name)) for name, kind in self.fields.items()]

    @property
    def listed(self) -> str:
        """The fields and their types, for a message."""
        names = [f"{name}: {kind}" for name, kind in self.fields.items()]
        return ", ".join([f"{ID}: {KEYWORD}", *names[:50], *([f"and {len(names) - 50:,} more"] if names[50:] else [])])


class SchemaObserver:
    """Infers a schema from the fields of documents, in whatever order they come.

    true and false are `boolean`, whole numbers `integer`, numbers of which some are not whole `float`, texts
    `keyword`; a field of which a document has a list has a list of these. Null and an empty list are no values. Dates
    are texts, for one text among them would make all of them that: declare `datetime`. A field is unfit if its values
    are of different types, or if one is an object, a list within a list, a text of more than `LONGEST_KEYWORD`
    characters, or a whole number beyond 64 bits. If there are more than `MOST_FIELDS` fields, none is inferred.
    """

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}
        self._many: set[str] = set()
        self._too_many = False

    @as_annotated
    def add(self, values: Mapping[str, Any]) -> None:
        """Look at the fields of a document."""
        if self._too_many:
            return
        for name, value in values.items():
            if value is None or name == ID:
                continue
            if name not in self._seen:
                if len(self._seen) == MOST_FIELDS:
                    self._too_many = True
                    self._seen.clear()
                    return
                self._seen[name] = set()
            seen = self._seen[name]
            if isinstance(value, list | tuple):
                kinds = {_seen(each) for each in value if each is not None}
                if kinds:
                    self._many.add(name)
                seen |= kinds
            else:
                seen.add(_seen(value))

    def to_record(self) -> dict[str, Any]:
        """What was seen, as JSON values; `join` takes it."""
        seen = {name: sorted(kinds) for name, kinds in self._seen.items()}
        return {"seen": seen, "many": sorted(self._many), "too_many": self._too_many}

    def join(self, record: Mapping[str, Any]) -> None:
        """See what another has seen, as its `to_record` says."""
        for name, kinds in record["seen"].items():
            self._seen.setdefault(name, set()).update(kinds)
        self._many.update(record["many"])
        self._too_many = self._too_many or record["too_many"] or len(self._seen) > MOST_FIELDS
        if self._too_many:
            self._seen.clear()

    def schema(self) -> Schema:
        """The schema of all documents so far."""
        if self._too_many:
            return Schema(too_many=True)
        types, unfit = {}, {}
        for name, kinds in sorted(self._seen.items()):
            if not kinds:
                continue
            if kinds == {INTEGER, FLOAT}:
                kinds = {FLOAT}
            (kind, *others) = sorted(kinds)
            if not others and kind in KINDS:
                types[name] = FieldType(kind, name in self._many)
            else:
                unfit[name] = f"it holds {' and '.join(_SAID[each] for each in (kind, *others))}"
        return Schema(types, unfit)


_LONG, _LARGE, _OBJECT, _LIST = "long", "large", "object", "list"
_SAID = {
    KEYWORD: "texts",
    INTEGER: "whole numbers",
    FLOAT: "numbers",
    BOOLEAN: "true or false",
    _LONG: f"texts of more than {LONGEST_KEYWORD} characters",
    _LARGE: "whole numbers beyond 64 bits",
    _OBJECT: "objects",
    _LIST: "lists of lists",
}


def _seen(value: Any) -> str:
    """What a value, or one of a list, is."""
    if isinstance(value, str):
        return KEYWORD if len(value) <= LONGEST_KEYWORD else _LONG
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return INTEGER if _LEAST <= value <= _MOST else _LARGE
    if isinstance(value, float):
        return FLOAT
    return _LIST if isinstance(value, list | tuple) else _OBJECT


@as_annotated
def joined(schemas: Iterable[Schema]) -> Schema:
    """The schema of all documents of several collections, each of which one of them was inferred from.

    InputError for declared ones that are not the same.
    """
    schemas = [each for each in schemas if each != Schema()]
    if any(each.declared for each in schemas):
        if any(each != schemas[0] for each in schemas):
            raise InputError("collections of different schemas cannot be put into one")
        return schemas[0]
    types: dict[str, FieldType] = {}
    unfit: dict[str, str] = {}
    for schema in schemas:
        unfit |= {name: min(reason, unfit.get(name, reason)) for name, reason in schema.unfit.items()}
        for name, kind in schema.fields.items():
            before = types.get(name, kind)
            kinds = {before.kind, kind.kind}
            if len(kinds) > 1 and kinds != {INTEGER, FLOAT}:
                unfit.setdefault(name, f"it holds {' and '.join(_SAID[each] for each in sorted(kinds))}")
            types[name] = FieldType(FLOAT if FLOAT in kinds else kind.kind, before.many or kind.many)
    if any(each.too_many for each in schemas) or len({**types, **unfit}) > MOST_FIELDS:
        return Schema(too_many=True)
    kept = {name: kind for name, kind in sorted(types.items()) if name not in unfit}
    return Schema(kept, dict(sorted(unfit.items())))
