"""A cluster of Ray on this machine, for tests: quick to start, and never beside another."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

# Each node of a test keeps so much for objects that go from task to task; Ray's least is 75 MB.
STORE = 80 << 20
_SYSTEM = {
    # A process takes seconds to start: those that have done their task wait for the next one.
    "idle_worker_killing_time_threshold_ms": 3_600_000,
    "num_workers_soft_limit": 4,
}
_ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@contextmanager
def ray_cluster(cpus: int = 2) -> Iterator[Any]:
    """A cluster that this process is connected to, of one node; its processes find the tests' modules.

    Of all processes of `pytest -n`, one has a cluster at a time: several would starve one another.
    """
    with FileLock(Path(tempfile.gettempdir()) / f"lsr-ray-{os.getuid()}.lock"), _environment():
        import ray
        from ray.cluster_utils import Cluster

        # Nothing looks at logs, metrics and load, whose processes cost as much as those that work.
        head = {"num_cpus": cpus, "object_store_memory": STORE, "include_dashboard": False}
        quiet = {"include_log_monitor": False, "no_monitor": True, "_system_config": _SYSTEM}
        cluster = Cluster(initialize_head=True, head_node_args={**head, **quiet})
        try:
            ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


@contextmanager
def _environment() -> Iterator[None]:
    """The environment that processes of the cluster start with; before and after it, this process has its own."""
    before = dict(os.environ)
    paths = [path for path in sys.path if path and "site-packages" not in path]
    os.environ.update(_ENVIRONMENT, PYTHONPATH=os.pathsep.join(paths))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
