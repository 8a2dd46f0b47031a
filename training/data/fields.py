"""The names that published training data gives to a query, its candidates and their scores.

One parser reads records of all of these: sentence-transformers' datasets and hard negatives, Tevatron, FlagEmbedding,
DPR, SimLM, OpenSearch's scored lists, and our own. docs/training-data.md shows each.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from lsr.core.documents import Document
from lsr.core.errors import InputError, Remedy
from lsr.core.remedies import CANDIDATES_BY_ID
from lsr.text.records import TEXT_NAMES, parse_id

_QUERY_ID = ("query_id", "query-id", "qid", "_id", "id")
_QUERY = ("query", "anchor", "question", "query_text")
_POSITIVE_IDS = ("positive_ids", "positive_id", "pos_ids", "positive_document_ids")
_NEGATIVE_IDS = ("negative_ids", "negative_id", "neg_ids", "negative_document_ids")
_OF_IDS = (*_POSITIVE_IDS, *_NEGATIVE_IDS)
_POSITIVES = ("positives", "positive", "pos", "positive_passages", "positive_ctxs", *_POSITIVE_IDS)
_NEGATIVES = ("negatives", "negative", "neg", "negative_passages", "hard_negative_ctxs", *_NEGATIVE_IDS)
_NUMBERED_NEGATIVE = re.compile(r"neg(?:ative)?_?(\d+)")
_CANDIDATES = ("docs", "doc_ids", "documents", "passages")
_SCORES = ("scores", "score")
_LABELS = ("labels", "label")
_PASSAGE_ID = ("docid", "doc_id", "_id", "id", "pid", "passage_id")


class FieldError(ValueError):
    """What is wrong with one field of a record, and how to mend it."""

    def __init__(self, reason: str, field: str, remedies: Sequence[Remedy] = ()) -> None:
        super().__init__(reason)
        self.reason, self.field, self.remedies = reason, field, remedies


class Listed(NamedTuple):
    """The candidates that one record lists for a query.

    Attributes:
        query_id, query: None if the record has none.
        positives: texts, ids or objects, unchanged; None if the record doesn't say which are positive.
        negatives: the other candidates.
        scores: of positives, then negatives; None if there are none.
        single: whether this is one pair or triple of possibly several of the same query, to be gathered.
        margins: whether scores can only be compared under the same positive.
    """

    query_id: str | None
    query: str | None
    positives: list[Any] | None
    negatives: list[Any]
    scores: list[float] | None = None
    single: bool = False
    margins: bool = False


class RecordParser:
    """Reads the fields of records.

    Args:
        by_id: candidates are ids, not texts, and so is a query without a separate id.
        systems: take only the negatives of these systems, if negatives are listed by system.
    """

    def __init__(self, *, by_id: bool = False, systems: Collection[str] | None = None) -> None:
        self._by_id = by_id
        self._systems = systems
        self._systems_seen: set[str] = set()

    def parse(self, values: Mapping[str, Any]) -> Listed:
        """The candidates of one record. Raises FieldError."""
        query_id, query = self._query(values)
        if (key := _present(values, _CANDIDATES)) is not None:
            listed = self._labelled(values, key)
        elif self._by_id and isinstance(values.get("scores"), Mapping):
            by_id = values["scores"]
            listed = Listed(None, None, None, list(by_id), _numbers(list(by_id.values()), "scores"))
        else:
            listed = self._apart(values)
        return listed._replace(query_id=query_id, query=query)

    def check_systems(self) -> None:
        """Check, once all is read: InputError if a requested system has no negatives anywhere."""
        unknown = sorted(set(self._systems or ()) - self._systems_seen)
        if unknown:
            there = ", ".join(sorted(self._systems_seen)) or "no systems are named"
            raise InputError(f"no negatives of {', '.join(unknown)}; there are: {there}")

    def _query(self, values: Mapping[str, Any]) -> tuple[str | None, str | None]:
        id_key, key = _present(values, _QUERY_ID), _present(values, _QUERY)
        if self._by_id and id_key is None:
            id_key, key = key, None
        if (id_key if self._by_id else key) is None:
            if self._by_id or id_key is None:
                raise _missing(values, (*_QUERY_ID, *_QUERY) if self._by_id else _QUERY)
            raise _missing(values, _QUERY, [CANDIDATES_BY_ID])
        query = None if key is None else values[key]
        if query is not None and not isinstance(query, str):
            raise FieldError(f"must be a string, not {_kind(query)}", str(key))
        return None if id_key is None else _id(values[id_key], id_key), query

    def _labelled(self, values: Mapping[str, Any], key: str) -> Listed:
        """Parse one list of candidates, with or without labels that say which are positive."""
        items, own_scores = self._items(values[key], key)
        score_key = _present(values, _SCORES)
        scores = own_scores if score_key is None else _numbers(values[score_key], score_key, len(items))
        label_key = _present(values, _LABELS)
        if label_key is not None:
            return _split(items, _numbers(values[label_key], label_key, len(items)), scores)
        if not self._by_id:
            raise FieldError("missing: labels are needed to say which candidates are positive", "labels")
        return Listed(None, None, None, items, scores)

    def _apart(self, values: Mapping[str, Any]) -> Listed:
        """Parse positives and negatives in separate fields."""
        key, negative_key = _present(values, _POSITIVES), _present(values, _NEGATIVES)
        if key is None:
            raise _missing(values, _POSITIVES)
        if not self._by_id and (named := next((name for name in (key, negative_key) if name in _OF_IDS), None)):
            raise FieldError("names ids, where texts are needed", named, [CANDIDATES_BY_ID])
        numbered = sorted(
            (int(match[1]), name) for name in values if (match := _NUMBERED_NEGATIVE.fullmatch(name)) is not None
        )
        positives, positive_scores = self._items(values[key], key)
        negatives, negative_scores = self._items(values[negative_key], negative_key) if negative_key else ([], None)
        negatives = [*negatives, *(values[name] for _, name in numbered if values[name] is not None)]
        single = not numbered and all(_is_single(values[name]) for name in (key, negative_key) if name is not None)

        label_key = _present(values, _LABELS)
        if label_key is not None and not negatives:
            labels = _numbers(values[label_key], label_key, len(positives))
            if set(labels) <= {0, 1}:
                return _split(positives, labels, positive_scores)._replace(single=single)
        if positive_scores is not None and (negative_scores is not None or not negatives):
            scores: list[float] | None = [*positive_scores, *(negative_scores or [])]
        elif values.get("pos_scores") is not None and values.get("neg_scores") is not None:
            scores = _numbers(values["pos_scores"], "pos_scores", len(positives))
            scores += _numbers(values["neg_scores"], "neg_scores", len(negatives))
        elif (score_key := _present(values, (*_SCORES, *_LABELS))) is not None:
            scores, margins = _scores_or_margins(values[score_key], score_key, len(positives), len(negatives))
            return Listed(None, None, positives, negatives, scores, single, margins)
        else:
            scores = None
        return Listed(None, None, positives, negatives, scores, single)

    def _items(self, value: Any, field: str) -> tuple[list[Any], list[float] | None]:
        """The candidates of a field, whatever its form, and the scores given with them."""
        if isinstance(value, Mapping):
            if isinstance(value.get("doc_id"), list):  # SimLM: parallel lists
                scores = value.get("score")
                return value["doc_id"], None if scores is None else _numbers(scores, field, len(value["doc_id"]))
            if _present(value, (*_PASSAGE_ID, *TEXT_NAMES)) is not None:
                return [value], None
            return self._of_systems(value, field), None
        if isinstance(value, list):
            if value and all(isinstance(item, list) and len(item) == 2 for item in value):  # ColBERT: [id, score]
                return [item[0] for item in value], _numbers([item[1] for item in value], field)
            return value, None
        return ([] if value is None else [value]), None

    def _of_systems(self, found: Mapping[str, Any], field: str) -> list[Any]:
        """The negatives of several systems, merged in turn: each one's best first."""
        self._systems_seen.update(found)
        lists = [items for name, items in found.items() if self._systems is None or name in self._systems]
        for items in lists:
            if not isinstance(items, list):
                raise FieldError(f"must be lists by the name of the system that found them, not {_kind(items)}", field)
        longest = max(map(len, lists), default=0)
        merged = [items[rank] for rank in range(longest) for items in lists if rank < len(items)]
        try:
            return list(dict.fromkeys(merged))  # systems find much the same texts
        except TypeError:  # objects: duplicates are found by id
            return merged


