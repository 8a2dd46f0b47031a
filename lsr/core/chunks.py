"""Cutting a stream into pieces that bound memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Iterable[T], most: int, most_characters: int, characters: Callable[[T], int]) -> Iterator[list[T]]:
    """Successive lists of at most `most` items, each list ended early by the item that reaches `most_characters`."""
    chunk: list[T] = []
    total = 0
    for item in items:
        chunk.append(item)
        total += characters(item)
        if len(chunk) == most or total >= most_characters:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk
