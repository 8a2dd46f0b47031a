"""Queries made of texts, and conversions that are made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from set_contents import with_texts

from lsr.core.errors import InputError
from lsr.training.data import TrainingSet

Write = Callable[..., Path]
Open = Callable[..., TrainingSet]


def test_titles(write: Write, opened: Open) -> None:
    rows = [("1", "One", "a"), ("2", "", "b"), ("3", "Two", ""), ("4", "One", "d"), ("5", "Three", "e")]
    path = write("c.jsonl", *({"_id": id, "title": title, "text": text} for id, title, text in rows))
    made = opened(f"titles:{path}")
    assert with_texts(made) == [("One", ["a", "d"], [], None), ("Three", ["e"], [], None)]
    assert [made.texts.id(row) for row in range(3)] == ["1", "4", "5"]
    assert made.about["left_out"] == {"documents that make no query": 2}
    whole = opened(f"titles:{path}", all_texts=True)
    assert list(whole.texts) == ["a", "b", "Two ", "d", "e"]
    assert with_texts(whole) == with_texts(made)


def test_crops(write: Write, opened: Open) -> None:
    texts = [" ".join(f"w{n}x{place}" for place in range(30)) for n in range(40)]
    path = write("c.tsv", *(f"{n}\t{text}" for n, text in enumerate(texts)), "short\ttoo short")
    made = opened(f"crops:{path}")
    assert [each.query_id for each in made] == [str(n) for n in range(40)]
    for example, text in zip(made, texts, strict=True):
        rest = made.texts[example.positives[0]]
        at = text.index(example.query)
        assert rest.split() == (text[:at] + text[at + len(example.query) :]).split()
    assert with_texts(made) == with_texts(opened(f"crops:{path}", all_texts=True))
    assert with_texts(made) != with_texts(opened(f"crops:{path}", seed=1))
    assert len(opened(f"crops:{path}", all_texts=True).texts) == 41


def test_corpora_of_other_kinds(beir: Path, tmp_path: Path, write: Write, opened: Open) -> None:
    assert [each.query for each in opened(f"titles:{beir}")] == ["Tern", "Ice"]
    write("notes/a.md", "# Terns", "They fly far.")
    assert with_texts(opened(f"titles:{tmp_path / 'notes'}")) == [("Terns", ["They fly far."], [], None)]
    with pytest.raises(InputError, match="no such file or folder"):
        opened("titles:nowhere")


def test_made_once(beir: Path, opened: Open, write: Write, tmp_path: Path) -> None:
    seen: list[int] = []
    first = opened(beir, progress=seen.append)
    assert sum(seen) == 4 + 2 * 2  # documents, and the judged queries twice
    assert opened(beir, progress=seen.append).path == first.path
    assert sum(seen) == 4 + 2 * 2
    assert first.path.parent == tmp_path / "work"

    others = [opened(beir, all_texts=True), opened(beir, candidates=write("c.jsonl", {"qid": "q3", "pos": ["d4"]}))]
    with (beir / "qrels" / "train.tsv").open("a") as file:
        file.write("q3\td4\t1\n")
    changed = opened(beir)
    assert len(changed) == 3 and len(first) == 2
    assert len({made.path for made in (first, changed, *others)}) == 4

    path = changed.path
    os.utime(beir / "corpus.jsonl", ns=(0, 0))
    assert opened(beir).path != path


def test_made_once_by_many_at_a_time(write: Write, opened: Open) -> None:
    path = write("a.jsonl", *({"query": f"query {n}", "pos": [f"p{n}"]} for n in range(3000)))
    seen: list[int] = []
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: opened(path, progress=seen.append), range(4)))
    assert len({each.path for each in made}) == 1
    assert sum(seen) == 3000


def test_a_training_set_is_opened_as_it_is(beir: Path, opened: Open) -> None:
    made = opened(beir)
    assert opened(made.path).path == made.path
    assert opened(str(made.path), split="dev", all_texts=True).path == made.path
    with pytest.raises(InputError, match="this is a training set; candidates and scores"):
        opened(made.path, candidates="c.jsonl")


def test_a_failure_leaves_nothing(write: Write, opened: Open, tmp_path: Path) -> None:
    path = write("a.tsv", *["a q\tp\tn"] * 2000, "q")
    with pytest.raises(InputError, match=r"a\.tsv:2001"):
        opened(path)
    assert [each.name for each in (tmp_path / "work").iterdir() if not each.name.endswith(".lock")] == []
