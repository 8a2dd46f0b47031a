"""What training sees when: candidates drawn, sets shuffled and mixed, all a function of seed and position."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from lsr.core.errors import InputError
from lsr.training.data import Example, Mixture, Shuffled, TrainingSet, choose

MakeSet = Callable[..., TrainingSet]
EXAMPLE = Example("q", "x", [7, 8], [1, 2, 3, 4, 5], [70, 80, 10, 20, 30, 40, 50])


def draws(example: Example, negatives: int, count: int = 600) -> list[tuple[list[int], list[float] | None]]:
    return [choose(example, negatives=negatives, rng=np.random.default_rng((0, n))) for n in range(count)]


def test_chosen_one_positive_and_its_negatives_with_their_scores() -> None:
    for rows, scores in draws(EXAMPLE, 3):
        assert rows[0] in EXAMPLE.positives and set(rows[1:]) <= set(EXAMPLE.negatives)
        assert len(set(rows)) == 4
        assert scores == [10 * row for row in rows]


def test_all_are_drawn_equally_often() -> None:
    drawn = Counter(row for rows, _ in draws(EXAMPLE, 2, 3000) for row in rows)
    for row in EXAMPLE.positives:
        assert abs(drawn[row] - 1500) < 150
    for row in EXAMPLE.negatives:
        assert abs(drawn[row] - 1200) < 150


def test_again_only_if_there_are_too_few() -> None:
    for rows, _ in draws(EXAMPLE, 5, 50):
        assert sorted(rows[1:]) == EXAMPLE.negatives
    for rows, _ in draws(EXAMPLE, 12, 50):
        assert sorted(Counter(rows[1:]).values()) == [2, 2, 2, 3, 3]


def test_no_negatives() -> None:
    bare = Example("q", "x", [7], [])
    assert choose(bare, negatives=0, rng=np.random.default_rng(0)) == ([7], None)
    with pytest.raises(InputError, match="query 'q' has no negatives; mine some"):
        choose(bare, negatives=1, rng=np.random.default_rng(0))


def test_the_same_for_the_same_randomness() -> None:
    assert draws(EXAMPLE, 3) == draws(EXAMPLE, 3)


def test_every_epoch_has_every_item_in_another_order() -> None:
    order = Shuffled(10, seed=3)
    epochs = [[order[10 * epoch + place] for place in range(10)] for epoch in range(5)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 5


def test_any_position_at_any_time() -> None:
    order, other = Shuffled(10, seed=3), Shuffled(10, seed=3)
    straight = [order[position] for position in range(100)]
    assert [other[position] for position in reversed(range(100))] == straight[::-1]
    assert [Shuffled(10, seed=4)[position] for position in range(100)] != straight


def test_items_of_ones_own() -> None:
    order = Shuffled(np.array([5, 7, 9]), seed=0)
    assert len(order) == 3
    assert sorted(order[place] for place in range(3)) == [5, 7, 9]


def test_one_set_is_shuffled(make_set: MakeSet) -> None:
    made = make_set(*(([n % 10], [], None) for n in range(25)))
    mixture = Mixture([made], seed=1)
    assert len(mixture) == 25
    for epoch in range(3):
        places = [mixture.place(25 * epoch + place) for place in range(25)]
        assert sorted(places) == [(0, n) for n in range(25)]
    number, example = mixture[3]
    assert example == made[mixture.place(3)[1]] and number == 0


def test_shares_are_kept(make_set: MakeSet) -> None:
    sets = [make_set(*[([0], [], None)] * length) for length in (7, 50, 3)]
    counts = Counter(Mixture(sets, [3, 1, 1]).place(position)[0] for position in range(2000))
    assert counts == {0: 1200, 1: 400, 2: 400}
    counts = Counter(Mixture(sets).place(position)[0] for position in range(1000))
    assert counts == {0: 117, 1: 833, 2: 50}  # by length: 116.7, 833.3, 50
    counts = Counter(Mixture(sets, [1, 1e6, 1]).place(position)[0] for position in range(1001))
    assert counts == {0: 1, 1: 999, 2: 1}


def test_each_set_is_gone_through_evenly(make_set: MakeSet) -> None:
    sets = [make_set(*[([0], [], None)] * length) for length in (7, 30)]
    mixture = Mixture(sets, [1, 1], run=4)
    places = [mixture.place(position) for position in range(4000)]
    for number, length in enumerate((7, 30)):
        examples = [example for owner, example in places if owner == number]
        for epoch in range(len(examples) // length):
            assert sorted(examples[epoch * length : (epoch + 1) * length]) == list(range(length))
    for run in range(1000):
        assert len({owner for owner, _ in places[4 * run : 4 * run + 4]}) == 1
    owners = [owner for owner, _ in places[::4]]
    assert 350 < sum(a == b for a, b in pairwise(owners)) < 650


def test_resumed_anywhere_in_any_process(make_set: MakeSet) -> None:
    sets = [make_set(*[([0], [1, 2, 3], None)] * length) for length in (7, 30)]
    mixture = Mixture(sets, [1, 2], seed=9, run=2)

    def seen(mixture: Mixture, position: int) -> tuple[int, Example, list[int]]:
        number, example = mixture[position]
        return number, example, choose(example, negatives=2, rng=mixture.rng(position))[0]

    straight = [seen(mixture, position) for position in range(3000)]
    again = pickle.loads(pickle.dumps(Mixture(sets, [1, 2], seed=9, run=2)))
    for rank in (1, 0):
        for position in range(2001 + rank, 3000, 2):
            assert seen(again, position) == straight[position]
    other = Mixture(sets, [1, 2], seed=10, run=2)
    assert [seen(other, position) for position in range(100)] != straight[:100]


def test_only_with_negatives(make_set: MakeSet) -> None:
    made = make_set(*(([0], [1] if n % 3 == 0 else [], None) for n in range(30)))
    mixture = Mixture([made], with_negatives=True)
    assert sorted(mixture.place(position)[1] for position in range(10)) == list(range(0, 30, 3))
    with pytest.raises(InputError, match="no example has negatives: mine some"):
        Mixture([make_set(([0], [], None))], with_negatives=True)


@pytest.mark.parametrize("shares", [[1], [1, 2, 3], [1, 0], [1, -1], [1, float("nan")], [1, float("inf")]])
def test_shares_that_are_none(make_set: MakeSet, shares: list[float]) -> None:
    with pytest.raises(InputError, match="shares"):
        Mixture([make_set(([0], [], None)), make_set(([0], [], None))], shares)
    with pytest.raises(InputError, match="0 training sets"):
        Mixture([])
