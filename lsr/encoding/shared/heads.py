"""As much of a long text as its first tokens need: tokenising all of it takes a hundred bytes a character."""

from __future__ import annotations

from collections.abc import Iterator

# Characters that are read at first for each token wanted, about eight times those of ordinary text.
_PER_TOKEN = 32
# Beyond this a text is not read for want of tokens: it is one word, or white space.
_MOST_CHARACTERS = 1 << 21
# How far back an end of a word is looked for.
_BACK = 512


def head_lengths(tokens: int) -> Iterator[int]:
    """How many characters to read for so many tokens, and how many then, while these do not suffice."""
    length = _PER_TOKEN * tokens
    yield length
    while length < _MOST_CHARACTERS:
        length *= 4
        yield length


def head(text: str, length: int) -> str:
    """The text's first `length` characters, or fewer: up to the end of a word, if there is one near."""
    if len(text) <= length:
        return text
    for place in range(length, max(length - _BACK, 0), -1):
        if text[place].isspace() and not text[place - 1].isspace():
            return text[:place]
    return text[:length]


def pieces(text: str, length: int) -> Iterator[str]:
    """The whole text in pieces of at most `length` characters that end with words, where words end."""
    start = 0
    while start < len(text):
        piece = head(text[start : start + length + 1], length)
        yield piece
        start += len(piece)
