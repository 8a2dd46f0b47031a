"""The examples under docs/examples run and print what they promise."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from docs_pages import DOCS
from patience import PATIENCE

pytestmark = [pytest.mark.process, pytest.mark.slow]

PRINTED = {
    "adapt.py": "the adapted model reads:",
    "evaluate_and_plot.py": "drawn in",
    "hybrid.py": "with feedback:",
    "index_and_search.py": "why that one:",
    "serve_and_call.py": "422 Invalid request",
    "train_small_model.py": "model:",
}
"""Of the last line that each prints, how it begins."""


def test_every_example_is_here() -> None:
    assert sorted(path.name for path in (DOCS / "examples").glob("*.py")) == sorted(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_example(name: str, commands: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [commands / "python", DOCS / "examples" / name],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.rstrip().splitlines()[-1]
    assert last.startswith(PRINTED[name]), done.stdout
