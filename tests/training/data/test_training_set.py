"""The training set on disk: what is written is read, whole or not at all."""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.core.errors import InputError, OutputExistsError
from lsr.training.data import Example, TrainingSet, TrainingSetWriter
from lsr.training.data.layout import BATCH_ROWS

MakeSet = Callable[..., TrainingSet]


@st.composite
def sets(draw: st.DrawFn) -> tuple[dict[str, str], list[Example]]:
    texts = draw(st.dictionaries(st.text(), st.text(), min_size=1, max_size=8))
    rows = st.lists(st.integers(0, len(texts) - 1), unique=True, min_size=1)
    score = st.floats(width=32, allow_nan=False, allow_infinity=False)
    examples = []
    for number in range(draw(st.integers(1, 5))):
        candidates = draw(rows)
        positives = draw(st.integers(1, len(candidates)))
        scores = draw(st.none() | st.lists(score, min_size=len(candidates), max_size=len(candidates)))
        query = draw(st.text().filter(str.strip))
        examples.append(Example(f"q{number}", query, candidates[:positives], candidates[positives:], scores))
    return texts, examples


@given(sets())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(made: tuple[dict[str, str], list[Example]]) -> None:
    texts, examples = made
    with tempfile.TemporaryDirectory() as folder:
        with TrainingSetWriter(Path(folder) / "set") as writer:
            rows = [writer.add_text(id, text) for id, text in texts.items()]
            assert rows == list(range(len(texts)))
            assert [writer.add_text(id, text) for id, text in texts.items()] == rows
            assert [writer.row(id) for id in texts] == rows
            for each in examples:
                writer.add(each.query_id, each.query, each.positives, each.negatives, each.scores)
        read = TrainingSet.open(Path(folder) / "set")
        assert list(read) == examples
        assert [read.texts.id(row) for row in rows] == list(texts)
        assert read.texts.take(rows) == list(read.texts) == list(texts.values())
        assert [read.texts.row(id) for id in texts] == rows
        assert read.scored == all(each.scores is not None for each in examples)
        assert read.negative_counts.tolist() == [len(each.negatives) for each in examples]


def test_random_access_over_many_batches(tmp_path: Path) -> None:
    count = 3 * BATCH_ROWS + 5
    with TrainingSetWriter(tmp_path / "set", about={"source": "made", "left_out": {"é": 1}}) as writer:
        for number in range(count):
            row = writer.add_text(f"d{number}", f"text {number}")
            writer.add(f"q{number}", f"query {number}", [row], list(range(number % 7)) if number > 7 else [])
    read = TrainingSet.open(tmp_path / "set")
    assert (len(read), len(read.texts)) == (count, count)
    for number in np.random.default_rng(0).permutation(count):
        assert read[number].query == f"query {number}"
        assert read.texts[number] == f"text {number}"
        assert read.texts.row(f"d{number}") == number
    assert read.negative_counts.tolist() == [number % 7 if number > 7 else 0 for number in range(count)]
    assert read.about == {"source": "made", "left_out": {"é": 1}}
    for outside in (-1, count):
        with pytest.raises(IndexError):
            read[outside]
        with pytest.raises(IndexError):
            read.texts[outside]


def test_ids_that_are_not_there(make_set: MakeSet) -> None:
    made = make_set(([0], [1], None))
    assert made.texts.row("d10") is None
    assert made.texts.row("") is None
    assert made.texts.row("\ud83d") is None


def test_ids_whose_hashes_are_equal(make_set: MakeSet, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("writer", "training_set"):
        monkeypatch.setattr(f"lsr.training.data.{module}.hash_text", lambda text: len(text))
    made = make_set(([0], [1], None), texts=20)
    assert [made.texts.row(f"d{number}") for number in range(20)] == list(range(20))
    assert made.texts.row("d20") is None


def test_pickled_and_shared_by_threads(make_set: MakeSet) -> None:
    made = make_set(*(([n % 10], [(n + 1) % 10], [0.5, 0.25]) for n in range(2000)))
    assert list(pickle.loads(pickle.dumps(made))) == list(made)
    texts = pickle.loads(pickle.dumps(made.texts))
    assert list(texts) == list(made.texts) and texts.row("d3") == 3
    fresh = TrainingSet.open(made.path)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(fresh.__getitem__, range(2000))) == list(made)


