"""Finding an index's fastest search parameters for a recall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.progress import Stages, silent
from lsr.eval.bench.engines.contract import Queries
from lsr.eval.bench.engines.lsr import OpenLsr, own_grid
from lsr.eval.bench.measure import Sample, measure_round
from lsr.eval.bench.rows import Row, summarise
from lsr.eval.bench.truth import Truth
from lsr.index import Index, Tuning
from lsr.vectors.sparse import SparseVectors

_ROUNDS = 3

# The exhaustive search asks for this many more hits, to see what ties with the k-th.
_SPARE = 32


@dataclass(frozen=True, slots=True)
class Choice:
    """The fastest parameters for one recall.

    Attributes:
        tuning: what `lsr.index.store_tuning` takes; recall and time are those of the half that verified it.
        row: all measurements of it.
        fallen_short: faster configurations that reached the recall on the first half, but not on the second.
    """

    tuning: Tuning
    row: Row
    fallen_short: list[Row]


@dataclass(frozen=True, slots=True)
class TuneResult:
    """What was measured and chosen, in the order of the requested recalls."""

    rows: list[Row]
    choices: list[Choice]


class RecallNotReached(InputError):
    """Raised if no configuration reaches the recall on both halves of the queries."""


def tune(
    index: Index,
    queries: SparseVectors,
    recalls: Sequence[float],
    k: int = 10,
    *,
    stages: Stages = silent,
) -> TuneResult:
    """Measure the engine's grid of parameters, which ends with exact search, and choose for each recall.

    Parameters are chosen on every second query and verified on the others. Recall is against the exhaustive search of
    the same index; a document that ties with the k-th counts as found. Queries that match nothing are left out. The
    index is not changed: store what was chosen with `lsr.index.store_tuning`.

    Raises InputError for a recall outside (0, 1], for k below 1, and for fewer than two queries that match anything;
    RecallNotReached if no configuration reaches a recall.
    """
    for recall in recalls:
        if not 0 < recall <= 1:
            raise InputError(f"recall must lie in (0, 1], not {recall}")
    if k < 1:
        raise InputError(f"k must be at least 1, not {k}")
    if queries.dim != index.dim:
        raise InputError(f"the index has {index.dim:,} terms, but these queries have {queries.dim:,}")
    with stages("exhaustive answers", len(queries), "queries") as progress:
        truth, matching = exhaustive_top(index, queries, k, progress)
    if len(matching) < 2:
        raise InputError(
            f"{len(matching)} of {len(queries)} queries match any document: tuning needs two at least, and hundreds to "
            "be trusted"
        )
    order = np.arange(len(matching))
    asked = Queries(queries.take(matching), (order[::2], order[1::2]), truth.top_scores)
    rows = _measure(index, asked, truth, k, stages)
    return TuneResult(rows, [choose(rows, recall, len(asked.parts[1])) for recall in recalls])


def choose(rows: Sequence[Row], recall: float, queries: int) -> Choice:
    """The row that is fastest on the first half of the queries among those that reach `recall` on both halves.

    `queries` is the size of the second half. Raises RecallNotReached, naming the best recall reached.
    """
    reaching = sorted((row for row in rows if row.halves[0].recall >= recall), key=lambda row: row.halves[0].mean_us)
    for place, row in enumerate(reaching):
        verified = row.halves[1]
        if verified.recall >= recall:
            tuning = Tuning(
                k=row.k,
                recall=recall,
                mode=row.mode,
                parameters=dict(row.search_parameters),
                measured_recall=verified.recall,
                mean_us=verified.mean_us,
                queries=queries,
            )
            return Choice(tuning, row, reaching[:place])
    best = max(min(half.recall for half in row.halves) for row in rows)
    raise RecallNotReached(
        f"no parameters reach recall {recall:g} on both halves of the queries; the best reach {best:.4f}: ask for less"
    )


def exhaustive_top(
    index: Index, queries: SparseVectors, k: int, progress: Callable[[int], None] | None = None
) -> tuple[Truth, npt.NDArray[np.int64]]:
    """Find the right answers by the index's own weights, and the row numbers of the queries that match anything.

    The answers are those of these queries only, in order. Queries are searched on all CPUs.
    """
    rows, scores, matching = [], [], []
    depth = k + _SPARE
    all_hits = index.search_batch(queries, depth, mode="exhaustive", progress=progress)
    for query, hits in enumerate(all_hits):
        its_depth = depth
        while len(hits) == its_depth and hits.scores[-1] == hits.scores[k - 1]:
            its_depth *= 4
            hits = index.search(*queries.row(query), its_depth, mode="exhaustive")
        if len(hits):
            tied = hits.scores >= hits.scores[min(k, len(hits)) - 1]
            rows.append(hits.rows[tied])
            scores.append(hits.scores[tied])
            matching.append(query)
    return Truth(rows, scores), np.array(matching, np.int64)


def _measure(index: Index, queries: Queries, truth: Truth, k: int, stages: Stages) -> list[Row]:
    configurations = own_grid(index, k)
    samples = [Sample.of(len(queries.vectors)) for _ in configurations]
    answers = truth.at(k)
    opened = OpenLsr(index, queries)
    with stages("measuring", _ROUNDS * len(configurations), "configurations") as progress:
        for _ in range(_ROUNDS):
            for configuration, sample in zip(configurations, samples, strict=True):
                if not sample.slow:
                    measure_round(opened, queries, k, configuration, sample, answers)
                progress(1)
    size = index.describe()["bytes"]["total"]
    return [
        Row(
            engine="lsr",
            mode=configuration.mode,
            index_settings={},
            search_parameters=configuration.parameters,
            k=k,
            overall=summarise(sample, queries.parts, (0, 1)),
            halves=(summarise(sample, queries.parts, (0,)), summarise(sample, queries.parts, (1,))),
            index_bytes=size,
        )
        for configuration, sample in zip(configurations, samples, strict=True)
    ]
