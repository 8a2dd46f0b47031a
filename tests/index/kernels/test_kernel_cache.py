"""Where compiled kernels are kept, and when they are compiled anew."""

from __future__ import annotations

import ast
import importlib
import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import pytest
import typer
from filelock import FileLock

import lsr.index.kernels
from lsr.cli import warmup
from lsr.core import jit

CALLEE = "from lsr.core.jit import kernel\n@kernel\ndef add(x):\n    return x + {}\n"
CALLER = (
    "from lsr.core.jit import kernel\nfrom lsr.index.kernels.made_callee import add\n"
    "@kernel\ndef twice(x):\n    return 2 * add(x)\n"
)


class Kernels:
    """Two kernel files in a folder of their own, one calling the other; each `run` is like one of a new process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.change(1)
        (folder / "made_caller.py").write_text(CALLER)

    def change(self, added: int) -> None:
        """Change the callee, and nothing about the caller."""
        (self.folder / "made_callee.py").write_text(CALLEE.format(added))

    def load(self) -> ModuleType:
        for name in ("made_callee", "made_caller"):
            sys.modules.pop(f"lsr.index.kernels.{name}", None)
        jit.fingerprint.cache_clear()
        jit._unkept.clear()
        importlib.invalidate_caches()
        return importlib.import_module("lsr.index.kernels.made_caller")

    def run(self) -> tuple[int, list[str]]:
        """twice(5), and what had to be compiled for it."""
        with jit.compilations() as compiled:
            return self.load().twice(5), sorted(compiled)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LSR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kernels"


@pytest.fixture
def kernels(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "source"
    folder.mkdir()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(lsr.index.kernels, "__path__", [str(folder), *lsr.index.kernels.__path__])
    monkeypatch.setattr(jit, "_unkept", [])
    yield Kernels(folder)
    for name in ("made_callee", "made_caller"):
        sys.modules.pop(f"lsr.index.kernels.{name}", None)
    jit.fingerprint.cache_clear()


# -- where -----------------------------------------------------------------------------------------------------------


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LSR_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    assert jit.cache_folder() == Path("/home/ada/.cache/lsr/kernels")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/ada")
    assert jit.cache_folder() == Path("/var/ada/lsr/kernels")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert jit.cache_folder() == Path("/home/ada/Library/Caches/lsr/kernels")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert jit.cache_folder() == Path("/local/lsr/kernels")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "/numba")
    assert jit.cache_folder() == Path("/numba/lsr/kernels")
    monkeypatch.setenv("LSR_CACHE_DIR", "chosen")
    monkeypatch.chdir(tmp_path)
    assert jit.cache_folder() == tmp_path / "chosen" / "kernels"


def test_kernels_are_kept_there_and_loaded_again(kernels: Kernels, cache: Path) -> None:
    assert kernels.run() == (12, ["add", "twice"])
    names = {path.name.split("-")[0] for path in cache.iterdir()}
    assert names == {"index.kernels.made_callee", "index.kernels.made_caller"}
    assert kernels.run() == (12, [])
    assert sorted(path.name for path in kernels.folder.iterdir()) == ["made_callee.py", "made_caller.py"]


def test_of_several_processes_one_compiles(kernels: Kernels, cache: Path) -> None:
    code = (
        "import sys, lsr.index.kernels; lsr.index.kernels.__path__.insert(0, sys.argv[1])\n"
        "from lsr.core import jit; from lsr.index.kernels.made_caller import twice\n"
        "with jit.compilations() as compiled:\n    print('ready', flush=True); input(); assert twice(5) == 12\n"
        "print(*compiled)"
    )
    command = [sys.executable, "-B", "-c", code, str(kernels.folder)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in both]
    assert sorted(" ".join(said).split()) == ["add", "twice"]


def test_who_compiles_for_too_long_is_not_waited_for(
    kernels: Kernels, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.run()
    for kept in cache.rglob("*.nb?"):
        kept.unlink()
    monkeypatch.setattr(jit, "_COMPILED_WITHIN", 0)
    with ExitStack() as others:
        for lock in cache.glob("*/.?*.lock"):
            others.enter_context(FileLock(lock))
        assert kernels.run() == (12, ["add", "twice"])
    assert kernels.run() == (12, [])


def test_who_failed_to_compile_does_not_wait_for_itself(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, lock = [], jit._KernelCache._lock
    monkeypatch.setattr(
        jit._KernelCache, "_lock", lambda self, sig: locked.append(f"{self._py_func.__name__}{sig}") or lock(self, sig)
    )
    twice = kernels.load().twice
    for _ in range(2):
        with pytest.raises(numba.core.errors.TypingError):
            twice(None)
    assert len(locked) == len(set(locked)) > 0


def test_other_packages_keep_their_cache_where_it_was(kernels: Kernels) -> None:
    py_func = kernels.load().twice.py_func
    assert numba.njit(cache=True)(py_func).stats.cache_path == str(kernels.folder / "__pycache__")


@pytest.mark.parametrize("environment", [{"LSR_CACHE_DIR": "file"}, {"NUMBA_CACHE_DIR": "file"}])
@pytest.mark.process
def test_an_unwritable_folder_is_one_line(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "file").write_text("in the way")
    script = "from lsr.index.kernels.topk import is_worse as f; print(f(1.0, 2, 1.0, 1), f(1, 2, 2, 1))"
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("CACHE_DIR")}
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=inherited | environment, capture_output=True, text=True
    )
    assert process.stdout == "True True\n"
    assert len(process.stderr.splitlines()) == 1
    assert "set LSR_CACHE_DIR" in process.stderr and str(tmp_path / "file") in process.stderr


def test_a_user_without_home_is_told_once(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("LSR_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", no_home)
    with caplog.at_level(logging.WARNING):
        assert kernels.run() == (12, ["add", "twice"])
    assert [record.name for record in caplog.records] == ["lsr.index"]
    assert "no home folder" in caplog.text and "set LSR_CACHE_DIR" in caplog.text
    assert jit.unkept() is not None


# -- when ------------------------------------------------------------------------------------------------------------


def test_a_change_of_a_called_kernel_in_another_file_counts(kernels: Kernels) -> None:
    assert kernels.run() == (12, ["add", "twice"])
    kernels.change(2)
    assert kernels.run() == (14, ["add", "twice"])
    kernels.change(1)
    assert kernels.run() == (12, [])


def test_a_fingerprint_follows_what_is_used(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprints() -> dict[str, str]:
        jit.fingerprint.cache_clear()
        return {path.stem: jit.fingerprint(path) for path in kernels.folder.iterdir()}

    (kernels.folder / "made_above.py").write_text("from lsr.index.kernels.made_caller import twice\n")
    (kernels.folder / "made_aside.py").write_text("from lsr.core.jit import kernel\n")
    before = fingerprints()
    assert len(set(before.values())) == 4
    os.utime(kernels.folder / "made_callee.py", (0, 0))
    assert fingerprints() == before
    kernels.change(2)
    after = fingerprints()
    assert [name for name in before if after[name] == before[name]] == ["made_aside"]
    monkeypatch.setattr(numba, "__version__", "another")
    assert not set(fingerprints().values()) & set(after.values())


def test_kernels_use_nothing_that_their_fingerprint_misses() -> None:
    paths = [path for path in Path(lsr.index.__path__[0]).rglob("*.py") if "@kernel" in path.read_text()]
    assert len(paths) > 20
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: import kernels by their full name"
                modules = [node.module or ""]
            else:
                continue
            for module in modules:
                outside = module.split(".")[0] in {"numpy", "numba", "llvmlite"} | sys.stdlib_module_names
                assert outside or module.startswith("lsr."), f"{path} imports {module}"


def test_only_the_last_states_of_a_file_are_kept(kernels: Kernels, cache: Path) -> None:
    def states() -> list[Path]:
        return [path for path in cache.iterdir() if path.name.startswith("index.kernels.made_callee-")]

    kernels.run()
    (first,) = states()
    bystander = cache / "other-0123456789abcdef"
    bystander.mkdir()
    for number in range(2, 8):
        for age, path in enumerate(sorted(states(), key=lambda path: path.stat().st_mtime_ns, reverse=True)):
            os.utime(path, (1e9 - age, 1e9 - age))
        # Whoever uses the first state keeps it, however old.
        kernels.change(1)
        assert kernels.run() == (12, [])
        kernels.change(number)
        kernels.run()
    assert len(states()) == jit._KEPT_STATES + 1
    assert first in states() and bystander.exists()


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\x80" * 99])
def test_damaged_files_are_written_anew(
    kernels: Kernels, cache: Path, kind: str, damage: Callable[[bytes], bytes]
) -> None:
    kernels.run()
    files = list(cache.rglob(f"*.{kind}"))
    assert len(files) == 2
    for path in files:
        path.write_bytes(damage(path.read_bytes()))
    assert kernels.run() == (12, ["add", "twice"])
    assert kernels.run() == (12, [])
    assert jit.unkept() is None


# -- warming up ------------------------------------------------------------------------------------------------------

# What an installation does after it was warmed, with other data than `lsr warmup` has. Prints what was compiled.
USE = """
import json, sys
from itertools import product
from pathlib import Path
import numpy as np
from lsr.build.warmup import kinds_of_index
from lsr.core.documents import Document
from lsr.core.jit import compilations
from lsr.index import Index, IndexBuilder
from lsr.index.collection.create import create_collection
from lsr.index.collection.writer import CollectionWriter
from lsr.index.live.writes import Delete, Put
from lsr.vectors.sparse import SparseVectors

