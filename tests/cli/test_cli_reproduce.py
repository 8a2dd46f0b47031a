"""`lsr reproduce`: what it hands to the benchmarks of a checkout, and what it says without one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from lsr.cli import reproduce
from lsr.cli.root import app


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that would be run, which ends with 1."""
    given: list[str] = []

    def called(arguments: list[str]) -> Any:
        given[:] = arguments[1:]
        return SimpleNamespace(returncode=1)

    monkeypatch.setattr(subprocess, "run", called)
    return given


def test_options_are_handed_on_and_the_exit_code_back(command: list[str]) -> None:
    done = CliRunner().invoke(
        app, ["reproduce", "--only", "filters", "--only", "engines", "--vectors", "v", "--quick", "--json", "-o", "new"]
    )
    assert done.exit_code == 1
    script, *rest = command
    assert Path(script).is_file()
    assert rest == [
        *("reproduce", "--output", "new", "--only", "filters", "engines", "--vectors", "v"),
        *("--quick", "--json"),
    ]


def test_without_the_source_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reproduce, "benchmarks", lambda: tmp_path / "benchmarks")
    done = CliRunner().invoke(app, ["reproduce"])
    assert done.exit_code == 2 and "which the installed package does not have" in " ".join(done.stderr.split())
