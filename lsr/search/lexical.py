"""What an index keeps for the words of queries: how much they count, as `lsr tune --qrels` found, and synonyms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lsr.core.errors import IndexFormatError, InputError
from lsr.core.options import build, check_options
from lsr.encoding.lexical.settings import LexicalRecord

if TYPE_CHECKING:
    from lsr.index import Index


@dataclass(frozen=True, slots=True)
class LexicalTuning:
    """The weight of words where a search names none.

    Attributes:
        weight: as `LexicalSettings.weight`, in whose place it stands.
        metric: that was maximised; reached: its mean on the held-out half of the queries; before: what the weight that
            the index was made with gave there.
        queries: how many were judged.
    """

    weight: float
    metric: str
    reached: float
    before: float
    queries: int

    def __post_init__(self) -> None:
        check_options(self)
        if self.weight < 0:
            raise InputError(f"must be at least 0, not {self.weight}", field="weight")

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return asdict(self)


def stored_lexical(index: Index) -> LexicalTuning | None:
    """What was found for an index, or None. IndexFormatError for a record that is not readable."""
    record = index.manifest.lexical
    try:
        return None if record is None else build(LexicalTuning, record)
    except InputError as error:
        raise IndexFormatError(f"{index.path}: the record of its words' weight is not readable ({error})") from error


def store_lexical(index: Index, tuning: LexicalTuning) -> None:
    """Record the tuning in the manifest on disk, replacing the old one; an index opened afterwards has it.

    IndexFormatError if the index was replaced on disk since it was opened.
    """
    from lsr.index.format.output import change_manifest

    record = tuning.to_record()
    change_manifest(index.path, index.manifest.segment, lambda manifest: replace(manifest, lexical=record))


def store_synonyms(index: Index, rules: Sequence[str]) -> None:
    """Record synonyms (`lsr.encoding.lexical.synonyms.read_synonyms`) in the manifest, in the place of older ones.

    InputError for an index without words; IndexFormatError if it was replaced on disk since it was opened.
    """
    from lsr.index.format.output import change_manifest

    # A collection that was made empty is to have words, though no document of it may have one yet.
    if LexicalRecord.of_encoder(index.encoder) is None:
        raise InputError(f"the index at {index.path} holds no words, by which synonyms are found: build it with them")
    stored = list(rules) or None
    change_manifest(index.path, index.manifest.segment, lambda manifest: replace(manifest, synonyms=stored))