def test_an_id_stands_for_one_text(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="'d1' was already used for another text"),
        TrainingSetWriter(tmp_path / "s") as writer,
    ):
        writer.add_text("d1", "one")
        writer.add_text("d1", "two")


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (("q", " \n", [0], []), "query 'q': the query is empty"),
        (("q", "x", [], [0]), "no positives"),
        (("q", "x", [0], [3]), "no candidate row 3: the set has 3 texts"),
        (("q", "x", [-1], []), "no candidate row -1"),
        (("q", "x", [0, 0], []), "occurs twice"),
        (("q", "x", [0], [1, 0]), "occurs twice"),
        (("q", "x", [0], [1], [1.0]), "1 scores for 2 candidates"),
        (("q", "x", [0], [], [float("nan")]), "not a finite number"),
        (("q", "\ud83d", [0], []), "not valid Unicode"),
    ],
)
def test_examples_that_are_refused(tmp_path: Path, example: tuple[Any, ...], message: str) -> None:
    with TrainingSetWriter(tmp_path / "set") as writer:
        for number in range(3):
            writer.add_text(str(number), "text")
        with pytest.raises(InputError, match=message):
            writer.add(*example)
        with pytest.raises(InputError, match="not valid Unicode"):
            writer.add_text("id", "\ud83d")
        writer.add("good", "x", [0], [])
    assert [each.query_id for each in TrainingSet.open(tmp_path / "set")] == ["good"]


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "set"
    with pytest.raises(RuntimeError), TrainingSetWriter(path) as writer:
        writer.add("q", "x", [writer.add_text("d", "text")], [])
        raise RuntimeError
    with pytest.raises(InputError, match="no examples"), TrainingSetWriter(path) as writer:
        writer.add_text("d", "text")
    assert list(tmp_path.iterdir()) == []

    for text in ("first", "second"):
        with TrainingSetWriter(path, force=text == "second") as writer:
            writer.add("q", "x", [writer.add_text("d", text)], [])
        assert TrainingSet.open(path).texts[0] == text
    with pytest.raises(OutputExistsError), TrainingSetWriter(path):
        pass
    assert list(tmp_path.iterdir()) == [path]


def test_another_sets_texts(make_set: MakeSet, tmp_path: Path) -> None:
    first = make_set(([3], [], None))
    with TrainingSetWriter(tmp_path / "scored") as writer:
        writer.use_texts(first.texts)
        assert writer.row("d3") == 3
        with pytest.raises(ValueError):
            writer.add_text("more", "text")
        with pytest.raises(InputError, match="no candidate row 10: the set has 10 texts"):
            writer.add("q0", "query 0", [3], [10])
        writer.add("q0", "query 0", [3], [4], [2.0, 1.0])
    texts = list(first.texts)
    # Over the set it takes its texts from.
    with TrainingSetWriter(first.path, force=True) as writer:
        writer.use_texts(first.texts)
        writer.add("q0", "query 0", [3], [5])
    for path, negative in ((tmp_path / "scored", 4), (first.path, 5)):
        made = TrainingSet.open(path)
        assert list(made.texts) == texts and made.texts.row("d4") == 4
        assert made[0].negatives == [negative]
    with TrainingSetWriter(tmp_path / "late") as writer:
        writer.add("q", "x", [writer.add_text("d", "text")], [])
        with pytest.raises(ValueError):
            writer.use_texts(first.texts)


def test_damage_is_told(make_set: MakeSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a training set"):
        TrainingSet.open(tmp_path)
    made = make_set(([0], [1], None))
    other = make_set(*[([0], [1], None)] * 600)
    manifest = (made.path / "manifest.json").read_text()

    for values, message in (({"version": 99}, "version 99"), ({"texts": None}, "damaged manifest")):
        (made.path / "manifest.json").write_text(json.dumps(json.loads(manifest) | values))
        with pytest.raises(InputError, match=message):
            TrainingSet.open(made.path)
    (made.path / "manifest.json").write_text(manifest)

    for name in ("texts.arrow", "examples.arrow"):
        whole = (made.path / name).read_bytes()
        (made.path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match="not a readable Arrow file"):
            TrainingSet.open(made.path)
        (made.path / name).write_bytes(whole)
    (made.path / "examples.arrow").write_bytes((other.path / "examples.arrow").read_bytes())
    with pytest.raises(InputError, match="not the file that the set's manifest describes"):
        TrainingSet.open(made.path)
