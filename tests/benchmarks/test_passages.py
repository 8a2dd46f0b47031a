"""What the maker of passages reads, cuts and asks."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import passages
from passages import Passage, chosen, cut, is_prose, made_queries, passages_of, read_manual, read_page, unpacked

SENTENCE = "The tide of the bay is high in the morning and low by the evening. "


def test_a_page_is_its_blocks_without_what_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<html><head><title>Tides &amp; bays</title><style>p {}</style></head><body><nav>Home</nav>\n"
        "<h1>Of tides</h1><p>They <b>rise</b>\nand fall.</p><!-- unsaid --><script>alert(1)</script>&lt;end&gt;"
    )
    title, paragraphs = read_page(tmp_path / "page.html")
    assert title == "Tides & bays"
    assert [text for text in map(str.strip, paragraphs) if text] == ["Of tides", "They rise and fall.", "<end>"]


def test_a_manual_page_is_its_words(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "tide.1.gz", "wt") as file:
        file.write(
            '.\\" A comment\n.TH TIDE 1\n.SH NAME\ntide \\- show \\fItides\\fP\n.PP\nSee\n.BR bay (5) .\nOr \\*(lq\n'
        )
    title, paragraphs = read_manual(tmp_path / "tide.1.gz")
    assert (title, paragraphs) == ("tide", ["NAME", "tide - show tides", "See bay (5) . Or"])


def test_passages_end_with_paragraphs() -> None:
    paragraphs = [SENTENCE * 3, SENTENCE * 3, SENTENCE * 2, SENTENCE]
    found = list(cut(paragraphs))
    assert [len(text.split()) for text in found] == [90, 45]
    assert [text.split("\n") for text in found] == [
        [text.strip() for text in paragraphs[:2]],
        [text.strip() for text in paragraphs[2:]],
    ]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    found = list(cut([SENTENCE * 40]))
    assert len(found) > 3 and all(text.endswith(".") and len(text.split()) <= 150 for text in found)
    assert " ".join(found) == (SENTENCE * 40).strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SENTENCE * 2, True),
        (SENTENCE, False),  # few words
        (SENTENCE * 2 + "x = y(); " * 20, False),
        ("Les marées de la baie sont hautes le matin et basses le soir. " * 3, False),
    ],
)
def test_prose_is_of_english_words(text: str, expected: bool) -> None:
    assert is_prose(text) is expected


def test_fewer_passages_are_the_first_of_more() -> None:
    found = [Passage("", f"text {number}") for number in range(100)]
    some = chosen([*found, *found], 30)
    assert len(set(some)) == 30 and chosen(found[::-1], 100)[:30] == some


def test_queries_are_titles_and_words_in_a_row_around_a_rare_one() -> None:
    texts = [f"The bay has a tide of word{chr(97 + number)}; the tide at a neaptide is low." for number in range(3)]
    made = made_queries(
        [Passage(f"Tides of {name} - A site", text) for name, text in zip("xyz", texts, strict=True)], 10
    )
    assert made[0] == "Tides of x"
    assert all(2 <= len(query.split()) <= 6 for query in made)
    common = [Passage("", f"The bay has a tide of {number}; the tide at a low is low.") for number in range(3)]
    rare = [Passage("Rare ones", text) for text in texts]
    assert "neaptide" in made_queries([*rare, *common], 2)[1].split()


def test_a_page_whose_source_is_there_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked" / "tides_1_all" / "usr"
    folder.mkdir(parents=True)
    for name in ("one.html", "one.rst.txt", "two.html", "changelog.txt", "data.bin"):
        (folder / name).write_text("x")
    assert [path.name for path in unpacked(tmp_path / "tides_1_all.deb", tmp_path)] == ["one.rst.txt", "two.html"]


def test_a_file_that_cannot_be_read_has_no_passages(tmp_path: Path) -> None:
    (tmp_path / "torn.txt.gz").write_bytes(b"\x1f\x8b torn")
    (tmp_path / "whole.txt").write_text(SENTENCE * 4)
    assert passages_of(tmp_path / "torn.txt.gz") == []
    assert len(passages_of(tmp_path / "whole.txt")) == 1


def test_a_system_without_packages_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(passages.LsrError, match="apt-get cannot be run"):
        passages.downloaded(["tides-doc"], tmp_path / "work")
