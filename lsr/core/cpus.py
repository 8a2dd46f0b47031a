"""How many processors there are for this process."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def allowed_cpus() -> int:
    """The processors that this process may run on, or fewer if its container has a quota of their time; at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    quota = _quota()
    return max(1, count if quota is None else min(count, math.ceil(quota)))


_limit: int | None = None


def limit_threads(threads: int | None) -> int | None:
    """Let the models of this process compute on so many threads where their caller does not say; None for no limit."""
    global _limit
    _limit = threads
    return threads


def thread_limit() -> int | None:
    """What `limit_threads` was given last."""
    return _limit


def _quota() -> float | None:
    """How many processors' time the control group of this process has, or None for no limit."""
    found = [quota for folder, *files in _groups() if (quota := _quota_in(folder, *files)) is not None]
    return min(found, default=None)


def _groups() -> Iterator[tuple[Path, ...]]:
    """The folders of this process's control groups, with their files: in a container its root, outside of one deeper.

    The quota of a group is one of all groups in it, too.
    """
    try:
        own = [line.split(":", 2) for line in _OWN_GROUP.read_text().splitlines()]
    except OSError:
        own = []
    roots = {
        "": (_CGROUP, Path("cpu.max")),
        "cpu": (_CGROUP / "cpu", Path("cpu.cfs_quota_us"), Path("cpu.cfs_period_us")),
    }
    for controller, (root, *files) in roots.items():
        folders = {root}
        for _, controllers, path in (line for line in own if len(line) == 3):
            if controller in controllers.split(","):
                group = root / path.lstrip("/")
                folders |= {each for each in (group, *group.parents) if each.is_relative_to(root)}
        yield from ((folder, *files) for folder in folders)


def _quota_in(folder: Path, *files: Path) -> float | None:
    try:
        time, period = " ".join((folder / name).read_text() for name in files).split()
        return int(time) / int(period) if time not in ("max", "-1") else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
