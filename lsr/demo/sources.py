"""Docstrings read from the sources of the standard library, without importing any module.

Importing every module of the standard library opens a browser (antigravity), prints (this), starts toolkits and warns;
`ast` reads the same docstrings from the files. What importing would have shown directly, the name under which a
definition is public, is worked out here: re-exports by a package (`asyncio.runners.run` is `asyncio.run`), modules that
implement another one (`_collections_abc` is `collections.abc`), methods of private base classes, and module functions
that are methods of a hidden instance (`random.randint`).
"""

from __future__ import annotations

import ast
import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# The public name of modules that only implement another one.
HOMES = {
    "_collections_abc": "collections.abc",
    "_pydatetime": "datetime",
    "_pydecimal": "decimal",
    "_pyio": "io",
    "_threading_local": "threading",
    "_weakrefset": "weakref",
    "genericpath": "os.path",
    os.path.__name__: "os.path",
}
# Definitions made public at run time: a class, and one whose methods become functions of a module.
KNOWN_AS = {
    "concurrent.futures.process.ProcessPoolExecutor": "concurrent.futures.ProcessPoolExecutor",
    "concurrent.futures.thread.ThreadPoolExecutor": "concurrent.futures.ThreadPoolExecutor",
    "getpass.unix_getpass": "getpass.getpass",
    "multiprocessing.process.BaseProcess": "multiprocessing.Process",
    "pathlib._abc.PathBase": "pathlib.Path",  # in Python 3.13
    "pathlib._abc.PurePathBase": "pathlib.PurePath",
}
FUNCTION_HOMES = {"multiprocessing.context.BaseContext": "multiprocessing"}

# Not documentation that anyone looks up, or packaged separately from Python by some systems.
# fmt: off
SKIPPED = {
    "__main__", "__phello__", "antigravity", "distutils", "encodings", "ensurepip", "idlelib", "lib2to3", "ntpath",
    "posixpath", "pydoc_data", "sre_compile", "sre_constants", "sre_parse", "test", "tests", "this", "tkinter",
    "turtle", "turtledemo",
} - set(HOMES)
# fmt: on

LONGEST_SIGNATURE = 100  # characters; a longer one says less than "..."


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented name: `kind` is module, class, function, method or property; `module` where it is public."""

    name: str
    kind: str
    module: str
    doc: str
    signature: str | None = None


@dataclass(slots=True)
class Module:
    """What one source file defines at its top level, and what it imports from others."""

    name: str
    is_package: bool
    doc: str
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imports: list[tuple[str, str, str]] = field(default_factory=list)  # module, name there (or "*"), name here
    instances: dict[str, str] = field(default_factory=dict)  # variable -> class
    bound: dict[str, tuple[str, str]] = field(default_factory=dict)  # function -> (variable, method)
    exported: list[str] | None = None  # __all__

    def star(self) -> Iterable[str]:
        """The names that `from module import *` takes."""
        if self.exported is not None:
            return self.exported
        return (name for name in (*self.functions, *self.classes) if not name.startswith("_"))


def source_entries(
    library: Path, progress: Callable[[int], None] | None = None, only: Iterable[str] | None = None
) -> Iterator[Entry]:
    """The documented names in the sources under `library`, each under its public name, in no particular order.

    With `only`, just the sources of these modules and of their packages are read.
    """
    modules: dict[str, Module] = {}
    for path in source_files(library, only):
        module = read_module(path, library)
        if module is not None:
            modules[module.name] = module
        if progress:
            progress(1)
    names = public_names(modules)
    for module in modules.values():
        yield from module_entries(module, names)


def source_files(library: Path, only: Iterable[str] | None = None) -> list[Path]:
    """The .py files of the public modules of the standard library and of those private ones that implement them."""
    found: list[Path] = []
    tops = sys.stdlib_module_names - SKIPPED
    if only is not None:
        wanted = set(only)
        tops &= {name.partition(".")[0] for name in wanted} | {part for part, home in HOMES.items() if home in wanted}
    for top in sorted(tops):
        if (library / f"{top}.py").is_file():
            found.append(library / f"{top}.py")
        elif (library / top).is_dir():
            inside = sorted((library / top).rglob("*.py"))
            found += [path for path in inside if SKIPPED.isdisjoint(path.relative_to(library).with_suffix("").parts)]
    return found


def read_module(path: Path, library: Path) -> Module | None:
    """What the file defines, or None if it cannot be read as Python."""
    parts = path.relative_to(library).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the library's sources
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    module = Module(".".join(parts[:-1] if is_package else parts), is_package, ast.get_docstring(tree) or "")
    for node in top_level(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            module.functions.setdefault(node.name, node)
        elif isinstance(node, ast.ClassDef):
            module.classes.setdefault(node.name, node)
        elif isinstance(node, ast.ImportFrom):
            source = imported_from(node, module)
            module.imports += [(source, name.name, name.asname or name.name) for name in node.names]
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            read_assignment(module, node.targets[0].id, node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            read_assignment(module, node.target.id, node.value)
    return module


def top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run on import, including those under if and try."""
    for node in body:
        if isinstance(node, ast.If):
            yield from top_level(node.body + node.orelse)
        elif isinstance(node, ast.Try):
            yield from top_level(node.body + [step for handler in node.handlers for step in handler.body] + node.orelse)
        else:
            yield node


