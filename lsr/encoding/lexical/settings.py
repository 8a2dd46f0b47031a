"""What the lexical side of an index is made by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lsr.core.errors import IndexFormatError, InputError
from lsr.core.options import build, check_options, option

WORDS_ALONE = "bm25"
"""What users call the words where they name a model, for an index of words alone."""

RECORD = "lexical"
"""The field of an index's record of its encoder that holds a `LexicalRecord`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalSettings:
    """How words are counted beside a model's terms.

    Attributes:
        language: Of the stemmer and the stop words (`lsr.encoding.lexical.analysis.languages`); "none" stems nothing.
        k1: How soon further occurrences of a word stop to count: BM25's.
        b: From 0 to 1: how much a document's length counts: BM25's.
        weight: How much a query's words count beside the model's terms, where a search does not say: a score is that of
            the model plus so many times that of BM25.
        never_split: Terms that are one word each, whatever they are written with (`lsr.encoding.lexical.never_split`).
    """

    language: str = "english"
    k1: float = option(1.2, ge=0, le=1000)
    b: float = option(0.75, ge=0, le=1)
    # Chosen on scifact, nfcorpus, cranfield and cisi, where 1 to 2 are alike (`lsr tune --qrels` prints the curve).
    weight: float = option(1.5, ge=0, le=1e6)
    never_split: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_options(self)
        if not self.language.isidentifier():
            raise InputError(f"must be the name of a language, not {self.language!r}", field="language")
        if self.never_split:
            from lsr.encoding.lexical.never_split import check_terms

            check_terms(self.never_split)
            object.__setattr__(self, "never_split", tuple(self.never_split))  # JSON has lists


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalRecord:
    """What an index says of its words, in the record of its encoder.

    Attributes:
        settings: by which they were counted.
        mean_length: in words, of the rows when the collection was first built: what weights go by.
        analysis: the version of `lsr.encoding.lexical.analysis`: queries must be cut into words as documents were.
    """

    settings: LexicalSettings
    mean_length: float
    analysis: int

    def to_record(self) -> dict[str, Any]:
        """As JSON values; without terms that are not to be split, as it was before there were such."""
        record = asdict(self)
        if not self.settings.never_split:
            del record["settings"]["never_split"]
        return record

    @classmethod
    def of_encoder(cls, encoder: Mapping[str, Any] | None) -> LexicalRecord | None:
        """That in an index's record of its encoder; None for one without words.

        IndexFormatError for a record that cannot be.
        """
        values = (encoder or {}).get(RECORD)
        if values is None:
            return None
        try:
            record = build(cls, values)
            if type(record.mean_length) not in (int, float) or not 0 <= record.mean_length < math.inf:
                raise InputError("must be a number from 0", field="mean_length")
            return record
        except (InputError, TypeError, AttributeError) as error:
            raise IndexFormatError(f"the index's record of its words makes no sense: {error}") from None
