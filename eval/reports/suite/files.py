"""The files of a suite's results, beside its runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsr.core.files import atomic_file
from lsr.eval.reports.suite.costs import costs_csv
from lsr.eval.reports.suite.page import page
from lsr.eval.reports.suite.results import SuiteResults
from lsr.eval.reports.suite.tables import csv_rows, latex, markdown


def write_reports(results: SuiteResults, folder: Path) -> list[Path]:
    """Write `results.json`, `times.json`, `report.md` and `.html`, `table.tex` and `.csv`, `costs.csv`: their paths.

    Times are in `times.json`, `costs.csv` and the two reports alone: other files are the same whenever a suite is run.
    """
    made: dict[str, Callable[[], str]] = {
        "times.json": lambda: _json(results.times()),
        "report.md": lambda: markdown(results),
        "report.html": lambda: page(results),
        "table.tex": lambda: latex(results),
        "table.csv": lambda: csv_rows(results),
        "costs.csv": lambda: costs_csv(results),
        "results.json": lambda: _json(results.record),
    }
    paths = [folder / name for name in made]
    for path, make in zip(paths, made.values(), strict=True):
        with atomic_file(path, force=True) as temporary:
            temporary.write_text(make(), encoding="utf-8", newline="")
    return paths


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
