"""Calls of every operation of a collection that fail; benchmarks/live_faults.py takes them all."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="ptrace as on Linux on x86-64"
)
def test_calls_that_fail_cost_nothing_that_was_acknowledged(commands: Path) -> None:
    """Some calls of each operation, in one process."""
    script = [commands / "python", BENCHMARKS / "live_faults.py", "--stride", "397"]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"^\| `([^`]+)` \| [1-9]\d* \| [1-9]\d* \| 0 \|$", done.stdout, re.MULTILINE)
    assert len(found) == 16 and len({*found}) == 16, done.stdout
