"""Running a function in a forked child whose calls that may change files are looked at before they are made.

A seccomp filter in the child stops it at those system calls alone, and ptrace tells its parent, which counts them. So
the calls of native code are met as well as those of Python.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import traceback
from collections.abc import Callable
from pathlib import Path

# System calls of x86-64 that change what lies on a disk: by path, by descriptor, or (open) depending on flags.
_BY_PATH = {82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink", 90: "chmod",
            76: "truncate", 132: "utime", 235: "utimes", 258: "mkdirat", 263: "unlinkat", 264: "renameat",
            265: "linkat", 266: "symlinkat", 268: "fchmodat", 280: "utimensat", 316: "renameat2"}  # fmt: skip
_BY_DESCRIPTOR = {1: "write", 18: "pwrite64", 20: "writev", 40: "sendfile", 74: "fsync", 75: "fdatasync",
                  77: "ftruncate", 91: "fchmod", 285: "fallocate", 296: "pwritev", 326: "copy_file_range"}  # fmt: skip
_OPEN = {2: "open", 257: "openat"}
_TRACED = {**_BY_PATH, **_BY_DESCRIPTOR, **_OPEN}
# And opening a file that is to be made.
_NEEDING_ROOM = ("write", "pwrite64", "writev", "pwritev", "sendfile", "copy_file_range", "fallocate", "mkdir",
                 "mkdirat", "link", "linkat", "symlink", "symlinkat")  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

# By place among the registers that ptrace gives.
_RAX, _RDX, _ORIG_RAX = 10, 12, 15
_PTRACE_TRACEME, _PTRACE_CONT, _PTRACE_GETREGS, _PTRACE_SETREGS, _PTRACE_SETOPTIONS = 0, 7, 12, 13, 0x4200
# Clones, forks and vforks are traced too; the child dies with its parent; stop at what the filter names.
_OPTIONS = 0x2 | 0x4 | 0x8 | 0x80 | 0x100000
_EVENT_SECCOMP = 7
_SECCOMP_TRACE, _SECCOMP_ALLOW = 0x7FF00000, 0x7FFF0000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def run_untraced(function: Callable[[Path], int], folder: Path) -> int:
    """Run `function(folder)` in a forked child; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if not child:
        _run(lambda: function(folder))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_traced(function: Callable[[Path], int], folder: Path, kill_before: int | None) -> tuple[int, int]:
    """The same, killed before its `kill_before`-th call below `folder`; its exit code and how many calls there were."""
    calls = 0

    def count(call: Call) -> None:
        nonlocal calls
        if call.changes(inside):
            calls += 1
            if calls == kill_before:
                raise Killed

    inside = os.fsencode(folder.resolve())
    return trace(lambda: function(folder), count), calls


class Killed(Exception):
    """Raised by who looks at a call: the child is killed before it is made."""


