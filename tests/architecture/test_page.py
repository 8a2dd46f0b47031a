"""docs/architecture.md names files and folders: those that are there."""

from __future__ import annotations

import ast
import re

import pytest
from source_tree import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:lsr|index|training|service|eval|tests|docs|benchmarks)/[\w./-]*)`", PAGE)))

REGISTRIES = sorted(set(re.findall(r"`([A-Z_]+)` in `([\w./-]+\.py)`", PAGE)))


def test_the_page_names_files() -> None:
    assert len(PATHS) > 40


@pytest.mark.parametrize("path", PATHS)
def test_a_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("name", "path"), REGISTRIES)
def test_a_registry_is_a_dict_in_the_file_that_the_page_names(name: str, path: str) -> None:
    assigned = {
        target.id: node.value
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign)
    }
    assert isinstance(assigned.get(name), ast.Dict | ast.DictComp)


def test_the_page_names_registries() -> None:
    assert len(REGISTRIES) > 9


def test_every_room_is_named() -> None:
    rooms = {
        path.parent.relative_to(ROOT).as_posix()
        for folder in ("lsr", "index", "training", "service", "eval")
        for path in (ROOT / folder).glob("*/__init__.py")
    }
    assert sorted(room for room in rooms if f"`{room}/" not in PAGE) == []