random = np.random.default_rng(5)
with compilations() as compiled:
    for number, (dim, settings) in enumerate(product((5000, 100_000), kinds_of_index())):
        rows = [np.unique(random.integers(0, dim, 40)) for _ in range(200)]
        vectors = SparseVectors.from_rows([(row, np.ones(len(row))) for row in rows], dim=dim)
        path = Path(sys.argv[1]) / str(number)
        with IndexBuilder(path, dim=dim, settings=settings) as builder:
            builder.add(vectors)
            builder.finish()
        index = Index.open(path)
        for mode in sys.argv[2:]:
            index.search([3, 1], [1, 2.5], mode=mode)
            index.search_batch(vectors[:20], 1000, mode=mode, threads=2, allow=random.random(200) < 0.5)
            terms, weights = np.array([1, 3], np.uint32), np.array([1, 2], np.float32)
            terms.flags.writeable = weights.flags.writeable = False
            index.search(terms, weights, mode=mode, allow=np.frombuffer(bytes([255] * 25), np.uint8))
    path = Path(sys.argv[1]) / "collection"
    create_collection(path, terms=5000, weight_scale=1 / 255)
    with CollectionWriter(path) as writer:
        for number in range(6):
            document = Document(f"d{number}", "")
            terms, weights = np.arange(2, 9 + number, dtype=np.uint32), np.ones(7 + number, np.float32)
            writer.apply([Put(document, terms, weights, (f"w{number}", "all"), np.ones(2, np.float32))])
            if number in (2, 4):
                writer.flush()
        writer.apply([Delete("d1"), Delete("d5")])
        index = writer.snapshot()
        for count in (3, 150, 300):
            for mode in ("exact", "approximate"):
                assert len(index.search(np.arange(count), np.ones(count), mode=mode)) == 4