def names_columns(cells: Sequence[str]) -> bool:
    """Whether a first line is a header: each cell is a name of a record's fields, a positive's among them."""
    known = {*_QUERY_ID, *_QUERY, *_POSITIVES, *_NEGATIVES, *_SCORES, *_LABELS}
    return not set(_POSITIVES).isdisjoint(cells) and all(
        cell in known or _NUMBERED_NEGATIVE.fullmatch(cell) for cell in cells
    )


def holds_numbers(column: str) -> bool:
    """Whether a column of this name is of scores or labels."""
    return column in (*_SCORES, *_LABELS)


def passage_id(item: Any, field: str) -> str:
    """The id of a candidate that is an id, or an object with one. Raises FieldError."""
    if isinstance(item, str) and item:  # nearly all are ids, and there can be hundreds of millions
        return item
    if isinstance(item, dict):
        key = _present(item, _PASSAGE_ID)
        if key is None:
            raise _missing(item, _PASSAGE_ID)
        return _id(item[key], f"{field}.{key}")
    return _id(item, field)


def passage_text(item: Any, field: str) -> tuple[str, str]:
    """The id and the text of a candidate that is a text, or an object with one and perhaps a title and an id.

    A text without an id gets one made of its hash. Raises FieldError.
    """
    if isinstance(item, str):
        return text_id(item), item
    if not isinstance(item, dict):
        raise FieldError(f"a candidate must be a text or an object with one, not {_kind(item)}", field)
    key = _present(item, TEXT_NAMES)
    if key is None:
        raise _missing(item, TEXT_NAMES)
    text, title = item[key], item.get("title") or ""
    for name, value in ((key, text), ("title", title)):
        if not isinstance(value, str):
            raise FieldError(f"must be a string, not {_kind(value)}", f"{field}.{name}")
    contents = Document("", text, title).contents
    id_key = _present(item, _PASSAGE_ID)
    return text_id(contents) if id_key is None else _id(item[id_key], f"{field}.{id_key}"), contents


