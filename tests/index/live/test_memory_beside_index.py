"""The segment in memory gives a document the score that an index on disk gives it, to the bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from index_oracle import random_vectors

from lsr.core.documents import Document
from lsr.index import DenseSettings, Index, IndexSettings, add_dense
from lsr.index.live.memory.segment import MemorySegment
from lsr.index.live.memory.tables import MemorySettings
from lsr.index.live.writes import Put
from lsr.vectors.sparse import SparseVectors

DOCUMENTS, DIM, NUMBERS = 900, 300, 24


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_scores_and_their_order_are_those_of_an_index(build: Callable[..., Index], bits: int) -> None:
    random = np.random.default_rng(bits)
    vectors = random_vectors(DOCUMENTS, DIM, seed=bits, levels=3 if bits == 8 else 0)
    ids = [f"d{row:03}" for row in range(DOCUMENTS)]
    vectors = SparseVectors(vectors.indptr, vectors.indices, vectors.weights, ids, DIM)
    documents = [Document(id, "") for id in ids]
    index = build(vectors, documents, settings=IndexSettings(weight_bits=bits))
    dense = random.standard_normal((DOCUMENTS, NUMBERS)).astype(np.float32)
    index = add_dense(index, [dense], settings=DenseSettings("flat"), threads=1)
    part = index.parts["dense"]
    memory = MemorySegment(MemorySettings(DIM, index.manifest.weight_scale, bits, dense=part.record))

    def put(row: int) -> Put:
        terms, weights = vectors.row(row)
        return Put(documents[row], np.ascontiguousarray(terms), np.ascontiguousarray(weights), dense=dense[row])

    order = [*random.integers(0, DOCUMENTS, 200).tolist(), *random.permutation(DOCUMENTS).tolist()]
    for start in range(0, len(order), 61):
        memory.apply([put(row) for row in order[start : start + 61]])
    state = memory.state
    assert (state.live, state.rows) == (DOCUMENTS, len(order))
    place = np.array([state.find(id) for id in ids])
    for _ in range(30):
        terms = np.sort(random.choice(DIM, int(random.integers(1, 40)), replace=False)).astype(np.uint32)
        weights = (random.integers(1, 4, len(terms)) if bits == 8 else random.gamma(2, 0.5, len(terms)) + 0.01).astype(
            np.float32
        )
        ((checked,),) = index.sparse.prepare(terms, weights).by_segment
        query = state.prepare(checked.terms, checked.weights)
        allow = random.random(DOCUMENTS) < 0.7
        for allowed in (None, allow):
            hits = index.search(terms, weights, 25, mode="exhaustive", allow=allowed)
            there = None
            if allowed is not None:
                there = np.zeros(state.rows, np.bool_)
                there[place] = allowed
            rows, scores = state.search(query, 25, there)
            assert [state.id(row) for row in rows.tolist()] == [ids[row] for row in hits.rows.tolist()]
            assert scores.tobytes() == hits.scores.tobytes()
            vector = random.standard_normal(NUMBERS).astype(np.float32)
            packed = None if allowed is None else np.packbits(allowed, bitorder="little")
            near = part.search(vector, 10, mode="exact", allow=packed)
            rows, scores = state.search_dense(state.prepare_dense(vector), 10, there)
            assert [state.id(row) for row in rows.tolist()] == [ids[row] for row in near.rows.tolist()]
            assert scores.tobytes() == near.scores.tobytes()
