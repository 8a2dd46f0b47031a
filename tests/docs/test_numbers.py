"""The numbers of README and docs are those that the benchmarks wrote."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from docs_pages import DOCS, ROOT


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    """The script that fills tables in."""
    spec = importlib.util.spec_from_file_location("tables", DOCS / "tools" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_up_to_date(tables: ModuleType) -> None:
    stale = [page.name for page in tables.pages() if tables.filled(page.read_text("utf-8")) != page.read_text("utf-8")]
    assert stale == [], "run: python docs/tools/tables.py"


def test_every_table_is_on_a_page(tables: ModuleType) -> None:
    shown = {
        name for page in tables.pages() for name in re.findall(r"<!-- table: ([\w-]+) -->", page.read_text("utf-8"))
    }
    assert shown == set(tables.TABLES)


def test_a_stale_table_is_found(tables: ModuleType) -> None:
    text = "<!-- table: readme -->\n| 1 |\n<!-- /table -->"
    assert tables.filled(text) == f"<!-- table: readme -->\n{tables.readme()}\n<!-- /table -->"


def test_the_prose_of_the_readme(tables: ModuleType) -> None:
    """Numbers in its sentences, in the order in which they stand there."""
    mean = {row["nDCG@10"]: row["mean"] for row in tables.table("effectiveness", 1)}
    speed = {(row["system"], row["wanted"]): row["mean"] for row in tables.table("engines", 2)}
    expected = [
        f"mean of {mean['lsr-doc-tiny + words']}, and of {mean['lsr-doc-tiny + words + minilm']} fused with dense "
        f"vectors of all-MiniLM-L6-v2, against {mean['BM25']} for BM25",
        f"documents takes {speed['lsr exact', '≥ 0.95']} µs",
        f"of 0.95 it takes {speed['lsr approximate', '≥ 0.95']} µs against Seismic's "
        f"{speed['seismic approximate', '≥ 0.95']} on the same machine",
    ]
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert [sentence for sentence in expected if sentence not in text] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", sorted((DOCS / "numbers").glob("*.md")), ids=lambda page: page.name)
def test_pages_name_scripts_that_are_there(page: Path) -> None:
    scripts = re.findall(r"`benchmarks/([\w/]+\.(?:py|yaml))", page.read_text(encoding="utf-8"))
    assert page.name == "index.md" or scripts
    assert [name for name in scripts if not (ROOT / "benchmarks" / name).exists()] == []
