"""The source as a graph: its modules, the rooms they lie in, and what each imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FOLDERS = {"lsr": "lsr", **{f"lsr.{name}": name for name in ("index", "training", "service", "eval")}}
"""The folders at the top of the repository, by the package that each is."""


class Import(NamedTuple):
    """One import, wherever in the file it stands: at its top, in a function, or for type checkers only."""

    source: str
    target: str
    line: int


@cache
def modules() -> dict[str, Path]:
    """Every module of the project, and its file."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            names = [package, *path.relative_to(ROOT / folder).with_suffix("").parts]
            found[".".join(names).removesuffix(".__init__")] = path
    return found


def is_package(module: str) -> bool:
    """Whether it is a folder's `__init__.py`: the public face of a room, which resolves names when they are used."""
    return modules()[module].name == "__init__.py"


@cache
def imports() -> tuple[Import, ...]:
    """All imports of one module of the project by another, packages' faces left out as sources."""
    return tuple(each for module in modules() if not is_package(module) for each in _imports_of(module))


def _imports_of(module: str) -> Iterator[Import]:
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                target = full if full in modules() else node.module
                if target in modules() and target != "lsr":
                    yield Import(module, target, node.lineno)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in modules() and alias.name != "lsr":
                    yield Import(module, alias.name, node.lineno)


def floor(module: str) -> str:
    """The name of the folder that the table of imports goes by: "core" … "cli", "index", "eval", "training", …"""
    return module.split(".")[1]


def room(module: str) -> str:
    """The folder of a module, at most two below `lsr`; a loose file of "index", "training", … is a room of its own."""
    names = module.split(".")[1:]
    return ".".join(names[:2]) if f"lsr.{names[0]}" in FOLDERS else names[0]


def circles(graph: Mapping[str, Set[str]]) -> list[list[str]]:
    """The sets of nodes that reach each other (Tarjan's strongly connected components of two nodes and more)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            members = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(members) > 1:
                found.append(sorted(members))

    for node in graph:
        if node not in number:
            visit(node)
    return found
