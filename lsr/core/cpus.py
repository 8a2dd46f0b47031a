"""How many processors there are for this process."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


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
    for folder, files in ((_CGROUP, ("cpu.max",)), (_CGROUP / "cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us"))):
        try:
            time, period = " ".join((folder / name).read_text() for name in files).split()
            return int(time) / int(period) if time not in ("max", "-1") else None
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return None
