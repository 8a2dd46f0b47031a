"""The document: what every reader yields and every index stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lsr.core.arguments import text_of
from lsr.core.values import characters_in


def is_blank(text: str) -> bool:
    """Whether there is nothing in a text to be found: no character but white space and what is not seen at all."""
    text_of(text, "a text")
    # Nearly every text has something to be seen at its beginning.
    return not any(character.isprintable() and not character.isspace() for character in text)


@dataclass(slots=True)
class Document:
    """One text with its id.

    `fields` has everything else that came with it (JSON values), stored and shown but not searched.
    """

    id: str
    text: str
    title: str = ""
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def contents(self) -> str:
        """The text to encode: title and text joined by one space, as BEIR's baselines do."""
        return f"{self.title} {self.text}" if self.title else self.text

    @property
    def size(self) -> int:
        """Characters of all of it, fields too: what batches are bounded by."""
        size = len(self.id) + len(self.title) + len(self.text)
        return size + characters_in(self.fields) if self.fields else size


@dataclass(slots=True)
class Query:
    """One question with its id."""

    id: str
    text: str
