"""The decorator for all kernels, and the cache of their machine code.

Numba keeps compiled code beside the source, which may not be writable, and recompiles it when the function's own file
changes, but not when a function that it calls from another file does. Here it is kept in the user's cache folder, and
recompiled when any of these files changes. Code of other packages stays where Numba puts it.

Numba itself keeps the code for different Python versions and processors separate, so machines may share a folder.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llvmlite
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.event import Event, Listener, install_listener

from lsr.core.errors import LsrError
from lsr.core.owners import cache_doubt, is_root, kernels_doubt, share

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["cache_folder", "compilations", "fingerprint", "kernel", "unkept"]

# How many other versions of a source file keep their code, for other installations of the same user.
_KEPT_STATES = 4
_LOCK_SECONDS = 10
# After which a kernel that another process compiles is compiled here, too.
_COMPILED_WITHIN = 120
_USER_CACHES = {"darwin": ("", "Library/Caches"), "win32": ("LOCALAPPDATA", "AppData/Local")}
_ADVICE = "set LSR_CACHE_DIR to a writable folder"
_IMPORTED = re.compile(rb"^from (lsr\.[\w.]+) import", re.MULTILINE)

_config: Any = numba.config
_logger = logging.getLogger("lsr.index")


def kernel(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Compile a function on its first call, or load it from the cache; it runs without the GIL.

    Used as `@kernel` or with options of `numba.njit`, as `@kernel(inline="always")`. A kernel may use what its own file
    defines and what that imports by `from lsr.… import …`, and nothing else that could change.
    """
    if function is None:
        return lambda function: kernel(function, **options)
    if _config.DISABLE_JIT:
        raise LsrError("kernels run only when they are compiled: unset NUMBA_DISABLE_JIT")
    compiled = numba.njit(nogil=True, **options)(function)
    if not Path(function.__code__.co_filename).is_file():
        _note_unkept(f"{function.__code__.co_filename} is not on disk")
    elif (folder := cache_folder()) is None:
        _note_unkept(f"there is no home folder; {_ADVICE}")
    elif (doubt := cache_doubt(folder)) is not None:
        _note_unkept(doubt)
    else:
        compiled._cache = _KernelCache(function)
    return compiled


@contextmanager
def compilations(progress: Callable[[int], None] | None = None) -> Iterator[list[str]]:
    """Give a list that collects the names of the kernels compiled, not loaded, within the block."""
    listener = _CompilationListener(progress)
    with install_listener("numba:compile", listener):
        yield listener.names


class _CompilationListener(Listener):
    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self.names: list[str] = []
        self._progress = progress

    def on_start(self, event: Event) -> None:
        pass

    def on_end(self, event: Event) -> None:
        function = event.data["dispatcher"].py_func
        # Numba compiles functions of its own for the kernels, too.
        if function.__module__.startswith("lsr."):
            self.names.append(function.__qualname__)
            if self._progress is not None:
                self._progress(1)


def cache_folder() -> Path | None:
    """Where compiled kernels are kept, or None if the user has no home folder.

    `$LSR_CACHE_DIR/kernels`, else `lsr/kernels` in `$NUMBA_CACHE_DIR`, else in the user's cache folder, which is
    `$XDG_CACHE_HOME` or ~/.cache, on macOS ~/Library/Caches and on Windows `%LOCALAPPDATA%`.
    """
    if chosen := os.environ.get("LSR_CACHE_DIR"):
        return Path(chosen).absolute() / "kernels"
    variable, in_home = _USER_CACHES.get(sys.platform, ("XDG_CACHE_HOME", ".cache"))
    base = _config.CACHE_DIR or os.environ.get(variable)
    try:
        return (Path(base).absolute() if base else Path.home() / in_home) / "lsr" / "kernels"
    except RuntimeError:
        return None


@lru_cache
def fingerprint(source: Path) -> str:
    """A hash of what a file's compiled code depends on: its text, that of all kernel files that it uses, and Numba.

    `source` may be anywhere. A file counts as used if a file that is used imports it.
    """
    texts: dict[str, bytes] = {}
    waiting = [("", source)]
    while waiting:
        name, path = waiting.pop()
        text = texts[name] = path.read_bytes()
        for used in {used.decode() for used in _IMPORTED.findall(text)} - texts.keys():
            spec = importlib.util.find_spec(used)
            if spec is not None and spec.origin is not None:
                waiting.append((used, Path(spec.origin)))
    digest = sha256(f"{numba.__version__} {llvmlite.__version__} {_config.BOUNDSCHECK}".encode())
    for name, text in sorted(texts.items()):
        digest.update(f"\n{name} {len(text)}\n".encode() + text)
    return digest.hexdigest()[:16]


