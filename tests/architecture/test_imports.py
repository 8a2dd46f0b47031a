"""What may import what. The table is quoted by docs/architecture.md; everything else here is held to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict

import pytest
from source_tree import ROOT, circles, floor, imports, is_package, modules, room

GROUND = ("core", "text", "vectors")

# Each floor, and those that it may import: the ones above it in this list, but for what is left out.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "core": (),
    "text": ("core",),
    "vectors": ("core", "text"),
    "encoding": GROUND,
    "index": GROUND,
    "search": (*GROUND, "encoding", "index"),
    "build": (*GROUND, "encoding", "index"),
    "eval": (*GROUND, "encoding", "index", "search", "build"),
    "training": (*GROUND, "encoding", "index", "search", "build", "eval"),
    "service": (*GROUND, "encoding", "index", "search", "collection"),
    "collection": ("core", "text", "vectors", "encoding", "index", "search"),
    "client": (*GROUND, "search", "collection"),
    "assistants": (*GROUND, "index", "search", "client"),
    "integrations": (*GROUND, "encoding", "index", "search", "build", "collection", "client"),
    "exchange": (*GROUND, "index"),
    "demo": ("core",),
    "cli": (
        *(*GROUND, "encoding", "index", "search", "build", "eval", "training"),
        *("service", "collection", "client", "assistants", "exchange", "demo"),
    ),
}

# The same inside `index/`.
INDEX_MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "format": (),
    "kernels": (),
    "filters": ("format",),
    "parts": ("format", "kernels"),
    "engines": ("format", "kernels", "filters", "parts"),
    "live": ("format", "kernels", "filters", "parts", "engines"),
    "fusion": ("format", "kernels", "filters", "parts", "engines", "live"),
    "sharded": ("format", "live"),
    "build": ("format", "kernels", "parts", "engines", "live"),
    "collection": ("format", "filters", "parts", "live", "build"),
}

HEAVY = ("torch", "transformers")


def test_every_floor_is_in_the_table() -> None:
    assert {floor(module) for module in modules() if module != "lsr"} == set(MAY_IMPORT)
    rooms = {module.split(".")[2] for module in modules() if module.startswith("lsr.index.")}
    assert rooms == set(INDEX_MAY_IMPORT)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_floor_imports_only_what_lies_below(name: str) -> None:
    allowed = {name, *MAY_IMPORT[name]}
    wrong = [each for each in imports() if floor(each.source) == name and floor(each.target) not in allowed]
    assert not wrong, f"{name} may import {', '.join(MAY_IMPORT[name]) or 'no other floor'}"


@pytest.mark.parametrize("name", INDEX_MAY_IMPORT)
def test_a_room_of_the_index_imports_only_what_lies_below(name: str) -> None:
    allowed = {name, *INDEX_MAY_IMPORT[name]}
    inside = [
        each for each in imports() if each.source.startswith(f"lsr.index.{name}.") and floor(each.target) == "index"
    ]
    # The face of the whole would be a way around the table.
    wrong = [each for each in inside if each.target == "lsr.index" or each.target.split(".")[2] not in allowed]
    assert inside or not INDEX_MAY_IMPORT[name]
    assert not wrong, f"index/{name} may import {', '.join(INDEX_MAY_IMPORT[name]) or 'no other room'}"


def test_no_file_and_no_room_imports_in_a_circle() -> None:
    files, rooms = defaultdict(set), defaultdict(set)
    for source, target, _ in imports():
        files[source].add(target)
        if room(source) != room(target) and not is_package(target):
            rooms[room(source)].add(room(target))
    assert circles(files) == []
    assert circles(rooms) == []


def test_nothing_below_encoding_loads_torch() -> None:
    """Nor does the index: a server of inference-free queries starts without it."""
    below = [module for module in modules() if module != "lsr" and floor(module) in (*GROUND, "index")]
    assert len(below) > 100
    script = (
        "import importlib, json, sys\n"
        f"for name in {below!r}: importlib.import_module(name)\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_the_page_on_architecture_quotes_the_tables() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for table in (MAY_IMPORT, INDEX_MAY_IMPORT):
        for name, allowed in table.items():
            row = f"| `{name}` | {', '.join(allowed) or '–'} |"
            assert row in page, f"docs/architecture.md lacks the row {row}"
