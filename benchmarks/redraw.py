"""Draws the plots of recorded results again, without measuring anything: after a change of how they look.

    python benchmarks/redraw.py [FOLDER]

FOLDER holds NAME.json as the benchmarks write it; default: benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from engines import APPROXIMATE_K
from scale_report import Growth, SizeResult, save_plots
from script import RESULTS, exit_code
from training_compared import draw

from lsr.core.plotting import SUFFIXES
from lsr.eval.bench.plot import save_plot
from lsr.eval.bench.rows import Row


def redraw(folder: Path) -> None:
    """Draw what the folder has numbers of."""
    if values := _values(folder, "engines"):
        rows = [Row.from_record(each) for each in values["rows"] if each["k"] == APPROXIMATE_K]
        save_plot(rows, [folder / f"engines{suffix}" for suffix in SUFFIXES])
    for name in ("scale", "scale_largest"):
        if values := _values(folder, name):
            save_plots(growth(values), folder, name)
    for title in ("penalties", "teachers"):
        if values := _values(folder, f"training_{title}"):
            draw(title, values, folder)


def growth(record: dict[str, Any]) -> Growth:
    """What `Growth.to_record` was made of."""
    sizes = [
        SizeResult(each["documents"], each["builds"], [Row.from_record(row) for row in each["rows"]], each["notes"])
        for each in record["sizes"]
    ]
    return Growth(record["about"], record["statistics"], sizes)


def _values(folder: Path, name: str) -> Any:
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["values"] if path.exists() else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=RESULTS)
    arguments = parser.parse_args()
    sys.exit(exit_code(lambda: redraw(arguments.folder)))
