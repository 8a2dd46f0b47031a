"""What the command line does with words: `lsr synonyms`, and `lsr tune --qrels`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


def test_synonyms_are_stored_shown_used_and_removed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(json.dumps({"_id": "v", "text": "a violin"}) + "\n")
    assert run("index", "c.jsonl", "-o", "own", "--model", "bm25")[0] == 0
    assert "has no synonyms" in run("synonyms", "own")[2]
    rules = tmp_path / "rules.txt"
    rules.write_text("fiddle, violin\n")
    assert "1 rule stored" in run("synonyms", "own", rules)[2]
    assert run("synonyms", "own")[1] == "fiddle, violin\n"
    assert json.loads(run("synonyms", "own", "--json")[1]) == {"synonyms": ["fiddle, violin"]}
    assert '"v"' in run("search", "own", "fiddle", "--json")[1]
    rules.write_text("fiddle\n")
    code, _, err = run("synonyms", "own", rules)
    assert code == 2 and "rules.txt: line 1: a rule has two terms or more" in err
    assert run("synonyms", "own", rules, "--clear")[0] == 2
    assert run("synonyms", "own", "--clear")[0] == 0
    assert '"v"' not in run("search", "own", "fiddle", "--json")[1]


def test_a_query_of_which_nothing_is_searched_for_is_told_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(json.dumps({"_id": "v", "text": "a violin"}) + "\n")
    assert run("index", "c.jsonl", "-o", "own", "--model", "bm25")[0] == 0
    for query in ("the of", "oboes"):
        code, out, err = run("search", "own", query)
        assert code == 0 and "No document shares a term" in out and "nothing is searched for: the words" in err
    assert "nothing is searched for" not in run("search", "own", "the violin")[2]


def test_the_weight_of_words_is_tuned_stored_and_drawn(run: Run, tmp_path: Path) -> None:
    places = ["paris", "london", "rome", "oslo", "lima", "quito", "cairo", "delhi", "kyoto", "seoul"]
    (tmp_path / "c.jsonl").write_text(
        "".join(json.dumps({"_id": place, "text": f"a cat of {place}"}) + "\n" for place in places)
    )
    (tmp_path / "q.tsv").write_text("".join(f"q{place}\tcat {place}\n" for place in places))
    (tmp_path / "r.tsv").write_text("".join(f"q{place}\t0\t{place}\t1\n" for place in places))
    assert run("index", "c.jsonl", "-o", "own")[0] == 0
    command = ("tune", "own", "--queries", "q.tsv", "--qrels", "r.tsv")
    code, out, err = run(*command, "--plot", "weights.svg")
    assert code == 0, err
    assert "weight of words: " in out and (tmp_path / "weights.svg").read_text().startswith("<?xml")
    stored = json.loads(run("inspect", "own", "--json")[1])["lexical"]
    assert stored["queries"] == len(places) and f"weight of words: {stored['weight']:g}; stored" in out
    assert json.loads(run(*command, "--json")[1])["lexical"]["tuning"]["queries"] == len(places)
    code, _, err = run(*command, "--fusion", "rrf")
    assert code == 2 and "--fusion is of dense vectors, and own has none" in err
