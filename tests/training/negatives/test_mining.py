"""Mining negatives: what is left out, how candidates are merged and chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.progress import Stages, silent
from lsr.encoding.sparse.bm25 import Bm25Encoder
from lsr.training.data import TrainingSet, TrainingSetWriter
from lsr.training.negatives import MiningSettings, TeacherMargin, mine, refresh
from lsr.training.negatives.candidates import DistinctQueries, merge, text_key
from lsr.training.negatives.mining import choose
from lsr.training.teachers.pairs import Pairs

ALL = list(range(10))


class Ranked:
    """Gives the same ranking for every query."""

    def __init__(self, rows: Sequence[int], name: str = "made") -> None:
        self.rows, self.name = rows, name
        self.asked: list[str] = []

    def search(self, queries: Sequence[str], k: int) -> list[np.ndarray]:
        self.asked += queries
        return [np.array(self.rows[:k], np.int64)] * len(queries)


class Teacher:
    """Scores by row."""

    name = "teacher"

    def __init__(self, scores: Sequence[float]) -> None:
        self.scores = np.array(scores, np.float32)

    def score_pairs(self, pairs: Pairs, scores: np.ndarray, *, work: Path, stages: Stages = silent) -> None:
        scores[:] = self.scores[pairs.rows]


def negatives(mined: TrainingSet) -> list[list[int]]:
    return [mined[i].negatives for i in range(len(mined))]


def test_what_must_not_be_a_negative_is_left_out(corpus_set: TrainingSet, tmp_path: Path) -> None:
    searcher = Ranked(ALL)
    mined = mine(corpus_set, [searcher], tmp_path / "out", MiningSettings(sampling="top"))
    # q0 has the positives 0 and 1 in two examples; 2 equals 0, 5 is the query, 6 equals 3. It keeps its own negative 7.
    assert negatives(mined) == [[7, 3, 4, 8, 9], [0, 1, 3, 4, 5, 7, 9], [3, 4, 7, 8, 9]]
    assert searcher.asked == ["alpha beta question", "zeta"]  # each query once
    assert [mined[i].positives for i in range(3)] == [[0], [8], [1]]
    assert not mined.scored
    assert mined.about["source"] == "made"
    record = mined.about["mined"]
    assert (record["with"], record["depth"], record["sampling"]) == (["made"], 200, "top")
    assert record["mean_candidates"] == 6 and record["mean_negatives"] == pytest.approx(16 / 3)
    assert record["short"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set"]


def test_depth_skip_top_and_replace(corpus_set: TrainingSet, tmp_path: Path) -> None:
    settings = MiningSettings(depth=8, skip_top=1, negatives=2, sampling="top", replace=True)
    mined = mine(corpus_set, [Ranked(ALL)], tmp_path / "out", settings)
    # Of q0's 3 4 7 and q1's 0 1 3 4 5 7, the best one is left out.
    assert negatives(mined) == [[4, 7], [1, 3], [4, 7]]
    assert mined.about["mined"]["short"] == 0


def test_several_searchers(corpus_set: TrainingSet, tmp_path: Path) -> None:
    searchers = [Ranked([9, 4, 3], "first"), Ranked([3, 7, 9], "second")]
    mined = mine(corpus_set, searchers, tmp_path / "out", MiningSettings(sampling="top", replace=True))
    assert negatives(mined)[0] == [9, 3, 4, 7]
    assert mined.about["mined"]["with"] == ["first", "second"]
    mined = mine(
        corpus_set, searchers, tmp_path / "out", MiningSettings(sampling="top", replace=True, skip_top=1), force=True
    )
    assert negatives(mined)[0] == [4, 7]  # 9 and 3 are another one's best


def rank_by_hand(lists: list[list[int]], skip_top: int, keys: list[int]) -> list[int]:
    """Slowly: the best rank of each row, then each text once."""
    best: dict[int, tuple[int, int]] = {}
    for number, rows in enumerate(lists):
        for rank, row in enumerate(rows):
            best[row] = min(best.get(row, (rank, number)), (rank, number))
    merged: list[int] = []
    seen: set[int] = set()
    for row in sorted(best, key=lambda row: best[row]):
        if keys[row] not in seen and best[row][0] >= skip_top:
            merged.append(row)
        seen.add(keys[row])
    return merged


@given(st.lists(st.lists(st.integers(0, 12), unique=True), max_size=3), st.integers(0, 3), st.integers(2, 13))
def test_merging(lists: list[list[int]], skip_top: int, different: int) -> None:
    keys = np.array([(row * 7) % different for row in range(13)])
    found = merge([np.array(rows, np.int64) for rows in lists], skip_top, keys)
    assert found.tolist() == rank_by_hand(lists, skip_top, keys.tolist())


def test_random_choices_follow_the_seed() -> None:
    found = np.arange(100, 150, dtype=np.uint32)
    settings = MiningSettings(negatives=10, seed=3)
    chosen = choose(found, settings, 4)
    assert len(set(chosen.tolist())) == 10 and (np.diff(chosen.astype(int)) > 0).all()  # best first
    np.testing.assert_array_equal(chosen, choose(found, settings, 4))
    assert chosen.tolist() != choose(found, settings, 5).tolist()
    assert chosen.tolist() != choose(found, MiningSettings(negatives=10, seed=4), 4).tolist()
    counts = np.zeros(50)
    for example in range(2000):
        counts[choose(found, settings, example) - 100] += 1
    assert counts.min() > 300 and counts.max() < 500  # 400 on average, with a deviation of 18
    np.testing.assert_array_equal(choose(found[:7], settings, 0), found[:7])


def test_a_teachers_margin(corpus_set: TrainingSet, tmp_path: Path) -> None:
    #                  d0   d1   d2   d3    d4   d5   d6   d7   d8   d9
    teacher = Teacher([0.9, 0.8, 0.9, 0.79, 0.7, 0.9, 0.9, 0.1, 0.5, 0.77])
    settings = MiningSettings(sampling="top", replace=True)
    mined = mine(
        corpus_set, [Ranked(ALL)], tmp_path / "out", settings, teacher=teacher, margin=TeacherMargin(margin=0.05)
    )
    # q0's lower positive has 0.8, q1's 0.5.
    assert negatives(mined) == [[4, 7, 8], [7], [4, 7, 8]]
    record = mined.about["mined"]
    assert record["teacher"] == "teacher" and record["margin"] == {"ratio": None, "margin": 0.05, "most": None}
    assert record["dropped_by_teacher"] == pytest.approx(8 / 12)

    mined = mine(corpus_set, [Ranked(ALL)], tmp_path / "out", settings, teacher=teacher, force=True)
    assert mined.about["mined"]["margin"]["ratio"] == 0.95
    assert negatives(mined)[0] == [4, 7, 8]


def test_nothing_is_found(corpus_set: TrainingSet, tmp_path: Path) -> None:
    mined = mine(corpus_set, [Ranked([])], tmp_path / "out", teacher=Teacher([1] * 10))
    assert negatives(mined) == [[7], [], []]
    assert mined.about["mined"]["dropped_by_teacher"] == 0


def test_scores_do_not_outlive_their_candidates(corpus_set: TrainingSet, tmp_path: Path) -> None:
    with TrainingSetWriter(tmp_path / "scored", about={"scored": {"by": "x"}, "source": "made"}) as writer:
        writer.use_texts(corpus_set.texts)
        writer.add("q1", "zeta", [8], [7], [2.0, 1.0])
    mined = mine(TrainingSet.open(tmp_path / "scored"), [Ranked(ALL)], tmp_path / "out")
    assert mined[0].scores is None and "scored" not in mined.about


def test_refreshing_with_the_student(corpus_set: TrainingSet, tmp_path: Path) -> None:
    student = Bm25Encoder.fit(corpus_set.texts.take(ALL))
    mined = refresh(corpus_set, student, tmp_path / "out", MiningSettings(sampling="top", negatives=3))
    # The shorter of what shares its words with the query comes first; own negatives have gone.
    assert negatives(mined)[0] == [4, 3, 9] and negatives(mined)[1] == [7, 9]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set"]
    again = refresh(mined, student, tmp_path / "again", MiningSettings(sampling="top", negatives=3))
    assert negatives(again) == negatives(mined)


def test_distinct_queries_keep_the_order_of_the_set(corpus_set: TrainingSet) -> None:
    queries = DistinctQueries.of(corpus_set)
    assert queries.first.tolist() == [0, 1] and queries.of_example.tolist() == [0, 1, 0]
    assert [rows.tolist() for rows in queries.positives] == [[0, 1], [8]]


def test_text_keys() -> None:
    assert text_key(" Alpha\n beta") == text_key("alpha BETA ") != text_key("alphabeta")


def test_what_is_refused(corpus_set: TrainingSet, tmp_path: Path) -> None:
    for wrong in (
        {"depth": 0},
        {"negatives": 0},
        {"skip_top": 200},
        {"skip_top": -1},
        {"sampling": "best"},
        {"seed": -1},
    ):
        with pytest.raises(InputError, match=next(iter(wrong))):
            MiningSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="searcher"):
        mine(corpus_set, [], tmp_path / "out")
    with pytest.raises(InputError, match="needs a teacher"):
        mine(corpus_set, [Ranked(ALL)], tmp_path / "out", margin=TeacherMargin(ratio=0.9))
    with pytest.raises(OutputExistsError):
        mine(corpus_set, [Ranked(ALL)], corpus_set.path)
