"""Every fuzz target, for a few cases: what long runs of `benchmarks/fuzz` do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fuzz.frame import REFUSED, run
from fuzz.registry import TARGETS

CASES = 50


@pytest.mark.process
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_refused_or_read_and_nothing_else(commands: Path, name: str) -> None:
    outcome = run(name, CASES, seed=1, python=commands / "python")
    assert outcome.failures == {}
    assert sum(outcome.counts.values()) == CASES
    assert outcome.counts[REFUSED] > 0
