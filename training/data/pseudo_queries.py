"""Pseudo-queries for texts without queries: titles, and sentences or spans cropped from the text."""

from __future__ import annotations

import random
import re
from typing import Literal

from lsr.core.documents import Document

Kind = Literal["titles", "crops"]

# A query of fewer words says too little, one of more is not like a query; what is left must still be a text.
FEWEST_WORDS, MOST_WORDS = 4, 32
LEFT_WORDS = 8
_MOST_SPAN_WORDS = 16
# Chinese and Japanese have no spaces; there, a character is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
_SENTENCE = re.compile(r"\S.*?(?:[.!?]+[\"')\]]*(?=\s|$)|[。！？]+|\n\s*\n|$)", re.DOTALL)


def title_query(document: Document) -> tuple[str, str] | None:
    """The title, and the text without it; None if either is missing."""
    title, text = document.title.strip(), document.text.strip()
    return (title, text) if title and text else None


def crop(document: Document, seed: int) -> tuple[str, str] | None:
    """Crop a sentence or a span from the document's text; return it and the rest. None if the text is too short.

    One time in two it is a sentence of 4 to 32 words (the inverse cloze task of arXiv:1906.00300, which leaves the
    sentence out of its text nine times in ten; here it always is), otherwise, or if there is none, 4 to 16 words in a
    row (cropping as in arXiv:2112.09118, but shorter, as queries are). At least 8 words are left. A title stays with
    the text. The choice depends on the seed and the document's id alone.
    """
    text = document.text
    words = [match.span() for match in _WORD.finditer(text)]
    most = len(words) - LEFT_WORDS
    if most < FEWEST_WORDS:
        return None
    rng = random.Random(f"{seed} {document.id}")
    spans = _sentences(text, most) if rng.random() < 0.5 else []
    if spans:
        start, stop = rng.choice(spans)
    else:
        length = rng.randint(FEWEST_WORDS, min(most, _MOST_SPAN_WORDS))
        first = rng.randrange(len(words) - length + 1)
        start, stop = words[first][0], words[first + length - 1][1]
    rest = f"{text[:start].rstrip()} {text[stop:].lstrip()}".strip()
    return " ".join(text[start:stop].split()), Document(document.id, rest, document.title).contents


def _sentences(text: str, most: int) -> list[tuple[int, int]]:
    """Where sentences of a fitting number of words start and end."""
    fitting = range(FEWEST_WORDS, min(most, MOST_WORDS) + 1)
    spans = (match.span() for match in _SENTENCE.finditer(text))
    return [(start, stop) for start, stop in spans if len(_WORD.findall(text, start, stop)) in fitting]