def imported_from(node: ast.ImportFrom, module: Module) -> str:
    """The absolute name of the module that a `from … import` names."""
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    package = package[: len(package) - node.level + module.is_package]
    return ".".join([*package, node.module] if node.module else package)


def read_assignment(module: Module, name: str, value: ast.expr) -> None:
    if name == "__all__":
        with contextlib.suppress(ValueError):  # one built from the lists of other modules
            module.exported = [*(module.exported or ()), *ast.literal_eval(value)]
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        module.instances[name] = value.func.id
    elif isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        module.bound[name] = (value.value.id, value.attr)


def public_names(modules: dict[str, Module]) -> dict[str, str]:
    """Qualified name of a definition -> its shortest public name; definitions that are not public are left out."""
    names: dict[str, str] = {}

    def offer(definition: str, public: str) -> None:
        if is_public(public):
            names[definition] = min(names.get(definition, public), public, key=lambda n: (n.count("."), n))

    for module in modules.values():
        for name in (*module.functions, *module.classes):
            offer(f"{module.name}.{name}", f"{HOMES.get(module.name, module.name)}.{name}")
        for source, name, here in module.imports:
            inside = module.is_package and source.startswith(f"{module.name}.")
            private = source.rpartition(".")[2].startswith("_") and source not in HOMES
            if source in modules and (inside or private):
                for each in modules[source].star() if name == "*" else [name]:
                    offer(f"{source}.{each}", f"{module.name}.{each if name == '*' else here}")
        for name, (variable, method) in module.bound.items():
            owner = module.instances.get(variable)
            if owner in module.classes:
                offer(f"{module.name}.{owner}.{method}", f"{module.name}.{name}")
    return names | KNOWN_AS


def is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


def module_entries(module: Module, names: dict[str, str]) -> Iterator[Entry]:
    home = HOMES.get(module.name, module.name)
    if is_public(module.name) and (home == module.name or module.name == os.path.__name__):
        yield Entry(home, "module", home, module.doc)
    for name, function in module.functions.items():
        public = names.get(f"{module.name}.{name}")
        if public:
            yield Entry(public, "function", parent(public), docstring(function), signature_of(function))
    for name, node in module.classes.items():
        owner = names.get(f"{module.name}.{name}")
        if owner:
            init = constructor(node)
            doc = docstring(node) or (docstring(init) if init else "")
            yield Entry(owner, "class", parent(owner), doc, signature_of(init, bound=True) if init else None)
        else:
            heir = public_subclass(module, name)
            owner = heir and names.get(f"{module.name}.{heir}")
        if owner:
            yield from method_entries(f"{module.name}.{name}", node, owner, names)


def method_entries(qualified: str, node: ast.ClassDef, owner: str, names: dict[str, str]) -> Iterator[Entry]:
    """The public methods and properties of a class that is known as `owner`."""
    for method in top_level(node.body):
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name.startswith("_"):
            continue
        marks = [ast.unparse(mark) for mark in method.decorator_list]
        if any(mark.endswith((".setter", ".deleter")) for mark in marks):
            continue
        public = names.get(f"{qualified}.{method.name}")
        if qualified in FUNCTION_HOMES:
            public = f"{FUNCTION_HOMES[qualified]}.{method.name}"
        doc = docstring(method)
        if public:
            yield Entry(public, "function", parent(public), doc, signature_of(method, bound=True))
        elif any("property" in mark for mark in marks):
            yield Entry(f"{owner}.{method.name}", "property", parent(owner), doc)
        else:
            yield Entry(f"{owner}.{method.name}", "method", parent(owner), doc, signature_of(method, bound=True))


def parent(name: str) -> str:
    return name.rpartition(".")[0]


def docstring(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    return ast.get_docstring(node) or ""


def public_subclass(module: Module, base: str) -> str | None:
    """The first public class of the module that inherits from a private one, at whatever depth."""
    for name, node in module.classes.items():
        if any(isinstance(parent, ast.Name) and parent.id == base for parent in node.bases):
            heir = public_subclass(module, name) if name.startswith("_") else name
            if heir:
                return heir
    return None


def constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    return next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)


def signature_of(function: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool = False) -> str:
    """The parameters in brackets, as a caller writes them: no annotations, no self."""
    parameters = function.args
    static = any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in function.decorator_list)
    positional = [*parameters.posonlyargs, *parameters.args]
    if positional and ((bound and not static) or positional[0].arg in ("self", "cls")):
        del positional[0]
    defaults = parameters.defaults[-len(positional) :] if positional else []
    plain = len(positional) - len(defaults)
    words = [word.arg for word in positional[:plain]]
    words += [f"{word.arg}={ast.unparse(value)}" for word, value in zip(positional[plain:], defaults, strict=True)]
    if parameters.vararg:
        words.append(f"*{parameters.vararg.arg}")
    elif parameters.kwonlyargs:
        words.append("*")
    for word, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        words.append(word.arg if default is None else f"{word.arg}={ast.unparse(default)}")
    if parameters.kwarg:
        words.append(f"**{parameters.kwarg.arg}")
    signature = ", ".join(words)
    return f"({signature})" if len(signature) <= LONGEST_SIGNATURE else "(...)"
