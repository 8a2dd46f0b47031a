"""What training sees, and when: shuffled examples, mixtures of sets, and candidates drawn from an example.

Nothing here has a state to save. The example at a position is a function of the position and the seed, so an
interrupted run continues from the number of examples it has seen, on any number of processes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.remedies import MINE_NEGATIVES
from lsr.training.data.training_set import Example, TrainingSet

# Shares are exact to one in this many runs of examples.
_PERIOD = 1000
# Seeds of different purposes must differ.
_ORDERS, _TURNS, _DRAWS = range(3)


def choose(example: Example, *, negatives: int, rng: np.random.Generator) -> tuple[list[int], list[float] | None]:
    """Draw one positive and `negatives` negatives of an example.

    A negative is drawn twice only if there are fewer than asked for; then all are drawn equally often, within one.

    Returns:
        Rows of texts, the positive first, [1 + negatives], and their scores, or None if the example has none.

    Raises InputError if negatives are asked for and the example has none.
    """
    if negatives and not example.negatives:
        raise InputError(
            f"query {example.query_id!r} has no negatives",
            remedies=[MINE_NEGATIVES, "train with in-batch negatives"],
        )
    count = len(example.negatives)
    drawn: list[int] = []
    while len(drawn) < negatives:
        drawn += rng.permutation(count).tolist()
    first = len(example.positives)
    places = [int(rng.integers(first)), *(first + place for place in drawn[:negatives])]
    candidates = example.candidates
    scores = None if example.scores is None else [example.scores[place] for place in places]
    return [candidates[place] for place in places], scores


class Shuffled:
    """Items in an endless sequence: epoch after epoch, each in an order of its own.

    Args:
        items: what is shuffled: numbers, or how many, from 0.
        seed: one number or several; the same seed gives the same order.
    """

    def __init__(self, items: int | npt.NDArray[np.integer], seed: int | tuple[int, ...]) -> None:
        self._items = np.arange(items, dtype=np.uint32) if isinstance(items, int) else items.astype(np.uint32)
        self._seed = (seed,) if isinstance(seed, int) else seed
        self._epoch = -1

    def __len__(self) -> int:
        """The length of an epoch."""
        return len(self._items)

    def __getitem__(self, position: int) -> int:
        """The item at any position, from 0 without end."""
        epoch, place = divmod(position, len(self._items))
        return int(self.epoch(epoch)[place])

    def epoch(self, number: int) -> npt.NDArray[np.uint32]:
        """All items in the order of one epoch; the last epoch used is cached."""
        if number != self._epoch:
            self._order = np.random.default_rng((*self._seed, number)).permutation(self._items)
            self._epoch = number
        return self._order


class Mixture:
    """Examples of several sets in given shares, each set shuffled, without end.

    Args:
        sets: the sets; rows of an example are rows of its own set's texts.
        shares: of the examples, for each set; they are scaled to a sum of 1 and exact to a thousandth, but every set
            gets some. By default, in proportion to the sets' lengths.
        seed: for all random choices.
        run: this many examples in a row, starting at multiples of it, are of one set. The size of a batch over all
            devices makes batches homogeneous, so that in-batch negatives are of one domain.
        with_negatives: leave out the examples without negatives.

    Raises InputError for invalid shares, or for a set without usable examples.
    """

    def __init__(
        self,
        sets: Sequence[TrainingSet],
        shares: Sequence[float] | None = None,
        *,
        seed: int = 0,
        run: int = 1,
        with_negatives: bool = False,
    ) -> None:
        self.sets = list(sets)
        self._seed, self._run = seed, run
        self._orders: list[Shuffled] = []
        for number, each in enumerate(self.sets):
            items = np.flatnonzero(each.negative_counts) if with_negatives else len(each)
            self._orders.append(Shuffled(items, (seed, _ORDERS, number)))
            if not len(self._orders[-1]):
                raise InputError("no example has negatives", source=str(each.path), remedies=[MINE_NEGATIVES])
        self._quotas = _quotas([len(order) for order in self._orders] if shares is None else shares, len(self.sets))
        # Turns are dealt in periods: in each, every set has its quota of runs, in an order of that period.
        self._turns = Shuffled(np.repeat(np.arange(len(self.sets)), self._quotas), (seed, _TURNS))

    def __len__(self) -> int:
        """The number of examples in all sets: the length of an epoch if shares are by length."""
        return sum(map(len, self._orders))

    def place(self, position: int) -> tuple[int, int]:
        """The number of the set, and of the example in it, that come at a position, from 0 without end."""
        run, within = divmod(position, self._run)
        period, turn = divmod(run, len(self._turns))
        turns = self._turns.epoch(period)
        owner = int(turns[turn])
        earlier = period * self._quotas[owner] + int(np.count_nonzero(turns[:turn] == owner))
        return owner, self._orders[owner][earlier * self._run + within]

    def __getitem__(self, position: int) -> tuple[int, Example]:
        """The number of the set and the example at a position."""
        number, example = self.place(position)
        return number, self.sets[number][example]

    def rng(self, position: int) -> np.random.Generator:
        """The position's own random numbers, for `choose`."""
        return np.random.default_rng((self._seed, _DRAWS, position))


def _quotas(shares: Sequence[float], sets: int) -> list[int]:
    """The turns of each set in a period, by largest remainders; at least one."""
    if not sets or len(shares) != sets:
        raise InputError(
            f"{len(shares)} shares for {sets} training sets: give one share for each set, and at least one set"
        )
    values = np.asarray(shares, np.float64)
    if not (np.isfinite(values) & (values > 0)).all():
        raise InputError(f"shares must be positive numbers, not {list(shares)}")
    exact = values / values.sum() * _PERIOD
    quotas = np.maximum(np.floor(exact), 1)
    missing = max(0, _PERIOD - int(quotas.sum()))
    quotas[np.argsort(quotas - exact, kind="stable")[:missing]] += 1
    return [int(quota) for quota in quotas]