class _Locator(_CacheLocator):
    """Names the cache folder for the current version of a source file."""

    def __init__(self, function: Callable[..., Any], source: Path) -> None:
        # Files in different folders may share a name.
        self._line = function.__code__.co_firstlineno
        self._state = fingerprint(source)
        folder = cache_folder()
        assert folder is not None
        self._folder = folder / f"{function.__module__.removeprefix('lsr.')}-{self._state}"
        # Touched, so that pruning keeps what is in use.
        with suppress(OSError):
            os.utime(self._folder)

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:
        return cls(py_func, Path(py_file))

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._state

    def get_disambiguator(self) -> str:
        return str(self._line)

    def ensure_cache_path(self) -> None:
        """Make the folder, and remove those of the file's earlier versions, except the most recently used."""
        if self._folder.is_dir():
            return
        # What is loaded from here is run: nobody else may write to it. What root keeps, everybody may read.
        for folder in (self._folder.parent.parent, self._folder.parent):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o755 if is_root() else 0o700, exist_ok=True)
        stem = self._folder.name.removesuffix(self._state)
        states = [path for path in self._folder.parent.glob(f"{stem}*") if path != self._folder]
        with suppress(OSError):
            states.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
            for path in states[_KEPT_STATES:]:
                shutil.rmtree(path, ignore_errors=True)


class _KernelCacheImpl(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012


class _KernelCache(FunctionCache):
    """Numba's cache of a function, in our folder. If anything is wrong with that folder, the function is compiled.

    What several processes need at once, one of them compiles. Numba compiles in one thread at a time, callers before
    what they call, so that no two processes can wait for each other.
    """

    _impl_class = _KernelCacheImpl

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._compiling: dict[Any, BaseFileLock] = {}

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if (found := self._loaded(sig, target_context)) is not None:
            return found
        # Still held where the last attempt was interrupted, or failed.
        lock = self._compiling.pop(sig, None) or self._lock(sig)
        if lock is None:
            return None
        # Another process may have compiled it meanwhile.
        if (found := self._loaded(sig, target_context)) is not None:
            lock.release()
        else:
            self._compiling[sig] = lock
        return found

    def _loaded(self, sig: Any, target_context: Any) -> Any:
        try:
            if (doubt := kernels_doubt(Path(self.cache_path))) is not None:
                _note_unkept(doubt)
                return None
            return super().load_overload(sig, target_context)
        except Exception:
            # Truncated, for example by a power failure: it is compiled and written again.
            with suppress(OSError):
                self.flush()
            return None

    def _lock(self, sig: Any) -> BaseFileLock | None:
        """The right to compile a signature, once nobody else has it; None where it cannot be had."""
        from filelock import FileLock, Timeout

        name = sha256(f"{self._py_func.__qualname__} {sig}".encode()).hexdigest()[:16]
        try:
            self._impl.locator.ensure_cache_path()
            lock = FileLock(Path(self.cache_path) / f".{name}.lock", timeout=_COMPILED_WITHIN)
            return lock.acquire().lock
        except (OSError, Timeout):
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            self._save(sig, data)
        finally:
            if (lock := self._compiling.pop(sig, None)) is not None:
                lock.release()

    def _save(self, sig: Any, data: Any) -> None:
        from filelock import FileLock

        folder = Path(self.cache_path)
        try:
            self._impl.locator.ensure_cache_path()
            if (doubt := kernels_doubt(folder)) is not None:
                _note_unkept(doubt)
                return
            # Two processes would give two signatures one file.
            with FileLock(folder / ".lock", timeout=_LOCK_SECONDS):
                super().save_overload(sig, data)
            if is_root():
                share(folder)
        except Exception as error:
            _note_unkept(f"{error}; {_ADVICE}")


_unkept: list[str] = []


def unkept() -> str | None:
    """Why kernels compiled by this process could not be cached, or None if they were."""
    return _unkept[0] if _unkept else None


def _note_unkept(reason: str) -> None:
    if not _unkept:
        _logger.warning("compiled kernels cannot be cached, so every start compiles them again: %s", reason)
    _unkept.append(reason)
