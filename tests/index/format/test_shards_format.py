"""What `shards.json` may say, whoever wrote it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr.core.errors import IndexFormatError, InputError
from lsr.core.files import crc32
from lsr.index import Index, IndexBuilder, store_tuning, upgrade_index, verify
from lsr.index.collection.copies import copy_collection
from lsr.index.collection.create import make_live
from lsr.index.collection.repair.plan import plan_repair
from lsr.index.engines.tuning import Tuning
from lsr.index.format.manifest import Manifest, checksum, is_index
from lsr.index.format.shards import ShardRecord
from lsr.index.sharded.publish import ShardedFacts, built_shard, publish_shards
from lsr.vectors.sparse import SparseVectors

FACTS = ShardedFacts(None, 2.0**-6, None, "0" * 32, "2026-01-01T00:00:00+00:00", "0123abcd")


def built(folder: Path, shard: int, ids: list[str], scale: float = FACTS.weight_scale) -> ShardRecord:
    """A shard of documents that all hold a term more than the one before."""
    with IndexBuilder(
        folder / FACTS.folder_of(shard), dim=9, by_id=True, weight_scale=scale, segment=FACTS.segment_of(shard)
    ) as builder:
        rows = [(np.arange(n + 1), np.ones(n + 1, np.float32)) for n in range(len(ids))]
        builder.add(SparseVectors.from_rows(rows, ids, 9))
        builder.finish()
    record = built_shard(folder / FACTS.folder_of(shard))
    assert record is not None
    return record


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three shards, of which the second has no documents."""
    records = [built(tmp_path / "built", 0, ["a", "c"]), None, built(tmp_path / "built", 2, ["b", "d", "e"])]
    publish_shards(tmp_path / "made", tmp_path / "built", records, FACTS)
    return tmp_path / "made"


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the values and make the checksum fit."""
    path = folder / "shards.json"
    record = json.loads(path.read_text())
    del record["crc32"]
    change(record)
    path.write_text(json.dumps({**record, "crc32": checksum(record)}))


def test_shards_are_one_index(shards: Path) -> None:
    index = Index.open(shards)
    assert len(index) == 5 and is_index(shards)
    hits = index.search([0, 2], [1.0, 1.0], 10)
    assert hits.ids == ["e", "a", "b", "c", "d"] and hits.scores.tolist() == [2, 1, 1, 1, 1]
    assert index.describe()["shards"] == [2, 0, 3] and not verify(shards)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda record: record["shards"][0].update(folder="../outside"), "shards.0.folder"),
        (lambda record: record["shards"][0].update(folder="/tmp"), "shards.0.folder"),
        (lambda record: record["shards"][0].update(folder="shard-0000-0123abcd/.."), "shards.0.folder"),
        (lambda record: record["shards"][0].update(segment="x"), "shards.0.segment"),
        (lambda record: record["shards"][0].update(documents=3), "another version of this shard"),
        (lambda record: record["shards"][0].update(documents=-1), "shards.0.documents"),
        (lambda record: record["shards"][0].update(more=1), "no such field"),
        (lambda record: record["shards"].append(record["shards"][0]), "twice"),
        (lambda record: record["shards"].append("x"), "must be an object"),
        (lambda record: record.update(shards=[]), "list of 1 to"),
        (lambda record: record.update(shards=[None]), "must hold documents"),
        (lambda record: record.update(routing="other"), "routing"),
        (lambda record: record.update(fingerprint="x"), "fingerprint"),
        (lambda record: record.update(weight_scale=0), "weight_scale"),
        (lambda record: record.update(weight_scale=0.5), "not a shard of this collection"),
        (lambda record: record.update(encoder={"model": "x"}), "not a shard of this collection"),
        (lambda record: record.update(more=1), "no such field"),
        (lambda record: record.update(format="lsr-index"), "not the manifest"),
        (lambda record: record.update(format_version=2), "index format 2"),
        (lambda record: record.pop("shards"), "list of 1 to"),
    ],
)
def test_what_it_cannot_say(shards: Path, change: Callable[[dict[str, Any]], Any], says: str) -> None:
    edit(shards, change)
    with pytest.raises(IndexFormatError, match=says):
        Index.open(shards)
    assert len(verify(shards)) == 1


def test_a_changed_byte_is_seen(shards: Path) -> None:
    path = shards / "shards.json"
    path.write_text(path.read_text().replace('"documents": 2', '"documents": 1'))
    with pytest.raises(IndexFormatError, match="CRC-32"):
        Index.open(shards)


def test_links_are_not_followed(shards: Path, tmp_path: Path) -> None:
    shard = shards / FACTS.folder_of(0)
    shard.rename(tmp_path / "elsewhere")
    shard.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IndexFormatError, match="symbolic link"):
        Index.open(shards)
    shard.unlink()
    with pytest.raises(IndexFormatError, match="missing"):
        Index.open(shards)


def test_a_shard_that_takes_writes_is_none(shards: Path) -> None:
    make_live(shards / FACTS.folder_of(0))
    with pytest.raises(IndexFormatError, match="not a shard of this collection"):
        Index.open(shards)


def test_damage_in_a_shard_is_found(shards: Path) -> None:
    victim = next((shards / FACTS.folder_of(2)).glob("segment-*/ids*"))
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    problems = verify(shards)
    assert problems and all(str(victim.parent) in problem for problem in problems)


def test_a_shard_of_another_scale_is_not_published_with_them(tmp_path: Path) -> None:
    records = [built(tmp_path / "built", 0, ["a"]), built(tmp_path / "built", 1, ["b"], scale=0.5)]
    publish_shards(tmp_path / "made", tmp_path / "built", records, FACTS)
    with pytest.raises(IndexFormatError, match="not a shard of this collection"):
        Index.open(tmp_path / "made")


def test_publishing_again_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    records = [built(tmp_path / "built", 0, ["a"]), built(tmp_path / "built", 1, ["b"])]
    made = tmp_path / "made"
    made.mkdir()
    (tmp_path / "built" / records[0].name).rename(made / records[0].name)
    assert not is_index(made)
    publish_shards(made, tmp_path / "built", records, FACTS)
    assert len(Index.open(made)) == 2
    shutil.rmtree(made / records[1].name)
    with pytest.raises(IndexFormatError, match="missing, or not whole"):
        publish_shards(made, tmp_path / "built", records, FACTS)


def test_what_changes_one_index_refuses_shards(shards: Path) -> None:
    with pytest.raises(InputError, match="made of shards"):
        Index.open(shards).sparse.whole_segment()
    with pytest.raises(InputError, match="made of shards"):
        plan_repair(shards)
    assert not upgrade_index(shards).changed


def test_tunings_are_kept_beside_the_shards(shards: Path) -> None:
    before = {path: crc32(path) for path in shards.glob("shard-*/manifest.json")}
    tuning = Tuning(10, 0.9, "approximate", {"cut": 0.1}, measured_recall=0.95, mean_us=1.0, queries=10)
    store_tuning(Index.open(shards), tuning)
    assert Index.open(shards).sparse.tunings == (tuning,)
    assert before == {path: crc32(path) for path in shards.glob("shard-*/manifest.json")}


def test_a_copy(shards: Path, tmp_path: Path) -> None:
    copy_collection(shards, tmp_path / "copy")
    assert not verify(tmp_path / "copy")
    assert Index.open(tmp_path / "copy").search([0], [1.0], 9).ids == Index.open(shards).search([0], [1.0], 9).ids
    assert Manifest.read(tmp_path / "copy").shards == Manifest.read(shards).shards
