"""Token vectors and dense vectors that were added to a collection: what becomes of them as it is written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_oracle import check, create, made_put, opened

from lsr.core.errors import InputError
from lsr.index import Index, LateWriter, add_dense, verify
from lsr.index.collection.policy import LivePolicy
from lsr.index.format.manifest import Manifest
from lsr.index.format.output import seal
from lsr.index.format.records import PartRecord
from lsr.index.live.writes import Delete, Put
from lsr.index.parts.adding import PartWriter

NAME, DIM = "late", 4
# So few rows that a segment by itself, with a third of them deleted, is written again, and two become one.
POLICY = LivePolicy(memory_documents=6, together=2, most_deleted=1 / 3)


def vectors_of(id: str) -> np.ndarray[Any, Any]:
    """Token vectors that only this document has; one has none."""
    random = np.random.default_rng([*id.encode()])
    return random.normal(size=(int(random.integers(0, 4)), DIM)).astype(np.float32)


def add_late(path: Path, encoder: str = "a model") -> None:
    """Add token vectors to a collection in one segment, as `lsr late` does."""
    index = Index.open(path)
    given = [vectors_of(id) for id in index.documents.row_ids(np.arange(len(index)))]
    name = index.sparse.whole_segment().record.name
    with PartWriter(path, name, NAME) as part:
        with LateWriter(part.folder, DIM) as writer:
            writer.append(np.cumsum([0, *map(len, given)]), np.concatenate(given))
            record = writer.finish({"model": encoder})
        part.publish(record.to_record())


def late_scores(index: Index) -> dict[str, float]:
    """By document, the scores of a query's token vectors."""
    rows = np.flatnonzero([not index._searched[0].is_deleted(row) for row in range(len(index))])
    query = np.random.default_rng(9).normal(size=(3, DIM)).astype(np.float32)
    scores = index.parts[NAME].scores(query, rows)
    return dict(zip(index.documents.row_ids(rows), scores.tolist(), strict=True))


@pytest.fixture
def truth(tmp_path: Path) -> dict[str, Put]:
    """A collection of one segment with token vectors; what it holds."""
    path, random = tmp_path / "collection", np.random.default_rng(0)
    create(path)
    truth = {f"d{number:02}": made_put(random, f"d{number:02}", 0) for number in range(30)}
    with opened(path) as writer:
        writer.apply(list(truth.values()))
        writer.compact()
    add_late(path)
    return truth


def test_token_vectors_stay_with_the_documents_that_stay(tmp_path: Path, truth: dict[str, Put]) -> None:
    path, random = tmp_path / "collection", np.random.default_rng(1)
    before = late_scores(Index.open(path))
    with opened(path, POLICY) as writer:
        for gone in (["d03"], [f"d{number:02}" for number in range(4, 28, 2)]):
            writer.apply([Delete(id) for id in gone])
            truth = {id: put for id, put in truth.items() if id not in gone}
            writer.wait()  # of more than a third, it is written again
            if len(gone) == 1:
                writer.compact()
            found = late_scores(writer.snapshot())
            assert found == {id: before[id] for id in truth}
            check(writer.snapshot(), truth, random)
    assert verify(path) == [] and Index.open(path).manifest.segments[0].documents == len(truth)


