"""Kernels of many arguments: callers name these, or splat NamedTuples that are held to the kernels' signatures here."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from index_oracle import random_vectors

import lsr
import lsr.index
from lsr.core.documents import Document
from lsr.index import BmpSettings, Index, IndexSettings, SeismicSettings
from lsr.index.engines.choose import DIRECT_SHARE
from lsr.index.fusion.fuse import fuse
from lsr.index.live.memory.segment import MemorySegment
from lsr.index.live.memory.tables import MemorySettings
from lsr.index.live.writes import Put

# Where there are kernels.
ROOTS = {package.__name__: Path(package.__file__ or "").parent for package in (lsr, lsr.index)}
# Kernels of at most so many arguments are called by position.
FEW = 8


class Kernel(NamedTuple):
    """A kernel of many arguments."""

    module: Any
    parameters: tuple[str, ...]


class CallOfKernel(NamedTuple):
    """A place where one is called."""

    name: str
    by_kernel: bool
    node: ast.Call
    place: str


def sources() -> dict[str, str]:
    """The source of the index and of what lies below it, by module."""
    return {
        ".".join((package, *path.relative_to(root).with_suffix("").parts)): path.read_text("utf-8")
        for package, root in ROOTS.items()
        for path in sorted(root.rglob("*.py"))
    }


def is_kernel(function: ast.FunctionDef) -> bool:
    decorators = [each.func if isinstance(each, ast.Call) else each for each in function.decorator_list]
    return any(isinstance(each, ast.Name) and each.id == "kernel" for each in decorators)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(SOURCES[module])


# Every worker reads this file before its first test: only what can hold a kernel or a call of one is parsed.
SOURCES = sources()
KERNELS = {
    function.name: Kernel(importlib.import_module(module), tuple(each.arg for each in function.args.args))
    for module, source in SOURCES.items()
    if "@kernel" in source
    for function in functions(tree(module))
    if is_kernel(function) and len(function.args.args) > FEW
}


def name_of(called: ast.expr) -> str:
    """Of a function, `kernel` or `module.kernel`; "" for what is neither, as NumPy's own methods are."""
    if isinstance(called, ast.Attribute):
        return "" if ast.unparse(called).startswith("np.") else called.attr
    return called.id if isinstance(called, ast.Name) else ""


def calls() -> Iterator[CallOfKernel]:
    called = re.compile(rf"\b({'|'.join(KERNELS)})\(")
    for module in (module for module, source in SOURCES.items() if called.search(source)):
        for function in functions(tree(module)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and (name := name_of(node.func)) in KERNELS:
                    yield CallOfKernel(name, is_kernel(function), node, f"{module}:{node.lineno}")


CALLS = list(calls())
FROM_PYTHON = sorted({call.name for call in CALLS if not call.by_kernel})


def test_the_kernels_are_found() -> None:
    assert {"search_blocks", "search_bmp", "search_seismic", "fuse_rankings", "build_blocks"} <= set(FROM_PYTHON)
    assert {call.name for call in CALLS} == set(KERNELS)


def groups(name: str) -> tuple[Any, ...]:
    """The NamedTuples that callers of a kernel splat before the arguments that they name."""
    found = getattr(KERNELS[name].module, f"{name.upper()}_GROUPS", ())
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("name", FROM_PYTHON)
def test_groups_are_the_first_parameters_in_order(name: str) -> None:
    fields = [field for group in groups(name) for field in group._fields]
    assert fields == list(KERNELS[name].parameters[: len(fields)])


@pytest.mark.parametrize("call", [call for call in CALLS if not call.by_kernel], ids=lambda call: call.place)
def test_python_names_the_arguments(call: CallOfKernel) -> None:
    """All but the groups', which are splatted."""
    assert all(isinstance(each, ast.Starred) for each in call.node.args)
    assert len(call.node.args) == len(groups(call.name))
    grouped = sum(len(group._fields) for group in groups(call.name))
    assert {each.arg for each in call.node.keywords} == set(KERNELS[call.name].parameters[grouped:])


@pytest.mark.parametrize("call", [call for call in CALLS if call.by_kernel], ids=lambda call: call.place)
def test_kernels_pass_on_what_has_a_parameters_name_as_that_parameter(call: CallOfKernel) -> None:
    parameters = KERNELS[call.name].parameters
    assert len(call.node.args) == len(parameters) and not call.node.keywords
    for given, parameter in zip(call.node.args, parameters, strict=True):
        name = given.value if isinstance(given, ast.Subscript) else given
        if isinstance(name, ast.Name) and name.id in parameters:
            assert name.id == parameter, f"{call.place} hands {name.id} over as {parameter}"


def test_what_is_splatted_is_the_groups_in_order(build: Callable[..., Index], monkeypatch: pytest.MonkeyPatch) -> None:
    index = build(
        random_vectors(DIRECT_SHARE, 60), settings=IndexSettings(seismic=SeismicSettings(), bmp=BmpSettings())
    )
    # Numba goes through the tuples of several segments itself, once.
    twice = Index(index.path, index.manifest, index.segments * 2)
    twice.search([3], [1.0], 1)
    splatted: list[type] = []
    seen: dict[str, tuple[type, ...]] = {}

    def recorded(name: str, kernel: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            seen[name] = tuple(splatted)
            splatted.clear()
            return kernel(*arguments, **named)

        return call

    def unpack(group: Any) -> Iterator[Any]:
        splatted.append(type(group))
        return tuple.__iter__(group)

    expected = {name: groups(name) for name in FROM_PYTHON if groups(name)}
    for group in {group for each in expected.values() for group in each}:
        monkeypatch.setattr(group, "__iter__", unpack)
    for call in CALLS:
        if call.name in expected and not call.by_kernel:
            caller = importlib.import_module(call.place.partition(":")[0])
            kernel = getattr(KERNELS[call.name].module, call.name)
            monkeypatch.setattr(caller, call.name, recorded(call.name, kernel))
    terms, weights = [3, 5, 41], [1.0, 0.5, 2.0]
    for mode in index.sparse.modes:
        index.search(terms, weights, 7, mode=mode)
    twice.search(terms, weights, 7)
    hits = index.search(terms, weights, 7, allow=np.arange(DIRECT_SHARE) == 5)
    index.sparse.scores(terms, weights, [1, 2])
    fuse(index, (hits.rows, hits.scores), (hits.rows, hits.scores), (0.5, 0.5), None)
    memory = MemorySegment(MemorySettings(60, 0.1))
    memory.apply([Put(Document("a", ""), np.array([3], np.uint32), np.ones(1, np.float32))])
    state = memory.state
    rows, _ = state.search(state.prepare(np.array([3], np.uint32), np.ones(1, np.float32)), 1)
    assert rows.tolist() == [0]
    assert seen == expected
