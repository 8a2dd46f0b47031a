from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lsr.core.documents import Document
from lsr.training.data.pseudo_queries import FEWEST_WORDS, LEFT_WORDS, MOST_WORDS, crop, title_query

LONG = "Terns fly from pole to pole. Why they do is not known! A few, they say, stay (in the north.) Most leave early."


def test_titles() -> None:
    assert title_query(Document("1", " text ", " Title ")) == ("Title", "text")
    assert title_query(Document("1", "text")) is None
    assert title_query(Document("1", " ", "Title")) is None


def test_sentences_and_spans_are_both_drawn() -> None:
    crops = [crop(Document("d", LONG), seed) for seed in range(200)]
    queries = {made[0] for made in crops if made is not None}
    sentences = {
        "Terns fly from pole to pole.",
        "Why they do is not known!",
        "A few, they say, stay (in the north.)",
        "Most leave early.",
    }
    assert queries & sentences == sentences - {"Most leave early."}  # of too few words
    assert 80 < sum(made is not None and made[0] in sentences for made in crops) < 120
    assert any(query.startswith("fly from pole") for query in queries)


def test_depends_on_seed_and_id_alone() -> None:
    documents = [Document(str(number), LONG) for number in range(50)]
    made = [crop(document, 3) for document in documents]
    assert made[::-1] == [crop(document, 3) for document in reversed(documents)]
    assert len(set(made)) > 5
    assert made != [crop(document, 4) for document in documents]
    query = "do is not known! A few, they say,"
    assert crop(documents[7], 3) == (query, LONG.replace(f"{query} ", ""))


def test_the_title_stays_and_the_sentence_goes() -> None:
    text = "one two three four five. " + " ".join("abcdefgh")
    made = {crop(Document("d", text, "Title"), seed) for seed in range(50)}
    assert ("one two three four five.", "Title a b c d e f g h") in made


def test_text_without_spaces() -> None:
    text = "北极燕鸥每年往返两极。它们为何如此尚不清楚！"
    made = {crop(Document("d", text), seed) for seed in range(50)}
    assert ("北极燕鸥每年往返两极。", "它们为何如此尚不清楚！") in made
    assert len(made) > 10 and None not in made


@given(st.text(alphabet="ab .!?。\n\"')", max_size=200), st.integers(0, 9))
def test_a_crop_is_a_part_of_the_text(text: str, seed: int) -> None:
    made = crop(Document("d", text), seed)
    words = text.split()
    assert (made is None) == (len(words) < FEWEST_WORDS + LEFT_WORDS)
    if made is not None:
        query, rest = made
        assert FEWEST_WORDS <= len(query.split()) <= MOST_WORDS
        assert len(rest.split()) >= LEFT_WORDS
        assert sorted(query.replace(" ", "") + "".join(rest.split())) == sorted("".join(words))
