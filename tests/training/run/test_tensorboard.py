"""Where a TensorBoard writer is installed, it takes what the log takes; without one, a run is as well."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorboardX")

from tensorboardX.proto.event_pb2 import Event

from lsr.training.config import TrainingConfig
from lsr.training.run import train
from lsr.training.run.log import read_log

Points = dict[tuple[str, int], float]


def events(path: Path) -> Iterator[Event]:
    """The records of an event file: each its length in eight bytes, a checksum in four, itself, a checksum."""
    content = path.read_bytes()
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        yield Event.FromString(content[place + 12 : place + 12 + length])
        place += 16 + length


def written(run: Path) -> Points:
    """(name, step) → value of all event files of a run."""
    return {
        (value.tag, event.step): value.simple_value
        for path in run.rglob("events.out.tfevents.*")
        for event in events(path)
        for value in event.summary.value
        if value.HasField("simple_value")
    }


def logged(run: Path) -> Points:
    """The same of log.jsonl: development measures stand under eval/, all else under train/, and no name has an @."""
    found = {}
    for line in read_log(run / "log.jsonl"):
        step = line.pop("step")
        for name, value in line.items():
            group, rest = ("eval", name.removeprefix("eval_")) if name.startswith("eval_") else ("train", name)
            found[f"{group}/{rest.replace('@', '_')}", step] = value
    return found


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A collection of three documents and a question, in BEIR form."""
    folder = tmp_path / "judged"
    (folder / "qrels").mkdir(parents=True)
    documents = [f'{{"_id": "d{i}", "text": "w{i} w{i + 1} w{i + 2}"}}\n' for i in range(3)]
    (folder / "corpus.jsonl").write_text("".join(documents))
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "w2 w3"}\n')
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq\td1\t1\n")
    return folder


def test_tensorboard_has_the_numbers_of_the_log(recipe: dict[str, Any], judged: Path, tmp_path: Path) -> None:
    changed = recipe | {
        "development": {"source": str(judged)},
        "run": recipe["run"] | {"steps": 4, "evaluate_every": 2},
    }
    train(TrainingConfig.from_record(changed, "test"), tmp_path / "run")
    found = written(tmp_path / "run")
    assert found == pytest.approx(logged(tmp_path / "run"), rel=1e-6)  # float32 there
    names = {name for name, step in found if step == 1}
    assert {"loss", "info_nce", "kl", "document_flops", "query_l1"} <= {name.removeprefix("train/") for name in names}
    assert {"train/document_terms", "train/query_terms", "train/flops", "train/dead_terms"} <= names
    assert {step for name, step in found if name == "eval/ndcg_10"} == {2, 4}


def test_a_run_without_a_writer_is_the_same(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe["run"]["steps"] = 2
    config = TrainingConfig.from_record(recipe, "test")
    train(config, tmp_path / "with")
    for module in ("tensorboard", "tensorboardX"):
        monkeypatch.setitem(sys.modules, module, None)
    model = train(config, tmp_path / "without")
    assert (model / "config.json").exists() and not written(tmp_path / "without")
    curves = [
        [(line["step"], line["loss"]) for line in read_log(tmp_path / name / "log.jsonl") if "loss" in line]
        for name in ("with", "without")
    ]
    assert written(tmp_path / "with") and curves[0] == curves[1] and len(curves[0]) == 2