print(json.dumps(compiled))
"""


@pytest.mark.process
@pytest.mark.slow
def test_a_warmed_installation_compiles_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither what it is used for nor warming up again."""
    warmup.run(as_json=True)
    assert Path(json.loads(capsys.readouterr().out)["cache"]) == jit.cache_folder()
    again = "from lsr.cli import warmup; warmup.run(as_json=True)"
    modes = ["auto", "exact", "approximate", "exhaustive", "seismic"]
    command = [sys.executable, "-c", USE + again, str(tmp_path), *modes]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    used, _, warmed = process.stdout.partition("\n")
    assert json.loads(used) == [] and json.loads(warmed)["compiled"] == 0


def test_warming_up_in_vain_is_an_error(
    kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LSR_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("lsr.build.warmup.compile_kernels", lambda *_, **__: kernels.run()[1])
    with pytest.raises(typer.Exit) as exit:
        warmup.run()
    said = capsys.readouterr()
    assert exit.value.exit_code == 2 and said.out == "" and "could not be cached" in said.err


# -- whose -----------------------------------------------------------------------------------------------------------


def test_nothing_is_loaded_from_a_folder_that_others_may_write_to(
    kernels: Kernels, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What lies there is a pickle, which may name any function to be called."""
    kernels.run()
    ran = cache.parent / "ran"
    code = pickle.dumps(_Call(ran))
    for kept in [*cache.rglob("*.nbi"), *cache.rglob("*.nbc")]:
        kept.write_bytes(code)
    for folder in [folder for folder in cache.iterdir() if folder.is_dir()]:
        folder.chmod(0o777)
    with caplog.at_level(logging.WARNING, "lsr.index"):
        assert kernels.run() == (12, ["add", "twice"])
    assert not ran.exists() and "others may write" in caplog.text
    cache.chmod(0o777)
    assert kernels.run() == (12, ["add", "twice"])
    assert not ran.exists()


class _Call:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no root here")
def test_what_root_compiles_is_for_all_users(kernels: Kernels, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "is_root", lambda: True)
    before = os.umask(0o077)
    try:
        kernels.run()
    finally:
        os.umask(before)
    kept = list(cache.rglob("*"))
    assert any(path.suffix == ".nbc" for path in kept)
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o755, 0o644}
