"""Rounds in processes of their own, and indexes that are built once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_collections import random_vectors

from lsr.eval.bench import BenchSettings, BuiltIndex, Effort, Engine, LeftOut, Queries, bench, exact_top
from lsr.eval.bench.builds import Builder
from lsr.eval.bench.engines import PEERS
from lsr.eval.bench.rounds import Contender, run_round

# A package of which other processes find engines: one that answers with the process it is in, one that ends it.
ENGINES = """
import os
from lsr.eval.bench import BuiltIndex, Configuration

class Stranger:
    name, version, mean_from_batch, build_input, reusable = "stranger", "1", False, "nothing", True
    def builds(self, effort):
        return [{}]
    def build(self, documents, dim, folder, settings, threads):
        return BuiltIndex(folder, 10, 1.0, {"dim": dim})
    def open(self, built, queries):
        return Index()

class Crashing(Stranger):
    name = "crashing"
    def open(self, built, queries):
        os.abort()

class Index:
    def configurations(self, k, effort):
        return [Configuration("approximate", {"process": os.getpid()})]
    def searcher(self, k, configuration):
        return lambda query: query
    def rows(self, answer):
        print("noise")
        return [answer]
    def batch(self, k, configuration, part, threads):
        return None
"""


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, here and in new processes."""
    (tmp_path / "strange_engines.py").write_text(ENGINES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    import strange_engines  # type: ignore[import-not-found]

    return strange_engines


def test_a_round_runs_in_another_process_and_sends_its_times_back(strangers: Any, tmp_path: Path) -> None:
    documents = random_vectors(20, 30, 8, seed=1)
    queries = documents[:4]
    truth = exact_top([documents], queries, 1)
    asked = Queries(queries, (np.array([0, 2]), np.array([1, 3])), truth.top_scores)
    contender = Contender(strangers.Stranger(), {}, BuiltIndex(tmp_path, 1, 1.0), (1,))
    processes = set()
    for _ in range(2):
        run_round(contender, asked, {1: truth.at(1)}, Effort.quick, (1,))
        ((configuration, sample),) = contender.samples[1]
        processes.add(configuration.parameters["process"])
        assert np.isfinite(sample.seconds).all()
        # It answers each query with the row of the same number.
        assert sample.recalls.tolist() == [float(row in truth.at(1).relevant[row]) for row in range(4)]
    # The second round goes on with the configurations of the first.
    assert len(processes) == 1 and os.getpid() not in processes


def test_an_engine_that_crashes_is_left_out_and_the_others_are_measured(
    strangers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PEERS, "crashing", strangers.Crashing)
    monkeypatch.setitem(PEERS, "stranger", strangers.Stranger)
    documents, queries = tmp_path / "documents.parquet", tmp_path / "queries.parquet"
    random_vectors(40, 30, 8, seed=1).save(documents)
    random_vectors(4, 30, 4, seed=2).save(queries)
    settings = BenchSettings(against=("crashing", "stranger"), rounds=1, build_threads=1)
    result = bench(documents, queries, settings, folder=tmp_path / "kept")
    (note,) = result.notes
    assert note.startswith("crashing () left out while searching: its process was ended by SIGABRT")
    assert {row.engine for row in result.rows} == {"lsr", "stranger"}
    assert [folder.name.split("-")[0] for folder in result.indexes] == ["lsr", "stranger"]
    assert "noise" not in capfd.readouterr().out


class Counting:
    """An engine that notes its builds."""

    name, version, mean_from_batch, build_input, reusable = "counting", "1", False, "nothing", True

    def __init__(self) -> None:
        self.builds_done: list[Mapping[str, Any]] = []
        self.fails = False

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        return [{"m": 1}]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        assert list(folder.iterdir()) == []
        (folder / "index").write_text("half")
        if self.fails:
            raise LeftOut("out of luck")
        self.builds_done.append(settings)
        return BuiltIndex(folder, 4, 2.5, {"dim": dim})

    def open(self, built: BuiltIndex, queries: Queries) -> Any:
        raise NotImplementedError


def test_an_index_is_found_if_nothing_it_depends_on_has_changed(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.write_text("these")
    counting = Counting()
    engine: Engine = counting

    def builder(dim: int = 9, threads: int = 2) -> Builder:
        return Builder(documents, dim, tmp_path / "kept", threads)

    assert builder().found(engine, {"m": 1}) is None
    built = builder().build(engine, {"m": 1})
    found = builder().found(engine, {"m": 1})
    assert found == built and found.facts == {"dim": 9} and (found.bytes, found.seconds) == (4, 2.5)
    assert counting.builds_done == [{"m": 1}]
    assert builder().found(engine, {"m": 2}) is None
    assert builder(dim=10).found(engine, {"m": 1}) is None
    assert builder(threads=1).found(engine, {"m": 1}) is None
    documents.write_text("others")
    assert builder().found(engine, {"m": 1}) is None
    documents.write_text("these")
    assert builder().found(engine, {"m": 1}) == built
    counting.version = "2"
    assert builder().found(engine, {"m": 1}) is None
    counting.version, counting.reusable = "1", False
    assert builder().found(engine, {"m": 1}) is None


def test_a_build_that_was_broken_off_is_not_found_and_is_done_anew(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.write_text("these")
    engine = Counting()
    builder = Builder(documents, 9, tmp_path / "kept", 1)
    engine.fails = True
    with pytest.raises(LeftOut, match="out of luck"):
        builder.build(engine, {})
    assert builder.found(engine, {}) is None
    engine.fails = False
    assert builder.build(engine, {}).folder.parent == tmp_path / "kept"
    assert builder.found(engine, {}) is not None
    (record,) = (tmp_path / "kept").glob("*/built.json")
    for damaged in ("{", "[]", '{"bytes": 4}'):
        record.write_text(damaged)
        assert builder.found(engine, {}) is None
