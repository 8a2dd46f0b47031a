"""The order of tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from order import FOLDERS, place


def test_every_folder_of_tests_has_its_place() -> None:
    here = {path.relative_to(Path(__file__).parent).parts[0] for path in Path(__file__).parent.glob("*/**/test_*.py")}
    assert here == set(FOLDERS)


def test_folders_go_before_loose_files_and_those_of_kernels_before_the_others(request: pytest.FixtureRequest) -> None:
    assert place(("index", "test_a.py")) < place(("training", "run", "test_b.py")) < place(("test_c.py",))
    places = [place(item.path.relative_to(Path(__file__).parent).parts) for item in request.session.items]
    assert places == sorted(places)
