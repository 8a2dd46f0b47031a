"""Benchmarks that take no time: one that writes what it is told, and one that fails."""

from __future__ import annotations

from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def write_scripts(folder: Path) -> None:
    """Write made.py, whose values are those in `result.json`, and broken.py to a folder."""
    (folder / "made.py").write_text(
        "import json, sys, pathlib\n"
        f"sys.path.insert(0, {str(BENCHMARKS)!r})\n"
        "from script import Report, main\n"
        "def run(arguments, work):\n"
        f"    yield Report('# Made', json.loads(pathlib.Path({str(folder / 'result.json')!r}).read_text()))\n"
        "sys.exit(main('made', '', lambda parser: None, run))\n"
    )
    (folder / "broken.py").write_text("raise SystemExit(3)\n")
