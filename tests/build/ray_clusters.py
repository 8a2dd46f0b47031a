"""Clusters of Ray on this machine, of several nodes, for tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Each node of a test keeps so much for objects that go from task to task; Ray's least is 75 MB.
STORE = 80 << 20


@contextmanager
def ray_cluster(nodes: int = 2, cpus: int = 1) -> Iterator[Any]:
    """A cluster that this process is connected to, whose workers find the tests' modules."""
    import ray
    from ray.cluster_utils import Cluster

    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    head = {"num_cpus": cpus, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=cpus, object_store_memory=STORE)
        paths = [path for path in sys.path if path and "site-packages" not in path]
        environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(paths), "NUMBA_NUM_THREADS": "1"}}
        ray.init(address=cluster.address, runtime_env=environment, logging_level="ERROR", log_to_driver=False)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
