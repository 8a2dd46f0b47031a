"""The blocks' summaries and the bounds added up from them, against numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from index_oracle import Oracle, Pairs, random_vectors

from lsr.index import Index, IndexSettings
from lsr.index.kernels.accumulate import accumulate
from lsr.index.kernels.bounds import bound_scale, integer_weights
from lsr.index.kernels.selection import CHUNK
from lsr.vectors.sparse import SparseVectors

Build = Callable[..., Index]
DIM = 120
KINDS = {
    "": {},
    "blocks of 1": {"block_size": 1},
    "rows only": {"frequent_share": 1e-9, "block_size": 3},
    "lists only": {"frequent_share": 1.0, "reorder": False},
    "blocks of 7, 16 bits": {"block_size": 7, "weight_bits": 16},
    "one block": {"block_size": 256},
}
VECTORS = SparseVectors.concatenate(
    [random_vectors(210, DIM, 10), SparseVectors.from_rows([(range(DIM), np.ones(DIM)), ([], [])], ["full", "empty"])]
)


@pytest.fixture(params=KINDS)
def index(request: pytest.FixtureRequest, build: Build, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Windows of few blocks, so that there are several."""
    monkeypatch.setattr("lsr.index.parts.summaries.blocks.MOST_WINDOW_BLOCKS", CHUNK)
    return build(VECTORS, settings=IndexSettings(**KINDS[request.param]))


def block_maxima(index: Index) -> npt.NDArray[np.int64]:
    """[blocks, DIM] from the documents' vectors, rounded up to whole steps."""
    documents = np.zeros((len(index), DIM), np.int64)
    for row in range(len(index)):
        terms, weights = index.vector(row)
        documents[index.segments[0].row_positions[row], terms] = np.ceil(weights / index.manifest.weight_scale - 1e-3)
    size = index.parts["summaries"].block_size
    padded = np.pad(documents, ((0, -len(documents) % size), (0, 0)))
    return padded.reshape(-1, size, DIM).max(axis=1)


def test_summaries_hold_the_largest_weights(index: Index) -> None:
    summaries, maxima = index.parts["summaries"], block_maxima(index)
    blocks, window = summaries.blocks, summaries.window
    assert blocks == len(maxima) == -(-212 // summaries.block_size)
    assert window % CHUNK == 0
    windows = -(-blocks // window)
    assert (windows > 1) == (blocks > CHUNK)
    assert len(summaries.list_starts) == windows * DIM + 1
    assert summaries.frequent_weights.shape[1] == summaries.padded_blocks >= blocks
    standing = (maxima > 0).sum(axis=0)
    for term in range(DIM):
        held = np.zeros(summaries.padded_blocks, np.int64)
        number = summaries.frequent_numbers[term]
        if number >= 0:
            held += summaries.frequent_weights[number]
        for w in range(windows):
            part = slice(summaries.list_starts[w * DIM + term], summaries.list_starts[w * DIM + term + 1])
            weights = summaries.list_weights[part]
            assert (np.diff(weights.astype(int)) <= 0).all()
            assert number < 0 or len(weights) == 0
            np.add.at(held, w * window + summaries.list_blocks[part].astype(int), weights)
        assert held[:blocks].tolist() == maxima[:, term].tolist()
        assert not held[blocks:].any()
        assert (number >= 0) == (
            standing[term] > index.segments[0].record.settings.choose_frequent_share(len(index)) * blocks
        )
    assert summaries.term_maxima.tolist() == maxima.max(axis=0).tolist()


def queries() -> list[Pairs]:
    random = np.random.default_rng(1)
    long = [(np.sort(random.choice(DIM, m, replace=False)), random.exponential(1.0, m)) for m in (1, 5, 60, DIM)]
    alike = [(np.arange(m), np.ones(m)) for m in (1, 2, 4, 5, 9, 100)]
    far_apart = [(np.arange(m), 10.0 ** random.uniform(-18, 18, m)) for m in (1, 7, 100)]
    return [(np.empty(0, int), np.empty(0)), *long, *alike, *far_apart]


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_bounds_are_the_saturated_sums_and_no_score_exceeds_them(index: Index, dtype: type) -> None:
    summaries, maxima, largest = index.parts["summaries"], block_maxima(index), int(np.iinfo(dtype).max)
    oracle = Oracle.of(VECTORS, index.segments[0].record.settings.weight_bits)
    saturated = 0
    for terms, weights in queries():
        m = len(terms)
        terms, scaled, _ = next(iter(index.sparse.prepare(terms, weights).by_segment[0]))
        for cut in (0.0, 0.1, 0.5, 0.99):
            factors, cuts = np.empty(m, dtype), np.empty(m, np.int64)
            scale, strongest = bound_scale(terms, scaled, summaries.term_maxima, largest)
            integer_weights(terms, scaled, summaries.term_maxima, scale, strongest, cut, factors, cuts)
            # Rounded up, never to nothing, and no product wraps.
            assert (factors >= 1).all()
            assert factors.tolist() == np.ceil(scaled.astype(float) * scale).tolist()
            assert (factors.astype(int) * 255 <= largest).all()
            most = scaled.astype(float) * summaries.term_maxima[terms]
            left_out = scaled.astype(float)[:, None] * np.arange(256) < cut * most.max(initial=0) * (1 - 1e-9)
            # The weightiest term is not left out whatever the cut.
            kept = most == most.max(initial=0)
            assert (cuts >= 1).all() and (cuts[kept] <= np.maximum(summaries.term_maxima[terms][kept], 1)).all()
            assert cuts[~kept].tolist() == np.maximum(left_out.sum(axis=1), 1)[~kept].tolist()

            bounds, added_rows = np.full(summaries.padded_blocks, 77, dtype), np.empty(m, np.int64)
            chunks = np.full(summaries.padded_blocks // CHUNK, 77, dtype)
            postings, cells, best = accumulate(
                summaries.frequent_numbers,
                summaries.frequent_weights,
                summaries.list_starts,
                summaries.list_blocks,
                summaries.list_weights,
                summaries.term_maxima,
                summaries.window,
                terms,
                factors,
                cuts,
                added_rows,
                np.empty(m, dtype),
                bounds,
                chunks,
            )
            assert chunks.tolist() == bounds.reshape(-1, CHUNK).max(axis=1).tolist()
            assert best == bounds.max()
            # Of lists the heavy part is added; rows are added whole or not at all.
            numbers = summaries.frequent_numbers[terms]
            rows = np.isin(numbers, added_rows[: cells // len(bounds)])
            assert (rows | (numbers < 0) | (cuts > 1)).all()
            assert (summaries.term_maxima[terms][rows] >= cuts[rows]).all()
            added = maxima[:, terms]
            added[:, numbers < 0] *= added[:, numbers < 0] >= cuts[numbers < 0]
            added[:, (numbers >= 0) & ~rows] = 0
            sums = np.minimum(added @ factors.astype(np.int64), largest)
            assert bounds[: len(sums)].tolist() == sums.tolist()
            assert not bounds[len(sums) :].any()
            assert cells == rows.sum() * len(bounds)
            assert postings == (added[:, numbers < 0] > 0).sum()
            if cut == 0:
                scores = oracle.scores(terms, weights)[index.segments[0].document_rows].astype(float)
                bound = bounds[np.arange(len(index)) // summaries.block_size]
                assert ((bound == largest) | (bound >= scores * scale * (1 - 2.0**-23))).all()
                saturated += (bound == largest).sum()
    assert saturated > 0
