"""The wheel holds the packages of the tree, whoever adds a folder."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
import setuptools
from source_tree import FOLDERS, ROOT, is_package, modules


def test_the_packages_of_the_wheel_are_those_of_the_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **settings: given.update(settings))
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    assert sorted(given["packages"]) == sorted(module for module in modules() if is_package(module))
    assert given["package_dir"] == FOLDERS


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for path in modules().values()}
    assert {path.parent for name, path in modules().items() if is_package(name)} == folders


def test_no_file_is_longer_than_400_lines() -> None:
    long = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}
