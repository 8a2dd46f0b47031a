"""The engines that can be measured, one per file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError

from lsr.core.errors import InputError
from lsr.eval.bench.engines.bmp import BmpEngine
from lsr.eval.bench.engines.contract import Engine, LeftOut
from lsr.eval.bench.engines.lsr import LsrEngine
from lsr.eval.bench.engines.seismic import SeismicEngine
from lsr.eval.bench.engines.taat import TermAtATime

PEERS: dict[str, Callable[[], Engine]] = {"seismic": SeismicEngine, "bmp": BmpEngine, "taat": TermAtATime}
"""The engines that this one can be measured against, by name."""

__all__ = ["PEERS", "LsrEngine", "check_peers", "peer"]


def check_peers(names: list[str]) -> None:
    """Check names of peers: InputError if one is not in PEERS."""
    for name in names:
        if name not in PEERS:
            raise InputError(f"there is no engine {name!r} to measure against; choose from {', '.join(PEERS)}")


def peer(name: str) -> Engine:
    """The peer of this name. Raises LeftOut if its package is not installed."""
    try:
        return PEERS[name]()
    except PackageNotFoundError as error:
        raise LeftOut(f"{error.name} is not installed: pip install 'lsr-engine[bench]'") from error
