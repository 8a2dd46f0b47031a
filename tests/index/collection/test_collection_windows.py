"""Documents that are cut: their windows come, go and are found together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from collection_oracle import LARGE, asked, create, made_put, made_query, opened

import lsr.index.live.log.records as records
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.index import Index, verify
from lsr.index.collection.policy import LivePolicy
from lsr.index.fusion.grouping import search_documents
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.settings import RetrievalPlan, RetrieveSettings
from lsr.index.live.log.reader import LogReader
from lsr.index.live.log.records import decode
from lsr.index.live.writes import Delete, Put
from lsr.text.windows import WindowSettings, cut_document, split_window_id

CUT = WindowSettings(words=3, stride=2)


def cut_puts(random: np.random.Generator, id: str, version: int) -> list[Put]:
    """A document of one to six windows, each with weights of its own."""
    text = " ".join(str(number) for number in random.integers(0, 12, random.integers(1, 13)).tolist())
    rows = cut_document(Document(id, text, fields={"version": version}), CUT)
    made = [made_put(random, row.id, version) for row in rows]
    return [replace_document(put, row) for put, row in zip(made, rows, strict=True)]


def replace_document(put: Put, row: Document) -> Put:
    tokens = np.unique(np.array(row.text.split(), np.uint32))
    return replace(put, document=row, tokens=tokens)


def answers(index: Index, seed: int) -> list[object]:
    """Ids and score bits of documents, and what is counted."""
    random, found = np.random.default_rng(seed), []
    for _ in range(25):
        terms, weights = asked(index, made_query(random))
        hits = search_documents(index, HybridQuery((terms, weights)), 8)
        found.append((index.documents.ids(hits.rows), hits.scores.tolist()))
    tokens = index.parts["terms"].tokens
    return [*found, len(index.documents), tokens[: index.manifest.model_terms].tolist()]


def test_no_answer_depends_on_history(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    create(tmp_path / "lived", windows=CUT.to_record())
    writer, truth = opened(tmp_path / "lived"), {}
    for step in range(150):
        id = f"d{random.integers(25)}"
        if random.random() < 0.3:
            assert writer.apply([Delete(id)]).deleted == (truth.pop(id, None) is not None)
        else:
            puts = cut_puts(random, id, step)
            applied = writer.apply(puts)
            assert (applied.replaced, applied.added) == (id in truth, id not in truth)
            truth[id] = puts
        if step % 50 == 49:
            writer.close()
            writer = opened(tmp_path / "lived")
    create(tmp_path / "built", windows=CUT.to_record())
    with opened(tmp_path / "built", LARGE) as built:
        built.apply([put for puts in truth.values() for put in puts])
        built.flush()
        expected = answers(built.snapshot(), 1)
        documents = {each.id: each for each in built.snapshot().documents.scan()}
    with writer:
        assert answers(writer.snapshot(), 1) == answers(Index.open(tmp_path / "lived"), 1) == expected
        assert {each.id: each for each in writer.snapshot().documents.scan()} == documents
        assert sorted(documents) == sorted(truth)
        counts: list[int] = []
        writer.compact(counts.append)
        assert sum(counts) == len(truth) < len(writer.snapshot())  # documents, and not windows
        assert answers(writer.snapshot(), 1) == expected
    assert verify(tmp_path / "lived") == []


def test_the_windows_of_a_document_are_torn_off_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a crash amid a replacement would leave some of the new windows in the place of the old document."""
    monkeypatch.setattr(records, "_USUAL", 1)
    random = np.random.default_rng(5)
    create(tmp_path / "x", windows=CUT.to_record())
    with opened(tmp_path / "x", LARGE) as writer:
        for number in range(5):
            writer.apply([put for name in "ab" for put in cut_puts(random, f"{name}{number}", 0)])
        identity = bytes.fromhex(writer.manifest.live.identity)
        held = [decode(record.payload) for record in LogReader(tmp_path / "x", identity)]
    assert len(held) == 10 and max(map(len, held)) > 1
    for writes in held:
        assert split_window_id(writes[0].id)[1] == 0
        assert len({split_window_id(write.id)[0] for write in writes}) == 1


def test_what_is_refused_leaves_nothing_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_USUAL", 1)
    monkeypatch.setattr(records, "LONGEST_RECORD", 2000)
    random = np.random.default_rng(7)
    create(tmp_path / "x")
    with opened(tmp_path / "x", LARGE) as writer:
        long = made_put(random, "long", 0)
        long.document.fields["filler"] = "x" * 3000
        with pytest.raises(InputError, match="'long'"):
            writer.apply([made_put(random, "a", 0), long])
        assert not writer.holds("a") and len(writer.snapshot().documents) == 0
    assert len(Index.open(tmp_path / "x").documents) == 0


def test_deletions_alone_make_an_end_of_the_log(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    create(tmp_path / "x")
    with opened(tmp_path / "x", LARGE) as writer:
        writer.apply([made_put(random, f"d{number}", 0) for number in range(60)])
        writer.flush()
    bounded = LivePolicy(memory_bytes=1000, most_deleted=1.0)
    with opened(tmp_path / "x", bounded) as writer:
        first = writer.manifest.live.log
        for number in range(40):
            writer.apply([Delete(f"d{number}"), Delete("there is none of this")])
        writer.wait()
        assert writer.manifest.live.log > first and writer.manifest.segments[0].parts["deleted"].record["rows"] > 0
    log = sorted(path.stat().st_size for path in (tmp_path / "x").glob("log-*"))
    assert len(log) == 1 and log[0] < 2000
    assert len(Index.open(tmp_path / "x").documents) == 20


@pytest.mark.parametrize("cut", [None, CUT.to_record()])
@pytest.mark.parametrize("mode", ["sparse", "dense", "hybrid", "sparse-first"])
def test_an_empty_collection_answers_with_nothing(tmp_path: Path, cut: dict[str, object] | None, mode: str) -> None:
    create(tmp_path / "x", windows=cut)
    query = HybridQuery((np.array([1], np.uint32), np.ones(1, np.float32)), np.ones(3, np.float32))
    for page in (None, 2):
        found = search_documents(
            Index.open(tmp_path / "x"), query, 5, RetrievalPlan(retrieve=RetrieveSettings(mode=mode)), page=page
        )
        assert found.rows.tolist() == []
