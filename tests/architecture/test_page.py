"""docs/architecture.md names files and folders: those that are there."""

from __future__ import annotations

import re

import pytest
from source_tree import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:lsr|index|training|service|eval|tests|docs|benchmarks)/[\w./-]*)`", PAGE)))


def test_the_page_names_files() -> None:
    assert len(PATHS) > 40


@pytest.mark.parametrize("path", PATHS)
def test_a_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_room_is_named() -> None:
    rooms = {
        path.parent.relative_to(ROOT).as_posix()
        for folder in ("lsr", "index", "training", "service", "eval")
        for path in (ROOT / folder).glob("*/__init__.py")
    }
    assert sorted(room for room in rooms if f"`{room}/" not in PAGE) == []