def test_token_vectors_are_not_merged_with_documents_that_have_none(tmp_path: Path, truth: dict[str, Put]) -> None:
    """They are there again once these have gone; asked for in between, what is to be done is said."""
    path, random = tmp_path / "collection", np.random.default_rng(1)
    before = late_scores(Index.open(path))
    with opened(path, POLICY) as writer:
        added = {f"e{number:02}": made_put(random, f"e{number:02}", 1) for number in range(70)}
        for number in range(0, 70, 7):
            writer.apply(list(added.values())[number : number + 7])
            writer.wait()
        snapshot = writer.snapshot()
        assert len(snapshot.segments) > 1 and NAME not in snapshot.parts
        with pytest.raises(InputError, match=r"written since the late part was added.*one segment, and add the late"):
            snapshot.parts[NAME]
        check(snapshot, {**truth, **added}, random)
        writer.apply([Delete(id) for id in added])
        writer.wait()
        writer.compact()
        assert late_scores(writer.snapshot()) == before
        # Put into one with others that have none, they go.
        writer.apply([added["e00"]])
        writer.compact()
        assert NAME not in writer.snapshot().parts
        check(writer.snapshot(), {**truth, "e00": added["e00"]}, random)
    add_late(path)
    assert late_scores(Index.open(path)).keys() == {*truth, "e00"}
    assert verify(path) == []


def test_token_vectors_of_several_segments_become_one_part(tmp_path: Path, truth: dict[str, Put]) -> None:
    """As of a collection whose segments had them each: the rows of one segment lie between those of others."""
    path, random = tmp_path / "collection", np.random.default_rng(1)
    with opened(path) as writer:
        first = writer.snapshot().segments[0]
        more = {f"d{number:02}x": made_put(random, f"d{number:02}x", 0) for number in range(0, 30, 2)}
        writer.apply(list(more.values()))
        writer.flush()
        (second,) = [each for each in writer.snapshot().segments if each.record.name != first.record.name]
    _add_to(path, second.record.name, list(more))
    with opened(path) as writer:
        writer.apply([Delete("d04"), Delete("d06x")])
        writer.compact()
        held = [id for id in sorted({*truth, *more}) if id not in ("d04", "d06x")]
        index = writer.snapshot()
        query = np.random.default_rng(9).normal(size=(3, DIM)).astype(np.float32)
        wanted = [float(np.max(query @ vectors_of(id).T, axis=1).sum()) if len(vectors_of(id)) else 0.0 for id in held]
        assert index.documents.row_ids(np.arange(len(index))) == held
        assert np.allclose(index.parts[NAME].scores(query, np.arange(len(held))), wanted, atol=0.1)
    assert verify(path) == []


def _add_to(path: Path, segment: str, ids: list[str]) -> None:
    """Token vectors of a segment that is not the only one."""
    folder = path / segment / f"{NAME}-00000000"
    folder.mkdir()
    given = [vectors_of(id) for id in sorted(ids)]
    with LateWriter(folder, DIM) as writer:
        writer.append(np.cumsum([0, *map(len, given)]), np.concatenate(given))
        record = writer.finish({"model": "a model"})
    manifest = Manifest.read(path)
    (parts,) = [each.parts for each in manifest.segments if each.name == segment]
    part = PartRecord(folder.name, record.to_record(), seal(folder))
    manifest.with_segment(segment, parts={**parts, NAME: part}).write(path)


def test_dense_vectors_that_were_added_stay_and_new_documents_have_some(tmp_path: Path) -> None:
    path, random = tmp_path / "collection", np.random.default_rng(0)
    create(path, dense=None)
    truth = {f"d{number:02}": made_put(random, f"d{number:02}", 0) for number in range(20)}
    dense = {id: put.dense for id, put in truth.items()}
    for put in truth.values():
        put.dense = None
    with opened(path) as writer:
        writer.apply(list(truth.values()))
        writer.compact()
    index = Index.open(path)
    ids = index.documents.row_ids(np.arange(len(index)))
    add_dense(index, [np.stack([dense[id] for id in ids])], similarity="dot")  # type: ignore[misc]
    for id, put in truth.items():
        put.dense = dense[id]
    with opened(path, POLICY) as writer:
        for number in range(40):
            put = made_put(random, f"d{number % 27:02}", number)
            writer.apply([put])
            truth[put.id] = put
            check(writer.snapshot(), truth, random, queries=1)
        writer.wait()
        writer.compact()
        check(writer.snapshot(), truth, random)
    assert verify(path) == []
