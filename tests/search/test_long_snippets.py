"""Passages of texts that are longer than anyone reads."""

from __future__ import annotations

from typing import Any

import pytest

from lsr.search import snippets
from lsr.search.snippets import best_passages, make_snippet
from lsr.vectors.explanation import TermMatch


def test_a_very_long_text_is_not_cut_into_words_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "x y z " * 300_000 + "The arctic tern flies from pole to pole. " + "and so on " * 300_000
    cut: list[int] = []

    def counted(text: str, gains: dict[str, float]) -> list[Any]:
        cut.append(len(text))
        return words(text, gains)

    words = snippets._words
    monkeypatch.setattr(snippets, "_words", counted)
    tern = TermMatch("word:tern", 1.0, 1.0, 1.0)
    snippet = make_snippet(text, [tern])
    assert "The arctic tern flies" in snippet.text and snippet.text[0] == snippet.text[-1] == "…"
    assert [snippet.text[start:stop] for start, stop in snippet.marks] == ["tern"]
    (passage,) = best_passages(text, [tern])
    assert text[passage.start :].startswith(passage.text) and "tern flies" in passage.text
    assert make_snippet(text).text.startswith("x y z") and make_snippet(text).text[-1] == "…"
    assert max(cut) <= 1 << 17 and len(cut) == 4
