"""What a comparison of results calls moved, on hand-made results."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from made_scripts import write_scripts

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import comparison
import run
from comparison import compare, judged, markdown, numbers
from registry import BENCHMARKS, TOOLS, Benchmark, fact, memory, quality, rate, size, time
from script import HERE

BENCHMARK = Benchmark(
    "made",
    "made",
    keys=("system", "k"),
    measures=(
        time("rows/*/mean_us"),
        rate("rows/*/per_second", 0.05),
        quality("rows/*/ndcg"),
        size("bytes"),
        memory("peak"),
        fact("rows/*/terms"),
    ),
)
MACHINE = {"processor": "Abacus", "cpus": 2, "memory_gib": 8.0, "packages": {"numpy": "2.4"}}


def record(mean_us: float = 100, per_second: float = 50, ndcg: float = 0.5, terms: float = 7, **changes: Any) -> Any:
    row = {"system": "lsr", "k": 10, "mean_us": mean_us, "per_second": per_second, "ndcg": ndcg, "terms": terms}
    values = {"rows": [row], "bytes": 1000, "peak": 64, "note": "text", "flag": True}
    return {"settings": {"rounds": 3}, "machine": MACHINE, "values": values} | changes


def verdicts(before: Any, after: Any) -> dict[str, str]:
    found = compare("made", BENCHMARK, before, after)
    return {row.name.rpartition("/")[2]: row.verdict for row in found.rows if row.verdict != comparison.SAME}


def test_numbers_are_named_by_the_way_to_them() -> None:
    values = {
        "a": {"b": 1, "c": [2.5, float("nan")]},
        "rows": [{"system": "x", "k": 3, "t": 4}, {"p": {"cut": 2}, "t": 5}],
        "no": [None, True, "text"],
    }
    assert dict(numbers(values, ("system", "p", "k"))) == {
        "a/b": 1, "a/c/0": 2.5, "rows/x k 3/k": 3, "rows/x k 3/t": 4, "rows/cut 2/p/cut": 2, "rows/cut 2/t": 5,
    }  # fmt: skip
    assert dict(numbers([{"of": {"name": "scifact"}, "v": 1}], ("of.name",))) == {"scifact/v": 1}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"mean_us": 109}, {}),
        ({"mean_us": 111}, {"mean_us": "worse"}),
        ({"mean_us": 92}, {}),
        ({"mean_us": 90}, {"mean_us": "better"}),
        ({"per_second": 47}, {"per_second": "worse"}),
        ({"per_second": 53}, {"per_second": "better"}),
        ({"ndcg": 0.499}, {"ndcg": "worse"}),
        ({"ndcg": 0.4999}, {}),
        ({"terms": 8}, {"terms": "changed"}),
        ({"terms": 6}, {"terms": "changed"}),
        ({"ndcg": 0}, {"ndcg": "worse"}),
    ],
)
def test_what_moved_by_more_than_the_declared_noise(changes: dict[str, float], expected: dict[str, str]) -> None:
    assert verdicts(record(), record(**changes)) == expected


def test_a_number_that_was_nothing_before() -> None:
    assert verdicts(record(ndcg=0), record(ndcg=0.1)) == {"ndcg": "better"}
    assert verdicts(record(ndcg=0), record(ndcg=0)) == {}


def repeated(*mean_us: float) -> Any:
    return record(mean_us=mean_us[-1], repeats=[{"rows/lsr k 10/mean_us": each} for each in mean_us])


def test_repeats_tell_the_noise_and_their_median_counts() -> None:
    # A quiet machine: 3 % is more than the 2 % by which repeats differ, though less than the declared 10 %.
    assert verdicts(repeated(100, 102, 101), repeated(104, 105, 104.5)) == {"mean_us": "worse"}
    assert verdicts(repeated(100, 102, 101), repeated(101, 103, 102)) == {}
    # A noisy one: 15 % is less than the 40 % by which one side's repeats differ.
    assert verdicts(repeated(100, 140, 120), repeated(138, 138, 138)) == {}
    # One outlier among three is not what counts.
    (row,) = compare("made", BENCHMARK, repeated(100, 101, 102), repeated(100, 300, 101)).rows
    assert (row.before, row.after, row.measured) == (101, 101, True)


def test_two_repeats_tell_no_noise() -> None:
    assert verdicts(repeated(100, 100), repeated(105, 105, 105)) == {}
    (row,) = compare("made", BENCHMARK, repeated(100, 100), repeated(130, 130, 130)).rows
    assert (row.verdict, row.noise, row.measured) == ("worse", 0.1, False)


def test_times_of_another_machine_are_not_judged_and_effectiveness_is() -> None:
    for machine in ({**MACHINE, "processor": "Pascaline"}, {**MACHINE, "cpus": 4}, None):
        found = verdicts(record(), record(mean_us=200, ndcg=0.4, machine=machine))
        told = {"mean_us", "per_second", "peak"}
        assert found == dict.fromkeys(told, "other machine") | {"ndcg": "worse"}
    assert verdicts(record(machine=None), record(mean_us=200, machine=None))["mean_us"] == "other machine"


def test_other_settings_are_not_compared() -> None:
    found = compare("made", BENCHMARK, record(), record(mean_us=200, settings={"rounds": 1, "queries": "q, 9 bytes"}))
    assert found.rows == []
    assert found.notes == [
        "not compared, since settings or data differ: queries: q, 9 bytes, not None; rounds: 1, not 3"
    ]
    found = compare("made", BENCHMARK, record(settings=None), record(mean_us=200))
    assert [row.verdict for row in found.moved] == ["worse"] and "not recorded" in found.notes[0]
    found = compare("made", BENCHMARK, None, record())
    assert (found.rows, found.notes) == ([], ["nothing to compare with: no result before"])


def test_other_versions_and_numbers_that_come_and_go_are_told() -> None:
    after = record(machine={**MACHINE, "packages": {"numpy": "2.5"}})
    after["values"]["rows"][0]["system"] = "lsr anew"
    found = compare("made", BENCHMARK, record(), after)
    assert found.notes == ["other versions: numpy: 2.5, not 2.4", "4 numbers are gone, 4 are new"]
    assert {row.name for row in found.rows} == {"bytes", "peak"}


def test_the_table_has_what_moved_worst_first() -> None:
    after = record(mean_us=50, per_second=20, ndcg=0.3, terms=9)
    lines = markdown([compare("made", BENCHMARK, record(), after)]).splitlines()
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:6]] == [
        ["made: rows/lsr k 10/per_second", "50", "20", "0.400", "5.0%", "worse"],
        ["made: rows/lsr k 10/ndcg", "0.5", "0.3", "0.600", "0.1%", "worse"],
        ["made: rows/lsr k 10/mean_us", "100", "50", "0.500", "10.0%", "better"],
        ["made: rows/lsr k 10/terms", "7", "9", "1.286", "0.1%", "changed"],
    ]
    assert lines[-1] == "- made: 6 numbers compared, 2 worse, 1 better, 1 changed."
    same = markdown([compare("made", BENCHMARK, record(), record())])
    assert same == "Nothing moved by more than its noise.\n\n- made: 6 numbers compared, nothing moved."
    everything = markdown([compare("made", BENCHMARK, record(), record())], everything=True)
    assert everything.count("within noise") == 6


def test_a_difference_of_exactly_the_noise_is_noise() -> None:
    assert judged("n", time("n", 0.25), [4], [5], True).verdict == "within noise"


# -- the registry and the runner --------------------------------------------------------------------------------------


def test_every_script_is_registered() -> None:
    parts = {
        "comparison",
        "data",
        "made_topics",
        "registry",
        "reproduce",
        "run",
        "scale_build",
        "scale_report",
        "script",
    }
    parts |= {"topical_order", "vector_maker"}
    scripts = {path.stem for path in HERE.glob("*.py")}
    assert {each.script for each in BENCHMARKS.values()} | TOOLS.keys() | parts == scripts
    pages = [HERE.parent / "docs" / "numbers" / each.page for each in BENCHMARKS.values()]
    assert [page for page in pages if not page.is_file()] == []


def test_measures_match_the_committed_results() -> None:
    """Each measure of the registry finds a number, and none stands in the way of another."""
    for name, benchmark in BENCHMARKS.items():
        records = [run.committed(result, quick=False) for result in run.results_of(name)]
        names = [each for record in records if record for each, _ in numbers(record["values"], benchmark.keys)]
        used = {comparison.measure_of(each, benchmark) for each in names}
        assert not any(records) or set(benchmark.measures) <= used, name


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs run.py with two registered benchmarks: one writes what is in `result.json`, one fails."""
    write_scripts(tmp_path)
    made = {
        "made": Benchmark("made", "made", quick=(), measures=(time("us"),)),
        "broken": Benchmark("broken", "broken", minutes=60),
        "needy": Benchmark("needs data", "made", data=("trec_eval",)),
    }
    monkeypatch.setattr(run, "BENCHMARKS", made)
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "committed")
    monkeypatch.delenv("LSR_BENCH_TREC_EVAL", raising=False)

    def call(*arguments: object, us: float = 100) -> tuple[int, str, str]:
        (tmp_path / "result.json").write_text(json.dumps({"us": us}))
        monkeypatch.setattr(sys, "argv", ["run.py", *map(str, arguments)])
        code = run.main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_a_run_is_recorded_and_compared(bench: Any, tmp_path: Path) -> None:
    committed = tmp_path / "committed"
    code, out, _ = bench("run", "--output", committed)
    assert code == 0 and "nothing to compare with: no result before" in out
    record = json.loads((committed / "made.json").read_text())
    assert record["values"] == {"us": 100} and record["settings"] == {} and record["machine"]["cpus"] >= 1
    assert record["commit"] and record["machine"]["packages"]["numpy"] and record["date"].endswith("+00:00")
    new = ("run", "made", "--output", tmp_path / "new")
    code, out, err = bench(*new, us=105)
    assert code == 0 and "Nothing moved" in out and "== made" in err
    code, out, _ = bench(*new, us=150)
    assert code == 0 and "| made: us | 100 | 150 | 1.500 | 10.0% | worse |" in out
    code, out, _ = bench("compare", committed, tmp_path / "new", "--json")
    (found,) = json.loads(out)
    assert code == 0 and found["rows"][0]["verdict"] == "worse" and found["rows"][0]["ratio"] == 1.5


