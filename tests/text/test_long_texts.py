"""What a long text costs in memory beside itself."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

from lsr.encoding.lexical.analysis import Analyser
from lsr.text.windows import cut_text

WORDS = 300_000
TEXT = "a few words of it. " * (WORDS // 5)


def peak(function: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_windows_take_a_few_bytes_a_word() -> None:
    some = TEXT[: len(TEXT) // 10]
    assert peak(lambda: cut_text(some, 300, 240)) < 3 * WORDS


def test_words_share_what_they_are() -> None:
    analyser = Analyser("none")
    assert len(analyser.words(TEXT)) == WORDS
    assert peak(lambda: analyser.words(TEXT)) < 30 * WORDS
