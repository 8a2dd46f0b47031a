"""What holds of every test: it can fail, and it waits for a state, never for a time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from source_tree import ROOT

# Calls that fail a test by themselves: a process that ran, a comparison of NumPy's or PyTorch's.
FAILING = ("raises", "warns", "fail", "compare", "check_returncode")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> dict[Path, ast.Module]:
    paths = sorted((ROOT / "tests").rglob("*.py"))
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def functions(tree: ast.Module) -> dict[str, list[Function]]:
    found: dict[str, list[Function]] = {}
    for node in ast.walk(tree):
        if isinstance(node, Function):
            found.setdefault(node.name, []).append(node)
    return found


@cache
def helpers() -> dict[str, list[Function]]:
    """All functions of all files of tests, by name: what a test calls may assert for it."""
    found: dict[str, list[Function]] = {}
    for tree in files().values():
        for name, nodes in functions(tree).items():
            if not name.startswith("test_"):
                found.setdefault(name, []).extend(nodes)
    return found


def _may_assert(function: Function) -> tuple[bool, frozenset[str]]:
    """Whether the function asserts something itself, and the functions that it calls, which may do so for it."""
    called = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assert | ast.Raise):
            return True, frozenset()
        if isinstance(node, ast.Call):
            name = _last_name(node.func)
            if name in FAILING or name.startswith(("assert_", "to_", "not_to_")) or _checks_a_process(node):
                return True, frozenset()
            if isinstance(node.func, ast.Name):  # a method of the same name is another one's
                called.add(name)
    return False, frozenset(called)


@cache
def asserting_helpers() -> frozenset[str]:
    """The names of the helpers that assert something, themselves or through others."""
    found = {name: [_may_assert(node) for node in nodes] for name, nodes in helpers().items()}
    asserting: set[str] = set()
    while more := {
        name
        for name, kinds in found.items()
        if name not in asserting and any(itself or called & asserting for itself, called in kinds)
    }:
        asserting |= more
    return frozenset(asserting)


def can_fail(function: Function) -> bool:
    """Whether the function, or one that it calls, asserts anything."""
    itself, called = _may_assert(function)
    return itself or bool(called & asserting_helpers())


def _last_name(called: ast.expr) -> str:
    """`c` of `a.b.c`, and "" of what is not a name."""
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _checks_a_process(call: ast.Call) -> bool:
    """Whether it is `subprocess.run(…, check=True)`."""
    return any(each.arg == "check" and ast.unparse(each.value) == "True" for each in call.keywords)


def all_tests() -> Iterator[tuple[str, Function]]:
    for path, tree in files().items():
        if path.name.startswith("test_"):
            for name, nodes in functions(tree).items():
                if name.startswith("test_"):
                    yield from ((f"{path.relative_to(ROOT)}::{name}", node) for node in nodes)


def test_every_test_can_fail() -> None:
    found = list(all_tests())
    assert len(found) > 500
    assert [name for name, node in found if not can_fail(node)] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("assert x", True),
        ("with pytest.raises(E): f()", True),
        ("np.testing.assert_allclose(a, b)", True),
        ("subprocess.run(c, check=True)", True),
        ("expect(page).to_have_text(x)", True),
        ("f(1)", False),
        ("searcher.all_tests()", False),
        ("subprocess.run(c)", False),
        ("for x in y: print(x)", False),
    ],
)
def test_it_is_seen_what_can_fail(body: str, expected: bool) -> None:
    (function,) = functions(ast.parse(f"def test_x():\n    {body}"))["test_x"]
    assert can_fail(function) == expected


def test_a_sleep_is_only_between_two_looks_at_a_state() -> None:
    """A sleep stands in a loop, so that what follows it does not hang on its length; `sleep(0)` lets others go first.

    Work that takes time, to be overtaken by other work, says so where it sleeps.
    """
    wrong = []
    for path, tree in files().items():
        text = path.read_text(encoding="utf-8")
        if "sleep(" not in text:
            continue
        lines = text.splitlines()
        looped = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.While | ast.For | ast.AsyncFor)
                  for inner in ast.walk(node)}  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep", "asyncio.sleep"):
                alone = id(node) not in looped and ast.unparse(node.args[0]) != "0"
                if alone and "# work that takes time" not in lines[node.lineno - 1]:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


def test_what_is_waited_for_comes_however_busy_a_machine_is() -> None:
    """Threads that are joined, events and queues are waited for `PATIENCE` long, and never for some seconds."""
    threads = "thread|warm_up|watching|closing|waiting"
    wrong = re.compile(rf"\b(?:\w*(?:{threads})\.join|\w\.wait)\([0-9]+\)|\bget\(timeout=[0-9]")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if wrong.search(line) and path != Path(__file__)
    ]
    assert found == []


def test_no_test_fails_because_a_machine_is_busy() -> None:
    """Hypothesis has no deadline for an example."""
    assert hypothesis.settings.default is not None and hypothesis.settings.default.deadline is None