def test_repeats_are_recorded(bench: Any, tmp_path: Path) -> None:
    assert bench("run", "made", "--repeat", "3", "--output", tmp_path / "new")[0] == 0
    assert json.loads((tmp_path / "new" / "made.json").read_text())["repeats"] == [{"us": 100}] * 3


def test_short_runs_are_kept_apart(bench: Any, tmp_path: Path) -> None:
    code, out, _ = bench("run", "--quick", "--output", tmp_path / "new")
    assert code == 0 and out.count("- made:") == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["quick"]
    assert "has no short run" in bench("run", "broken", "--quick")[2]


def test_what_cannot_be_run_is_told(bench: Any, tmp_path: Path) -> None:
    code, out, err = bench("run", "broken", "made", "--output", tmp_path / "new")
    assert code == 1 and "could not be run: broken" in err and "- made:" in out
    code, _, err = bench("run", "--output", tmp_path / "new")
    assert code == 0 and "needy left out: it needs --trec-eval FOLDER" in err and "broken" not in err
    for arguments, message in (
        (("run", "needy"), "needy needs --trec-eval FOLDER"),
        (("run", "nothing"), "no benchmark 'nothing': there are made, broken, needy"),
        (("run", "made", "--repeat", "0"), "--repeat must be at least 1"),
        (("run", "made", "--vectors", tmp_path), "docs.parquet is missing"),
        (("run", "made", "--collections", tmp_path), "neither this folder nor one inside it"),
        (("compare", tmp_path, tmp_path / "none"), "no results found there"),
    ):
        code, out, err = bench(*arguments)
        assert (code, out) == (2, "") and message in err, arguments


def test_list(bench: Any) -> None:
    code, out, _ = bench("list")
    assert code == 0 and "| broken | broken | its own | 60 (slow) |" in out and "- shipped_data.py makes" in out
    assert json.loads(bench("list", "--json")[1])["made"]["slow"] is False
