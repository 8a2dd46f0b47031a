"""The extras of the distribution."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_all_is_all() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    [everything] = extras["all"]
    found = re.fullmatch(r"lsr-engine\[(.*)\]", everything)
    assert found is not None
    # The package of the last puts folders called data and tests beside all others.
    assert set(found[1].split(",")) == extras.keys() - {"all", "dev", "lsr-benchmark"}


def test_every_extra_that_is_advised_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    code = [path for room in ("lsr", "index", "training", "service", "eval") for path in (ROOT / room).rglob("*.py")]
    advised = {
        extra
        for path in [*pages, *code]
        for listed in re.findall(r"(?:lsr-engine|whl|'\.)\[([a-z][a-z,-]*)\]", path.read_text(encoding="utf-8"))
        for extra in listed.split(",")
    }
    assert advised and advised <= extras.keys()


def test_every_extra_is_explained_where_one_installs() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for page in ("README.md", "docs/guide/start.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert {
            extra for extra in extras if extra != "dev" and f"`{extra}`" not in text.replace("[all]", "all")
        } == set(), page