def trace(function: Callable[[], int], look: Callable[[Call], None]) -> int:
    """Run a function in a forked child, and look at each of its calls that may change files before it is made.

    Returns its exit code, or minus the signal that ended it.
    """
    child = os.fork()
    if not child:
        _libc.ptrace(_PTRACE_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        _install_filter()
        _run(function)
    os.waitpid(child, 0)
    _libc.ptrace(_PTRACE_SETOPTIONS, child, None, ctypes.c_void_p(_OPTIONS))
    _continue(child, 0)
    while True:
        stopped, status = os.waitpid(-1, _WALL)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if stopped == child:
                return os.waitstatus_to_exitcode(status)
            continue
        passed = os.WSTOPSIG(status)
        if status >> 16 == _EVENT_SECCOMP:
            passed = 0
            try:
                look(Call(stopped))
            except Killed:
                os.kill(child, signal.SIGKILL)
                continue
        elif status >> 16 or passed in (signal.SIGSTOP, signal.SIGTRAP):
            passed = 0
        _continue(stopped, passed)


_WALL = 0x40000000


def _run(function: Callable[[], int]) -> None:
    code = 98
    try:
        code = function()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _continue(pid: int, number: int) -> None:
    _libc.ptrace(_PTRACE_CONT, pid, None, ctypes.c_void_p(number))


def _install_filter() -> None:
    """Classic BPF: load the number of the call, and stop for the parent if it is one of ours."""
    numbers = sorted(_TRACED)
    program = struct.pack("HBBI", 0x20, 0, 0, 0)
    for place, number in enumerate(numbers):
        program += struct.pack("HBBI", 0x15, len(numbers) - place, 0, number)
    program += struct.pack("HBBI", 0x06, 0, 0, _SECCOMP_ALLOW) + struct.pack("HBBI", 0x06, 0, 0, _SECCOMP_TRACE)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    pointer = ctypes.create_string_buffer(header, len(header))
    _libc.prctl(38, 1, 0, 0, 0)  # no new privileges
    if _libc.prctl(22, 2, ctypes.byref(pointer), 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp filter could be installed")


class Call:
    """A system call that a thread is about to make; `name`: of it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._registers = ctypes.create_string_buffer(27 * 8)
        _libc.ptrace(_PTRACE_GETREGS, pid, None, ctypes.addressof(self._registers))
        values = struct.unpack("27Q", self._registers.raw)
        self._number, self._arguments = values[15], (values[14], values[13], values[12], values[7])
        self.name = _TRACED[self._number]

    def changes(self, inside: bytes) -> bool:
        """Whether it may change something below the folder."""
        if self._number in _OPEN and not self._flags & _WRITING:
            return False
        return any(_is_inside(path, inside) for path in self.paths)

    @property
    def needs_room(self) -> bool:
        """Whether it fails where a disk is full."""
        return self.name in _NEEDING_ROOM or bool(self._number in _OPEN and self._flags & os.O_CREAT)

    @property
    def paths(self) -> list[bytes]:
        """Of the files that it is about."""
        pid, number, (first, second, third, fourth) = self._pid, self._number, self._arguments
        if number in _BY_DESCRIPTOR:
            return [_link(f"/proc/{pid}/fd/{first & 0xFFFFFFFF}")]
        if number in (257, 258, 263, 264, 265, 268, 280, 316):
            paths = [_at(pid, first, second)]
            if number in (264, 265, 316):
                paths.append(_at(pid, third, fourth))
            return paths
        if number == 266:
            return [_at(pid, second, third)]
        paths = [_at(pid, -100, first)]
        if number in (82, 86, 88):
            paths.append(_at(pid, -100, second))
        return paths

    def fail(self, error: int) -> None:
        """Let it return this error, without being made."""
        self._set(_ORIG_RAX, 2**64 - 1)
        self._set(_RAX, 2**64 - error)

    def shorten(self) -> bool:
        """Let it write half of what it was given; False if that is not possible."""
        if self.name not in ("write", "pwrite64") or self._arguments[2] < 2:
            return False
        self._set(_RDX, self._arguments[2] // 2)
        return True

    @property
    def _flags(self) -> int:
        return self._arguments[2 if self._number == 257 else 1]

    def _set(self, register: int, value: int) -> None:
        struct.pack_into("Q", self._registers, 8 * register, value)
        _libc.ptrace(_PTRACE_SETREGS, self._pid, None, ctypes.addressof(self._registers))


def _is_inside(path: bytes, inside: bytes) -> bool:
    path = os.path.normpath(path)
    return path == inside or path.startswith(inside + b"/")


def _at(pid: int, descriptor: int, address: int) -> bytes:
    """The path at an address of the thread, relative to a folder's descriptor or, with -100, the current folder."""
    descriptor &= 0xFFFFFFFF
    path = b""
    if address:
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:  # noqa: PTH123
            memory.seek(address)
            path = (memory.read(4096 - address % 4096) or b"").split(b"\0")[0]
            if address % 4096 > 3000 and b"\0" not in path:
                memory.seek(address)
                path = memory.read(4096).split(b"\0")[0]
    if path.startswith(b"/"):
        return path
    base = f"/proc/{pid}/cwd" if descriptor == 0xFFFFFF9C else f"/proc/{pid}/fd/{descriptor}"
    return os.path.join(_link(base), path)  # noqa: PTH118


def _link(path: str) -> bytes:
    try:
        return os.fsencode(os.readlink(path))  # noqa: PTH115
    except OSError:
        return b""
