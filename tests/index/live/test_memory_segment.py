"""The segment in memory, against a dictionary and brute force."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from memory_oracle import Oracle, put

from lsr.core.errors import InputError, LsrError
from lsr.index.format.postings import deficit_dtype
from lsr.index.format.weights import dequantised, quantise
from lsr.index.live.memory import chunks
from lsr.index.live.memory.segment import MemorySegment
from lsr.index.live.memory.state import MemoryState
from lsr.index.live.memory.tables import MemorySettings
from lsr.index.live.writes import Delete, Put
from lsr.index.parts.dense.record import DenseRecord

# Powers of two, so that every sum is exact, and weights in 64ths of a step, some of them too heavy.
SCALE = 1 / 16
WEIGHTS = st.integers(1, 300 * 64).map(lambda parts: parts / 64 * SCALE)
IDS = st.sampled_from(["a", "b", "A", "é", "zebra", "\U0001f600", "\uffff", "10", "9", ""])
WORDS = st.sampled_from(["alpha", "beta", "gamma", "7", "straße"])
QUERY_WEIGHTS = st.integers(1, 16).map(lambda parts: parts / 4)
HUGE = 1 << 31  # a vocabulary of hashes


@st.composite
def writes(draw: st.DrawFn, dim: int) -> Put | Delete:
    """A document, or a deletion; few ids, terms and weights, so that there are ties."""
    id = draw(IDS)
    if draw(st.integers(0, 3)) == 0:
        return Delete(id)
    terms = st.integers(0, 12).map(lambda term: term * (dim // 13))
    alike = st.sampled_from([1 / 16, 1 / 8]) if draw(st.booleans()) else WEIGHTS
    return put(
        id,
        draw(st.dictionaries(terms, alike, max_size=5)),
        draw(st.dictionaries(WORDS, alike, max_size=3)),
        tokens=tuple(draw(st.sets(st.integers(0, 9), max_size=4))),
        length=draw(st.integers(0, 5)),
        dense=draw(st.none() | st.lists(st.integers(-2, 2), min_size=3, max_size=3)),
        text=draw(st.text(max_size=3)),
    )


class MemoryMachine(RuleBasedStateMachine):
    """Writes, with snapshots that are kept and asked long after."""

    @initialize(bits=st.sampled_from([8, 16, 24]), dim=st.sampled_from([13, 1000, HUGE]), tail=st.integers(1, 6))
    def begin(self, bits: int, dim: int, tail: int) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(chunks, "TAIL", tail)
        dense = DenseRecord(dim=2, full_dim=3, similarity="dot", kind="flat", encoder=None)
        self.memory = MemorySegment(MemorySettings(dim, SCALE, bits, 10, dense))
        self.oracle = Oracle(self.memory.settings)
        self.snapshots: list[tuple[MemoryState, Oracle]] = []

    def teardown(self) -> None:
        self.patch.undo()

    @rule(data=st.data(), count=st.integers(0, 6))
    def write(self, data: st.DataObject, count: int) -> None:
        batch = [data.draw(writes(self.memory.settings.dim)) for _ in range(count)]
        added, replaced, deleted, missing = 0, 0, 0, []
        for each in batch:
            there = each.id in self.oracle.documents
            if isinstance(each, Delete):
                self.oracle.documents.pop(each.id, None)
                deleted += there
                missing += [] if there else [each.id]
            else:
                self.oracle.documents[each.id] = each
                replaced += there
                added += not there
        applied = self.memory.apply(batch)
        assert (applied.added, applied.replaced, applied.deleted, applied.missing) == (
            added,
            replaced,
            deleted,
            missing,
        )

    @rule()
    def take_a_snapshot(self) -> None:
        self.snapshots.append((self.memory.state, self.oracle.copy()))

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        seen = [(self.memory.state, self.oracle), *self.snapshots]
        check(data, *data.draw(st.sampled_from(seen)))

    @invariant()
    def the_latest_state_is_what_was_written(self) -> None:
        if hasattr(self, "memory"):
            check_documents(self.memory.state, self.oracle)


def check_documents(state: MemoryState, oracle: Oracle) -> None:
    """That the live documents are those of the dictionary, with what they hold."""
    rows = state.live_rows().tolist()
    assert sorted(state.id(row) for row in rows) == sorted(oracle.documents)
    assert state.live == len(rows)
    for id, document in oracle.documents.items():
        row = state.find(id)
        assert row in rows
        assert state.document(row) is document.document
        found = state.put(row)
        assert found.terms.tolist() == document.terms.tolist()
        scale = oracle.settings.scale
        stored = [float(oracle.stored(weight)) * scale for weight in document.weights.tolist()]
        assert found.weights.tolist() == stored
        words = dict(zip(document.words, document.word_weights.tolist(), strict=True))
        assert dict(zip(found.words, found.word_weights.tolist(), strict=True)) == {
            word: float(oracle.stored(weight)) * scale for word, weight in words.items()
        }
        assert found.tokens.tolist() == document.tokens.tolist()
        assert found.length == document.length
        vector = None if document.dense is None else document.dense[:2].tolist()
        assert (None if found.dense is None else found.dense.tolist()) == vector
    for id in ("a", "no such id"):
        if id not in oracle.documents:
            assert state.find(id) is None
    assert state.word_length == sum(document.length for document in oracle.documents.values())
    assert state.saturated == oracle.saturated()


def check(data: st.DataObject, state: MemoryState, oracle: Oracle) -> None:
    """That a search finds what brute force does, and that counts are those of what lives."""
    check_documents(state, oracle)
    step = oracle.settings.dim // 13
    terms = data.draw(st.dictionaries(st.integers(0, 12).map(lambda term: term * step), QUERY_WEIGHTS, max_size=5))
    words = data.draw(st.dictionaries(WORDS | st.just("unheard of"), QUERY_WEIGHTS, max_size=3))
    query = state.prepare(
        np.array(sorted(terms), np.uint32),
        np.array([terms[term] for term in sorted(terms)], np.float32),
        list(words),
        np.array(list(words.values()), np.float32),
    )
    k = data.draw(st.integers(1, 12))
    allow = np.array(data.draw(st.lists(st.booleans(), min_size=state.rows, max_size=state.rows)), np.bool_)
    filtered = data.draw(st.booleans())
    least = data.draw(st.sampled_from([0.0, 0.25, 4.0]))
    ids = {state.id(row) for row in state.live_rows().tolist() if not filtered or allow[row]}
    rows, scores = state.search(query, k, allow if filtered else None, least=least)
    assert scores.dtype == np.float32
    wanted = oracle.search({**terms, **words}, k, ids, least)
    assert [(state.id(row), float(score)) for row, score in zip(rows.tolist(), scores, strict=True)] == wanted
    assert state.scores(query, rows).tolist() == scores.tolist()
    documents = list(oracle.documents.values())
    counts = state.document_counts(np.arange(13, dtype=np.uint32) * step, ["alpha", "unheard of"])
    held = [sum(term * step in document.terms for document in documents) for term in range(13)]
    assert counts.tolist() == [*held, sum("alpha" in document.words for document in documents), 0]
    tokens = state.token_counts(np.arange(11, dtype=np.uint32))
    assert tokens.tolist() == [sum(token in document.tokens for document in documents) for token in range(11)]
    check_dense(state, oracle, k, ids, allow if filtered else None)


def check_dense(state: MemoryState, oracle: Oracle, k: int, ids: set[str], allow: np.ndarray | None) -> None:
    query = [1, -2]
    found, products = state.search_dense(state.prepare_dense([1, -2, 7]), k, allow)
    near = [
        (id, float(np.dot(query, document.dense[:2])))
        for id, document in oracle.documents.items()
        if id in ids and document.dense is not None
    ]
    near = sorted(near, key=lambda hit: (-hit[1], hit[0].encode()))[:k]
    assert [(state.id(row), float(score)) for row, score in zip(found.tolist(), products, strict=True)] == near


MemoryMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=20)
TestMemory = MemoryMachine.TestCase


@given(st.lists(st.floats(2**-13, 2**13, width=32), min_size=1), st.sampled_from([8, 16, 24]), st.floats(1e-3, 10))
def test_what_is_stored_is_stored_again_as_the_same_bytes(weights: list[float], bits: int, scale: float) -> None:
    if bits == 24:
        scale = 2.0 ** np.floor(np.log2(scale))
    dtype = deficit_dtype(bits)
    made = quantise(np.array(weights, np.float32), scale, dtype)
    again = quantise(dequantised(made.coarse, made.deficits, scale), scale, dtype)
    assert again.coarse.tolist() == made.coarse.tolist()
    if made.deficits is not None and again.deficits is not None:
        assert again.deficits.tolist() == made.deficits.tolist()
    assert not again.above.any()
    assert made.above.tolist() == [
        round(float(np.float32(weight) / np.float32(scale) * np.float32(1 << bits - 8))) > 255 << bits - 8
        for weight in weights
    ]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (put("x", {13: 1.0}), "'x': term id 13 is outside the vocabulary of 13 terms"),
        (put("x", {}, tokens=(10,)), "'x': token id 10 is outside 10 tokens"),
        (put("x", {}, dense=[1.0, 2.0]), "'x': the collection has no dense vectors"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_of_its_batch_is_applied(document: Put, says: str) -> None:
    memory = MemorySegment(MemorySettings(13, SCALE, tokens=10))
    with pytest.raises(InputError, match=says):
        memory.apply([put("y", {1: 1.0}), document])
    assert memory.state.live == 0
    memory.apply([put("y", {1: 1.0})])
    assert memory.state.live == 1


def test_vectors_of_another_length_are_refused() -> None:
    dense = DenseRecord(dim=2, full_dim=2, similarity="cosine", kind="flat", encoder=None)
    memory = MemorySegment(MemorySettings(13, SCALE, dense=dense))
    with pytest.raises(InputError, match="'x': a vector of 3 numbers, not 2"):
        memory.apply([put("x", {}, dense=[1.0, 2.0, 3.0])])
    memory.apply([put("x", {}, dense=[3.0, 4.0]), put("y", {}, dense=[0.0, 0.0])])
    assert memory.state.put(0).dense.tolist() == pytest.approx([0.6, 0.8])
    for query in ([1.0], [[1.0, 2.0]], [np.nan, 1.0]):
        with pytest.raises(InputError, match="a query vector"):
            memory.state.prepare_dense(query)


def test_an_empty_memory_answers() -> None:
    state = MemorySegment(MemorySettings(13, SCALE)).state
    query = state.prepare(np.array([3], np.uint32), np.ones(1, np.float32), ["word"], np.ones(1, np.float32))
    rows, scores = state.search(query, 3)
    assert (len(rows), len(scores), state.live, state.find("a")) == (0, 0, 0, None)
    assert state.document_counts(np.array([3], np.uint32)).tolist() == [0]
    with pytest.raises(InputError, match="k must be at least 1"):
        state.search(query, 0)
    with pytest.raises(InputError, match="no dense vectors"):
        state.search_dense(np.ones(2, np.float32), 1)


def test_an_error_in_the_midst_of_a_change_leaves_what_was_seen_and_takes_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = MemorySegment(MemorySettings(13, SCALE))
    memory.apply([put("a", {1: 1.0})])
    state = memory.state
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise MemoryError

        patched.setattr(memory, "_append", fail)
        with pytest.raises(MemoryError):
            memory.apply([put("a", {2: 1.0})])
    with pytest.raises(LsrError, match="not whole after an error; open the collection again"):
        memory.apply([put("b", {2: 1.0})])
    assert memory.state is state
    assert state.find("a") == 0
    assert state.document_counts(np.array([1, 2], np.uint32)).tolist() == [1, 0]


def test_searches_beside_a_writer_see_whole_batches() -> None:
    """Each batch replaces all documents, so that all have one weight at any moment."""
    memory = MemorySegment(MemorySettings(1000, SCALE))
    ids = [f"d{number}" for number in range(50)]

    def batch(number: int) -> list[Put]:
        word = f"word {number}"
        return [
            put(id, {1: (number % 200 + 1) * SCALE, number % 900 + 2: 1.0}, {word: 1.0}, length=number) for id in ids
        ]

    memory.apply(batch(0))
    done = threading.Event()
    wrong: list[object] = []

    def search() -> None:
        last = -1
        while not done.is_set():
            state = memory.state
            query = state.prepare(np.array([1], np.uint32), np.ones(1, np.float32))
            rows, scores = state.search(query, 100)
            number = state.word_length // 50
            found = [state.id(row) for row in rows.tolist()]
            counts = state.document_counts(np.array([1], np.uint32), [f"word {number}", f"word {number + 1}"])
            looked_up = [state.find(id) for id in ids]
            whole = (
                found == sorted(ids)
                and set(scores.tolist()) == {number % 200 + 1.0}
                and counts.tolist() == [50, 50, 0]
                and sorted(looked_up) == sorted(rows.tolist())
                and number >= last
            )
            last = number
            if not whole:
                wrong.append((number, found, scores, counts))
                return

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 150):
        memory.apply(batch(number))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_many_documents_are_found_in_chunks_as_one_by_one() -> None:
    random = np.random.default_rng(5)
    memory = MemorySegment(MemorySettings(500, 1 / 16, 16))
    oracle = Oracle(memory.settings)
    for first in range(0, 2000, 125):
        batch = [
            put(
                f"d{number}",
                {
                    int(term): float(random.integers(1, 255 * 16)) / 256
                    for term in random.choice(500, 12, replace=False)
                },
                {f"w{random.integers(400)}": 1.0},
            )
            for number in range(first, first + 125)
        ]
        oracle.documents.update((each.id, each) for each in batch)
        memory.apply(batch)
        gone = [f"d{number}" for number in random.integers(0, first + 125, 20)]
        for id in gone:
            oracle.documents.pop(id, None)
        memory.apply([Delete(id) for id in gone])
    state = memory.state
    assert [chunk.last - chunk.first for chunk in state._chunks] == [1500, 375]
    for _ in range(6):
        terms = {int(term): float(random.integers(1, 64)) / 8 for term in random.choice(500, 300, replace=False)}
        some = dict(list(terms.items())[: int(random.integers(1, 300))])
        query = state.prepare(
            np.array(sorted(some), np.uint32), np.array([some[term] for term in sorted(some)], np.float32)
        )
        rows, scores = state.search(query, 10)
        found = [(state.id(row), float(score)) for row, score in zip(rows.tolist(), scores, strict=True)]
        assert found == oracle.search(some, 10, set(oracle.documents), 0)
