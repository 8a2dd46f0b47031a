"""Ray, where more than one machine is wanted: imported and connected to when it is first needed."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from lsr.core.errors import InputError, LsrError, MissingDependencyError

# Seconds in which a machine must take a connection; Ray itself asks for minutes.
_PATIENCE = 10


def import_ray(library: str) -> ModuleType:
    """Ray, with one of its libraries: "data" or "serve".

    MissingDependencyError, which names the extra, if it is not installed.
    """
    try:
        ray = import_module("ray")
        import_module(f"ray.{library}")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"clusters need {error.name}, which is not installed: pip install 'lsr-engine[ray]'"
        ) from error
    return ray


@contextmanager
def connected(library: str, address: str | None = None, **options: Any) -> Iterator[ModuleType]:
    """A context in which Ray is there: the cluster at `address`, or one on this machine, which ends with it.

    `library` as for `import_ray`. Where this process is connected already, it goes on to be. `options` are those of
    `ray.init`. InputError if there is no cluster at the address.
    """
    ray = import_ray(library)
    if ray.is_initialized():
        yield ray
        return
    if address is not None:
        _check_answers(address)
    here = {} if address else {"include_dashboard": False}
    # A cluster that begins here tells nobody of it; RAY_USAGE_STATS_ENABLED=1 lets it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address=address or "local", logging_level="WARNING", log_to_driver=False, **here, **options)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"no cluster of Ray answers at {address!r}: {error}", field="address") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """InputError if nothing listens at the host and port of an address; Ray finds out about one without."""
    found = re.fullmatch(r"(?:ray://)?\[?([^/\[\]]+)\]?:(\d{1,5})", address)
    if found is None:
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"no cluster of Ray answers at {address!r}: {error}", field="address") from error


def actor_resources(ray: ModuleType, gpus: bool | None = None) -> tuple[int, dict[str, float]]:
    """How many actors a cluster has room for, and what each has to itself: a GPU, if there are any, or a CPU.

    `gpus` says whether it is to be GPUs.
    """
    there = ray.cluster_resources()
    if there.get("GPU", 0) if gpus is None else gpus:
        return max(1, int(there.get("GPU", 0))), {"num_gpus": 1}
    return max(1, int(there.get("CPU", 1))), {"num_cpus": 1}


@contextmanager
def own_errors() -> Iterator[None]:
    """A context whose errors of Ray that one of ours is the cause of are that one."""
    try:
        yield
    except LsrError:
        raise
    except Exception as error:
        found = _cause(error)
        if found is None:
            raise
        raise found from None


def _cause(error: BaseException) -> LsrError | None:
    """The first error of ours that led to this one, in whatever task."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, LsrError) and type(each).__module__.startswith("lsr."):
            return each
        seen.add(id(each))
        led = [getattr(each, name, None) for name in ("cause", "__cause__", "__context__")]
        waiting += [other for other in led if isinstance(other, BaseException) and id(other) not in seen]
    return None
