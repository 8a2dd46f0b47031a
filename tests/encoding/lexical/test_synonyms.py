from __future__ import annotations

from pathlib import Path

import pytest

from lsr.core.errors import InputError
from lsr.encoding.lexical.analysis import Analyser
from lsr.encoding.lexical.synonyms import SYNONYM_SHARE, Synonyms, read_synonyms

RULES = ["car, automobile, motor car", "tv => television", "ny, new york  # the city", "", "# nothing"]


def counted(query: str) -> dict[str, float]:
    analyser = Analyser()
    return dict(Synonyms(RULES, analyser.words).counted(analyser.words(query)))


@pytest.mark.parametrize(
    ("query", "others"),
    [
        ("a car", {"automobil": 1, "motor": 1, "car": 1}),
        ("automobiles", {"car": 2, "motor": 1}),
        ("TV", {"televis": 1}),
        ("television", {}),
        ("New York hotels", {"ny": 1}),
        ("york new", {}),
        ("nothing", {}),
        ("motor car", {"car": 1, "automobil": 1}),
    ],
)
def test_what_else_a_query_is_searched_for(query: str, others: dict[str, int]) -> None:
    """By stems; of terms that overlap, the longest counts."""
    asked = dict.fromkeys(Analyser().words(query), 1.0)
    for word, times in others.items():
        asked[word] = asked.get(word, 0.0) + times * SYNONYM_SHARE
    assert counted(query) == asked


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("car, auto\ncar\n", "line 2: a rule has two terms or more"),
        ("car,,auto", "line 1: a term is missing"),
        ("=> auto", "line 1: a term is missing"),
        ("a => ", "line 1: a term is missing"),
        ("x" * 10_001, "line 1: a rule has 10,000 characters at most"),
        (", ".join(map(str, range(101))), "line 1: a rule has 100 terms at most on either side"),
    ],
)
def test_a_line_that_is_no_rule_is_named(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text(text)
    with pytest.raises(InputError, match=rf"rules\.txt: {problem}"):
        read_synonyms(tmp_path / "rules.txt")


def test_files_are_read_without_remarks(tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("\n".join(RULES))
    assert read_synonyms(tmp_path / "rules.txt") == [
        "car, automobile, motor car",
        "tv => television",
        "ny, new york",
    ]
    (tmp_path / "rules.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read_synonyms(tmp_path / "rules.txt")


def test_terms_are_cut_into_words_once_however_many_each_means() -> None:
    cut: list[str] = []

    def words(text: str) -> list[str]:
        cut.append(text)
        return [text]

    rule = ", ".join(f"t{number}" for number in range(100))
    synonyms = Synonyms([rule, "t0, t1, other"], words)
    assert len(cut) == 2 * 103
    found = synonyms.counted(["t0"])
    assert len(found) == 101 and set(found.values()) == {1, SYNONYM_SHARE}, "what two rules say counts once"
