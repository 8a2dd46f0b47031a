"""`lsr synonyms`."""

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
