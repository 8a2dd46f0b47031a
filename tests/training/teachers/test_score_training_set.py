"""Adding scores to a training set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lsr.core.errors import InputError, ModelError, OutputExistsError
from lsr.core.progress import Stages, silent
from lsr.training.data import TrainingSet, TrainingSetWriter
from lsr.training.teachers import FileTeacher, combine, score_training_set
from lsr.training.teachers.pairs import Pairs, UntitledTexts

FIRST = [3.0, 1.0, 2.0, 5.0, 0.5, 0.1, 1.0, 2.0, 3.0, 4.0, 7.0]
SECOND = [0.1, 0.2, 0.3, 0.9, 0.8, 0.8, 0.4, 0.3, 0.2, 0.1, 0.5]


class Made:
    """A teacher with given scores; remembers the texts that it was shown."""

    def __init__(self, name: str, scores: Sequence[float]) -> None:
        self.name, self.scores = name, scores

    def score_pairs(self, pairs: Pairs, scores: np.ndarray, *, work: Path, stages: Stages = silent) -> None:
        self.texts = pairs.texts.take(pairs.rows.tolist())
        assert work.is_dir()
        scores[:] = self.scores


def by_example(training_set: TrainingSet, values: Sequence[float]) -> list[np.ndarray]:
    sizes = [len(training_set[i].candidates) for i in range(len(training_set))]
    return np.split(np.array(values, np.float32), np.cumsum(sizes)[:-1])


def test_an_ensemble(training_set: TrainingSet, tmp_path: Path) -> None:
    teachers = [Made("first", FIRST), Made("second", SECOND)]
    scored = score_training_set(training_set, teachers, tmp_path / "out", weights=[1, 3])
    assert scored.scored and len(scored) == len(training_set)
    expected = combine([by_example(training_set, FIRST), by_example(training_set, SECOND)], [1, 3])
    for i in range(len(scored)):
        before, after = training_set[i], scored[i]
        assert (after.query_id, after.query) == (before.query_id, before.query)
        assert (after.positives, after.negatives) == (before.positives, before.negatives)
        np.testing.assert_array_equal(np.array(after.scores, np.float32), expected[i])
    assert scored.texts.take(range(6)) == training_set.texts.take(range(6))
    # Of the three with negatives, the first has a positive first for q1 and the second for q2: its tie does not count.
    assert scored.about == {
        "source": "made",
        "scored": {
            "teachers": [
                {"name": "first", "weight": 0.25, "positive_first": pytest.approx(1 / 3)},
                {"name": "second", "weight": 0.75, "positive_first": pytest.approx(1 / 3)},
            ],
            "scale": 30.0,
            "without_titles": False,
        },
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set"]  # nothing else is left


def test_one_teacher_raw_and_normalised(training_set: TrainingSet, tmp_path: Path) -> None:
    raw = score_training_set(training_set, [Made("first", FIRST)], tmp_path / "raw")
    assert raw.about["scored"]["scale"] is None
    for i, expected in enumerate(by_example(training_set, FIRST)):
        assert raw[i].scores == expected.tolist()
    spread = score_training_set(training_set, [Made("first", FIRST)], tmp_path / "spread", normalise=True, scale=2)
    for i, expected in enumerate(combine([by_example(training_set, FIRST)], scale=2)):
        assert spread[i].scores == expected.tolist()


def test_kept_scores_make_another_ensemble(training_set: TrainingSet, tmp_path: Path) -> None:
    same = [*FIRST[:-1], FIRST[0]]  # the last example's query and positive are the first one's
    teachers = [Made("a/first", same), Made("second", [*SECOND[:-1], SECOND[0]])]
    kept = tmp_path / "kept"
    first = score_training_set(training_set, teachers, tmp_path / "one", keep=kept)
    assert sorted(path.name for path in kept.iterdir()) == ["a_first.parquet", "second.parquet"]
    files = [FileTeacher(kept / "a_first.parquet"), FileTeacher(kept / "second.parquet")]
    second = score_training_set(training_set, files, tmp_path / "two")
    assert [second[i].scores for i in range(4)] == [first[i].scores for i in range(4)]
    with pytest.raises(OutputExistsError, match="a_first"):
        score_training_set(training_set, teachers, tmp_path / "three", keep=kept)


def test_a_failure_leaves_nothing(training_set: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="second gave a score"):
        score_training_set(
            training_set, [Made("first", FIRST), Made("second", [*SECOND[:-1], np.nan])], tmp_path / "out"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_is_refused(training_set: TrainingSet, tmp_path: Path) -> None:
    one = Made("first", FIRST)
    with pytest.raises(InputError, match="different names"):
        score_training_set(training_set, [one, one], tmp_path / "out")
    with pytest.raises(InputError, match="one or more"):
        score_training_set(training_set, [], tmp_path / "out")
    with pytest.raises(InputError, match="1 weights"):
        score_training_set(training_set, [one], tmp_path / "out", weights=[1, 2])
    with pytest.raises(OutputExistsError):
        score_training_set(training_set, [one], training_set.path)
    assert not hasattr(one, "texts")


def test_blocks_of_pairs_cover_all_queries(training_set: TrainingSet) -> None:
    pairs = Pairs.of(training_set)
    assert len(pairs) == 11 and pairs.indptr.tolist() == [0, 4, 6, 10, 11]
    assert list(pairs.blocks(1)) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert list(pairs.blocks(6)) == [(0, 2), (2, 4)]
    assert list(pairs.blocks(100)) == [(0, 4)]
    assert list(pairs.query_ids) == ["q0", "q1", "q2", "q0"]
    assert pairs.queries[1:3] == ["how is sourdough bread raised", "instruments with strings"]


def test_without_titles(tmp_path: Path) -> None:
    texts = ["Neural nets A study of nets.", "Neural nets", "Trees Of all kinds.", "Neural networks differ."]
    with TrainingSetWriter(tmp_path / "set") as writer:
        rows = [writer.add_text(str(i), text) for i, text in enumerate(texts)]
        writer.add("q", "Neural nets", [rows[0], rows[1], rows[3]], [rows[2]])
    training_set = TrainingSet.open(tmp_path / "set")
    view = UntitledTexts(training_set)
    expected = ["A study of nets.", "Neural nets", "Trees Of all kinds.", "Neural networks differ."]
    assert [view[row] for row in range(len(view))] == view.take(range(4)) == expected
    assert (view.id(2), view.row("2"), view.row("none")) == ("2", 2, None)

    teacher = Made("first", [1, 2, 3, 4])
    scored = score_training_set(training_set, [teacher], tmp_path / "out", without_titles=True)
    assert teacher.texts == [expected[row] for row in (0, 1, 3, 2)]
    assert scored.texts[0] == texts[0]  # the student's text keeps its title
