"""The passages of a text that carry the most of a score."""

from __future__ import annotations

from itertools import pairwise

from lsr.search.snippets import best_passages
from lsr.vectors.explanation import TermMatch

MATCHES = [TermMatch(term, 1.0, weight, weight) for term, weight in (("tern", 3.0), ("pole", 2.0), ("sea", 1.0))]


def test_the_best_comes_first_and_none_overlap() -> None:
    text = "The sea is wide. " + "Nothing here matters. " * 10 + "A tern flies from pole to pole. " + "More of it. " * 9
    found = best_passages(text, MATCHES, width=60, most=5)
    assert [{text[p.start + w.start : p.start + w.stop] for w in p.words} for p in found] == [{"tern", "pole"}, {"sea"}]
    spans = sorted((passage.start, passage.start + len(passage.text)) for passage in found)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert all(text[passage.start :].startswith(passage.text) for passage in found)
    assert [word.weight for word in found[0].words] == [3.0, 2.0, 2.0]


def test_neighbours_share_the_room_between_them() -> None:
    text = "tern " * 40
    found = best_passages(text, MATCHES, width=50, most=3)
    spans = sorted((passage.start, passage.start + len(passage.text)) for passage in found)
    assert len(found) == 3 and all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert all(passage.words for passage in found)


def test_without_a_match_there_is_the_beginning() -> None:
    assert [(p.start, p.text, p.words) for p in best_passages("Nothing of it here.", MATCHES)] == [
        (0, "Nothing of it here.", [])
    ]
    assert best_passages("", MATCHES)[0].text == ""