def text_id(text: str) -> str:
    """An id for a text that has none: 80 bits of its hash, in hexadecimal."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()


def _split(items: list[Any], labels: list[float], scores: list[float] | None) -> Listed:
    order = sorted(range(len(items)), key=lambda place: labels[place] <= 0)  # stable: positives first
    positives = sum(label > 0 for label in labels)
    sorted_items = [items[place] for place in order]
    sorted_scores = None if scores is None else [scores[place] for place in order]
    return Listed(None, None, sorted_items[:positives], sorted_items[positives:], sorted_scores)


def _scores_or_margins(value: Any, field: str, positives: int, negatives: int) -> tuple[list[float], bool]:
    """Scores of all candidates, or margins of one positive over each negative, as scores with 0 for the positive."""
    numbers = _numbers(value if isinstance(value, list) else [value], field)
    if len(numbers) == positives + negatives:
        return numbers, False
    if len(numbers) == negatives and positives == 1:
        return [0.0, *(-margin for margin in numbers)], True
    raise FieldError(
        f"{len(numbers)} numbers for {positives} positives and {negatives} negatives: give one for each or, "
        "as margins, one for each negative of a single positive",
        field,
    )


def _present(values: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if values.get(name) is not None), None)


def _is_single(value: Any) -> bool:
    return isinstance(value, str | int)


def _numbers(value: Any, field: str, count: int | None = None) -> list[float]:
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if not isinstance(number, int | float):
            raise FieldError(f"must be numbers, not {_kind(number)}", field)
    if count is not None and len(numbers) != count:
        raise FieldError(f"{len(numbers)} numbers for {count} candidates", field)
    return numbers


def _id(value: Any, field: str) -> str:
    try:
        return parse_id(value)
    except ValueError as error:
        raise FieldError(str(error), field) from None


def _missing(values: Mapping[str, Any], names: Sequence[str], remedies: Sequence[Remedy] = ()) -> FieldError:
    there = ", ".join(map(repr, values)) or "none"
    return FieldError(f"missing (nor any of {', '.join(names[1:])}); the fields here are {there}", names[0], remedies)


def _kind(value: Any) -> str:
    return "null" if value is None else f"a value of type {type(value).__name__}"
