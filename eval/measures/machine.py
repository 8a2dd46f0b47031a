"""The machine and the software that something was measured with."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Packages that compute: another version of one may give other times, and other last digits.
_PACKAGES = (
    "numpy", "scipy", "numba", "pyarrow", "torch", "transformers", "tokenizers", "faiss-cpu", "ranx", "bm25s",
    "ir-measures", "pytrec-eval-terrier", "sentence-transformers", "pyseismic-lsr", "bmp",
)  # fmt: skip


def processor() -> str:
    """The processor's name, from Linux or as Python knows it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cpus() -> int:
    """Number of processors that this process may use."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_machine() -> dict[str, Any]:
    """What a result depends on besides its settings, as JSON values.

    `processor`, `cpus`, `memory_gib` (None if unknown), `system`, `python`, and `packages` with the
    versions of those that are installed.
    """
    memory = None
    with suppress(ValueError, OSError, AttributeError):
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1)
    packages = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            packages[name] = version(name)
    return {
        "processor": processor(),
        "cpus": cpus(),
        "memory_gib": memory,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": packages,
    }
