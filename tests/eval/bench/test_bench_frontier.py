"""Choosing among configurations, and saying so."""

from __future__ import annotations

from lsr.eval.bench import BenchResult, Row, Summary, fastest, pareto
from lsr.eval.bench.report import markdown
from lsr.eval.bench.rows import in_words


def row(recall: float, time: float, *, verified: float | None = None, engine: str = "lsr", k: int = 10) -> Row:
    """A row whose halves agree, unless `verified` is the recall of the second."""
    first = Summary(recall, time, time, time, time, time)
    second = Summary(recall if verified is None else verified, 10 * time, time, time, time, time)
    return Row(engine, "approximate", {"size": 8}, {"cut": int(time)}, k, first, (first, second), 10**6, 2.0, {1: 5.0})


def test_the_frontier_holds_what_nothing_beats() -> None:
    rows = [row(0.9, 50), row(0.8, 20), row(0.9, 40), row(0.95, 60), row(0.85, 45), row(0.95, 70), row(0.7, 20)]
    assert [(r.overall.recall, r.overall.mean_us) for r in pareto(rows)] == [(0.8, 20), (0.9, 40), (0.95, 60)]
    assert pareto([]) == []


def test_the_fastest_is_chosen_by_the_first_half_alone() -> None:
    rows = [row(0.95, 30, verified=0.5), row(0.95, 40, verified=1.0), row(0.9, 10, verified=1.0)]
    assert fastest(rows, 0.95) is rows[0]
    assert fastest(rows, 0.9) is rows[2]
    assert fastest(rows, 0.96) is None


def test_parameters_in_words() -> None:
    assert in_words({"bmp": {"block_size": 16, "x": None}, "alpha": 0.5}) == "bmp (block_size 16, x None), alpha 0.5"


def test_the_report_compares_the_halves_that_had_no_part() -> None:
    about = {
        "documents": 5,
        "terms_a_document": 2.0,
        "queries": 4,
        "terms_a_query": 1.5,
        "vocabulary": 30,
        "machine": {"processor": "a processor", "cpus": 2},
        "engines": {name: {"version": "1.2", "build_counts_from": "files"} for name in ("lsr", "seismic")},
        "build_threads": 2,
        "rounds": 3,
    }
    rows = [row(0.96, 10, verified=0.94), row(0.97, 40, engine="seismic")]
    text = markdown(BenchResult(about, rows, ["bmp left out: not installed"]))
    assert "| ≥ 0.95 | lsr approximate | size 8, cut 10 | 0.9400 | 100 | 10.0 | 10.0 | 10.0 |  |" in text
    assert "| ≥ 0.95 | seismic approximate | size 8, cut 40 | 0.9700 | 400 | 40.0 | 40.0 | 40.0 | 0.250 |" in text
    assert "≥ 0.98" not in text
    assert "| seismic | 1.2 | size 8 | 1.0 MB | 2.0 s | files |" in text
    assert text.endswith("- bmp left out: not installed\n") and "batch calls" not in text
    batched = Summary(0.97, 30, 40, 40, 40, 42)
    kannolo = Row("kannolo", "approximate", {}, {}, 10, batched, (batched, batched), 10**6, 2.0, {})
    about["engines"]["kannolo"] = about["engines"]["lsr"]  # type: ignore[index]
    text = markdown(BenchResult(about, [*rows, kannolo], []))
    assert "The means of kannolo are of batch calls on one thread" in text and "by 12 µs (kannolo)" in text
