"""The scale benchmark: what its tables say, and a run of it on a small scale."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lsr.eval.bench import Row, Summary

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import made_topics
import scale
from scale_report import Growth, SizeResult, markdown, series

ABOUT = {
    "like": None,
    "queries_from": "asked.parquet",
    "relevant": 0.02,
    "terms": 119.0,
    "queries": 10,
    "terms_a_query": 43.0,
    "k": 10,
    "cpus": 2,
    "build_threads": 1,
}


def row(engine: str, mode: str, name: int, recalls: tuple[float, float], times: tuple[float, float]) -> Row:
    """A configuration by its recall and mean time on the half that is chosen on, and the other."""
    halves = tuple(Summary(recall, us, us, us, 2 * us, us) for recall, us in zip(recalls, times, strict=True))
    return Row(engine, mode, {}, {"name": name}, 10, halves[0], (halves[0], halves[1]), 1000, 1.0)


def size(documents: int, *rows: Row) -> SizeResult:
    build: dict[str, Any] = {"engine": "lsr", "settings": {}, "seconds": 2.0, "peak_bytes": 3 << 30}
    return SizeResult(documents, [build | {"bytes": {"forward": 4_000_000, "total": 5_000_000}}], list(rows))


def test_tables_report_the_fastest_that_reaches_the_recall_on_the_other_half_and_its_growth() -> None:
    growth = Growth(ABOUT)
    growth.sizes.append(
        size(
            1000,
            row("lsr", "approximate", 1, (0.94, 0.99), (10, 10)),
            row("lsr", "approximate", 2, (0.96, 0.94), (20, 25)),
            row("lsr", "approximate", 3, (0.99, 0.99), (30, 20)),
            row("lsr", "exact", 4, (1.0, 1.0), (5, 50)),
            row("seismic", "approximate", 5, (0.97, 0.97), (60, 50)),
        )
    )
    growth.sizes.append(size(4000, row("lsr", "approximate", 6, (0.95, 0.95), (90, 75))))
    growth.sizes[1].notes.append("4,000 documents: seismic left out: memory")
    found = {
        one.name: [(documents, best.search_parameters["name"]) for documents, best in one.points]
        for one in series(growth)
    }
    assert found == {
        "lsr, recall ≥ 0.95": [(1000, 2), (4000, 6)],
        "seismic, recall ≥ 0.95": [(1000, 5)],
        "lsr, recall ≥ 0.98": [(1000, 3)],
        "lsr, exact": [(1000, 4)],
    }
    growth.statistics = {}
    text = markdown(growth)
    assert "| lsr, recall ≥ 0.95 | 4,000 | name 6 | 0.9500 | 75 | 75 | 150 | 3.00 |  |" in text
    assert "| seismic, recall ≥ 0.95 | 1,000 | name 5 | 0.9700 | 50 | 50 | 100 | 1.00 | 0.500 |" in text
    assert "| lsr | 4,000 | 2.0 | 3.00 | 5.0 | 1,250 | forward 4.0 |" in text
    assert "- 4,000 documents: seismic left out: memory" in text


def test_a_peer_that_took_too_much_is_expected_to_take_more_of_more() -> None:
    growth = Growth(ABOUT)
    growth.sizes.append(size(1000))

    class Peer:
        name = "lsr"

    assert scale.expected_peak(Peer(), {}, 4000, 119, growth) == 12 << 30  # type: ignore[arg-type]
    assert scale.expected_peak(Peer(), {"other": 1}, 10, 119, growth) == 10 * 119 * scale.PEER_BYTES_A_POSTING  # type: ignore[arg-type]


def test_a_small_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    for name, value in (("SEEDS", 2000), ("BATCH", 1000), ("THEMES", 1024)):
        monkeypatch.setattr(made_topics, name, value)
    folder, output = tmp_path / "work", tmp_path / "results"
    options = ["--sizes", "1500,3000", "--measured", "12", "--rounds", "1", "--build-threads", "1"]
    monkeypatch.setattr(sys, "argv", ["scale.py", *options, "--work", str(folder), "--output", str(output)])
    assert scale.main("scale", "", scale.options, scale.run) == 0
    assert {path.name for path in output.iterdir()} == {f"scale.{end}" for end in ("md", "json", "png", "svg")}
    assert capsys.readouterr().out in (output / "scale.md").read_text(encoding="utf-8")
    found = json.loads((output / "scale.json").read_text(encoding="utf-8"))["values"]
    assert [one["documents"] for one in found["sizes"]] == [1500, 3000]
    for one in found["sizes"]:
        (build,) = one["builds"]
        assert 50e6 < build["peak_bytes"] < 8e9
        assert one["documents"] < build["bytes"]["total"] == sum(build["bytes"].values()) / 2
        (exact,) = [line for line in one["rows"] if line["mode"] == "exact"]
        assert exact["recall"] > 0.9
    # Documents stay for another run, indexes do not.
    assert len(list(folder.iterdir())) == 2
    assert all(path.suffix == ".parquet" for path in folder.iterdir())
