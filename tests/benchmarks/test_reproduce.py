"""What is said of committed numbers: came out again, or not, or was not run."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_scripts import write_scripts

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import run
from registry import Benchmark, fact, quality, time
from reproduce import judged, markdown, not_run

BENCHMARK = Benchmark("made", "made", page="made.md", measures=(time("us"), quality("ndcg"), fact("terms")))
MACHINE = {"processor": "Abacus", "cpus": 2, "memory_gib": 8.0}


def record(us: float = 100, ndcg: float = 0.5, terms: float = 7, **changes: Any) -> Any:
    values = {"us": us, "ndcg": ndcg, "terms": terms}
    return {"settings": {}, "machine": MACHINE, "values": {k: v for k, v in values.items() if v}} | changes


@pytest.mark.parametrize(
    ("after", "statuses", "failed"),
    [
        ({}, ("reproduced", "reproduced", "reproduced"), False),
        ({"us": 109}, ("reproduced", "reproduced", "reproduced"), False),
        ({"us": 112}, ("differs", "reproduced", "reproduced"), True),
        ({"us": 50}, ("reproduced", "reproduced", "reproduced"), False),  # twice as fast is no failure
        ({"ndcg": 0.51}, ("reproduced", "differs", "reproduced"), True),  # a better nDCG is another one
        ({"ndcg": 0.5001}, ("reproduced", "reproduced", "reproduced"), False),
        ({"terms": 8}, ("reproduced", "reproduced", "differs"), True),
        ({"terms": 0}, ("reproduced", "reproduced", "gone"), True),
    ],
)
def test_each_number(after: dict[str, float], statuses: tuple[str, ...], failed: bool) -> None:
    found = judged("made", BENCHMARK, record(), record(**after))
    assert tuple(number.status for number in found.numbers) == statuses and found.failed == failed


def test_another_machine_reproduces_no_time_and_every_nDCG() -> None:
    other = {**MACHINE, "processor": "Pascaline"}
    found = judged("made", BENCHMARK, record(), record(us=500, machine=other))
    assert [number.status for number in found.numbers] == [
        "not judged",
        "reproduced",
        "reproduced",
    ] and not found.failed
    assert judged("made", BENCHMARK, record(), record(ndcg=0.4, machine=other)).failed
    text = markdown([found], [])
    assert "committed on 2 × Abacus with 8.0 GiB, here on 2 × Pascaline with 8.0 GiB" in text


def test_other_data_is_never_reproduced() -> None:
    found = judged("made", BENCHMARK, record(settings={"folder": "scifact"}), record(settings={"folder": "demo"}))
    assert [number.status for number in found.numbers] == ["not run"] * 3 and not found.failed
    assert "settings or data differ: folder: demo, not scifact" in found.why


def test_what_was_not_run_says_why() -> None:
    found = not_run("made", BENCHMARK, record(), "it needs --vectors FOLDER")
    assert next((number.before, number.after, number.status) for number in found.numbers) == (100, None, "not run")
    assert markdown([found], []).splitlines() == [
        "- made (made.md): 3 not run. it needs --vectors FOLDER.",
        "",
        "Numbers: 3 not run.",
    ]
    assert not_run("new", BENCHMARK, None, "").why == "no result of it is committed"


def test_by_how_much() -> None:
    found = judged("made", BENCHMARK, record(), record(us=150, ndcg=0.4))
    assert [number.difference for number in found.numbers] == [pytest.approx(0.5), pytest.approx(-0.2), 0.0]
    assert "| made: us | 100 | 150 | +50.00% | differs |" in markdown([found], [])
    assert found.to_record()["numbers"][1]["difference"] == pytest.approx(-0.2)


@pytest.fixture
def reproduce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`run.py reproduce` with a benchmark that writes what it is told, one that fails, and two that are not run."""
    write_scripts(tmp_path)
    measures = (quality("ndcg"),)
    made = {
        "made": Benchmark("made", "made", measures=measures),
        "long": Benchmark("takes hours", "broken", minutes=60, measures=measures),
        "needy": Benchmark("needs data", "made", data=("trec_eval",), measures=measures),
    }
    monkeypatch.setattr(run, "BENCHMARKS", made)
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "committed")
    monkeypatch.setattr(run, "stale_tables", list)
    monkeypatch.delenv("LSR_BENCH_TREC_EVAL", raising=False)
    (tmp_path / "committed").mkdir()

    def call(*arguments: object, ndcg: float = 0.5) -> tuple[int, str, str]:
        (tmp_path / "result.json").write_text(json.dumps({"ndcg": ndcg}))
        monkeypatch.setattr(
            sys, "argv", ["run.py", "reproduce", "--output", str(tmp_path / "new"), *map(str, arguments)]
        )
        code = run.main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    for name in made:
        committed = {"settings": {}, "machine": MACHINE, "values": {"ndcg": 0.5}}
        (tmp_path / "committed" / f"{name}.json").write_text(json.dumps(committed))
    return call


def test_the_exit_code_says_whether_all_came_out_again(reproduce: Any) -> None:
    code, out, err = reproduce()
    assert code == 0 and "- made (): 1 reproduced" in out and "Numbers: 1 reproduced, 2 not run." in out
    assert "- long (): 1 not run. it takes about 60 minutes: name it to run it." in out
    assert "- needy (): 1 not run. it needs --trec-eval FOLDER." in out
    code, out, err = reproduce(ndcg=0.4)
    assert code == 1 and "| made: ndcg | 0.5 | 0.4 | -20.00% | differs |" in out
    assert "did not come out again: made" in err


def test_a_short_run_is_held_to_the_whole_one_where_it_is_the_same(
    reproduce: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = Benchmark("made", "made", quick=(), measures=(quality("ndcg"),))
    monkeypatch.setattr(run, "BENCHMARKS", {"made": same})
    code, out, _ = reproduce("--quick")
    assert code == 0 and "- made (): 1 reproduced" in out
    assert reproduce("--quick", ndcg=0.4)[0] == 1
    monkeypatch.setattr(run, "BENCHMARKS", {"made": replace(same, quick=("--few",))})
    assert run.committed("made", True) is None and run.committed("made", False) is not None
    (tmp_path / "committed" / "quick").mkdir()
    (tmp_path / "committed" / "quick" / "made.json").write_text(json.dumps({"values": {"ndcg": 0.1}}))
    assert run.committed("made", True) == {"values": {"ndcg": 0.1}}


def test_a_script_that_fails_reproduces_nothing(reproduce: Any) -> None:
    code, out, err = reproduce("--only", "long")
    assert code == 1 and "1 not run. its script ended with an error." in out and "again: long" in err


def test_the_list_runs_nothing(reproduce: Any, tmp_path: Path) -> None:
    code, out, _ = reproduce("--list", "--json")
    found = {each["result"]: each["why"] for each in json.loads(out)["results"]}
    assert code == 0 and not (tmp_path / "new").exists()
    assert found["made"] == "it can be run, in about 5 minutes" and found["needy"] == "it needs --trec-eval FOLDER"


def test_tables_that_are_out_of_date_are_a_failure(reproduce: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "stale_tables", lambda: ["docs/numbers/scale.md"])
    code, out, _ = reproduce()
    assert code == 1 and "- docs/numbers/scale.md: its tables are not what the committed results say" in out
    assert reproduce("--only", "made")[0] == 0  # of a part, tables are not looked at


def test_a_benchmark_that_there_is_not(reproduce: Any) -> None:
    code, out, err = reproduce("--only", "mad")
    assert (code, out) == (2, "") and "no benchmark 'mad'" in err
