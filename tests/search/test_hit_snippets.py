import pytest

from lsr.core.vocabulary import WORD
from lsr.search.snippets import _best_start, make_snippet
from lsr.vectors.explanation import TermMatch


def match(term: str, contribution: float = 1.0) -> TermMatch:
    return TermMatch(term, 1.0, contribution, contribution)


def marked(text: str, matches: list[TermMatch], width: int = 200) -> list[str]:
    snippet = make_snippet(text, matches, width)
    return [snippet.text[start:stop] for start, stop in snippet.marks]


def test_words_that_start_with_a_matched_term_are_marked() -> None:
    text = "Migrating birds: a bird's migration. Thunderbirds are not."
    assert marked(text, [match("bird"), match("migration")]) == ["birds", "bird", "migration"]


def test_word_pieces_short_terms_and_punctuation_are_not_looked_for() -> None:
    assert marked("an apple, singing an aria", [match("an"), match("##ing"), match(",")]) == []


def test_word_start_markers_of_other_tokenizers_are_cut_off() -> None:
    assert marked("Blue whales sing", [match("Ġwhale"), match("▁sing")]) == ["whales", "sing"]


def test_a_long_text_is_cut_around_its_best_window() -> None:
    filler = "nothing to see here " * 30
    snippet = make_snippet(
        filler + "yeast " + filler + "wild yeast and flour " + filler, [match("yeast"), match("flour")]
    )
    assert snippet.text.startswith("…") and snippet.text.endswith("…")
    assert [snippet.text[a:b] for a, b in snippet.marks] == ["yeast", "flour"]
    assert len(snippet.text) <= 202


def test_without_matches_the_beginning_is_shown() -> None:
    text = "word " * 100
    snippet = make_snippet(text, [], width=30)
    assert snippet.text == "word word word word word word…" and snippet.marks == []


def test_short_and_empty_texts_come_whole() -> None:
    assert make_snippet("a  b\n c").text == "a b c"
    assert make_snippet("").text == ""


@pytest.mark.parametrize(
    ("first", "second", "other", "shown"), [(3.0, 1.0, 2.0, "bird"), (1.0, 3.0, 2.0, "bird"), (3.0, 3.0, 4.0, "yeast")]
)
def test_of_terms_that_are_one_word_the_larger_gain_counts(
    first: float, second: float, other: float, shown: str
) -> None:
    filler = "nothing to see here " * 30
    matches = [match("▁bird", first), match("bird", second), match("yeast", other)]
    snippet = make_snippet(f"{filler} bird {filler} yeast {filler}", matches)
    assert [snippet.text[a:b] for a, b in snippet.marks] == [shown]


def test_terms_are_found_in_either_case_and_words_of_an_index_by_themselves() -> None:
    assert marked("a BIRD, the sea", [match("Bird"), match(f"{WORD}sea")]) == ["BIRD", "sea"]


@pytest.mark.parametrize(("apart", "shown"), [(79, ["yeast", "flour"]), (80, ["yeast", "flour"]), (81, ["water"])])
def test_words_that_end_within_four_fifths_of_the_width_are_in_one_window(apart: int, shown: list[str]) -> None:
    filler = "nothing to see here " * 30
    text = f"yeast {'x' * (apart - 12)} flour"
    assert len(text) == apart
    matches = [match("yeast", 2.0), match("flour", 2.0), match("water", 3.0)]
    snippet = make_snippet(f"{filler}{text} {filler}water {filler}", matches, width=100)
    assert [snippet.text[a:b] for a, b in snippet.marks] == shown


def test_a_window_leaves_a_fifth_of_its_width_for_what_leads_up_to_it() -> None:
    # "flour" ends 90 characters after "yeast" begins: in a snippet of 100 that starts a fifth before, it would be cut.
    apart = f"yeast {'x ' * 39}flour"
    filler = "nothing to see here " * 30
    assert apart.index("flour") + len("flour") == 89
    matches = [match("yeast", 2.0), match("flour", 2.0), match("water", 3.0)]
    snippet = make_snippet(f"{filler}{apart} {filler}water {filler}", matches, width=100)
    assert [snippet.text[a:b] for a, b in snippet.marks] == ["water"]


def test_each_mark_looks_no_further_than_a_window() -> None:
    """Copies of all marks that follow each of them took minutes for a text of some megabytes."""
    reads = 0

    class Marks(list):  # type: ignore[type-arg]
        def __getitem__(self, place):  # type: ignore[no-untyped-def]
            nonlocal reads
            reads += len(range(len(self))[place]) if isinstance(place, slice) else 1
            return super().__getitem__(place)

    marks = Marks((4 * i, 4 * i + 3, "fox") for i in range(2000))
    assert _best_start(marks, {"fox": 1.0}, 200) == 0
    assert reads <= 2000 * 42
