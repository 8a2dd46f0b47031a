"""The engines that can be measured, one per file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError

from lsr.core.errors import InputError
from lsr.eval.bench.engines.bmp import BmpEngine
from lsr.eval.bench.engines.contract import Engine, LeftOut
from lsr.eval.bench.engines.kannolo import KannoloEngine
from lsr.eval.bench.engines.lsr import LsrEngine
from lsr.eval.bench.engines.pisa import PisaEngine
from lsr.eval.bench.engines.qdrant import QdrantEngine
from lsr.eval.bench.engines.seismic import SeismicEngine
from lsr.eval.bench.engines.sindi import SindiEngine
from lsr.eval.bench.engines.taat import TermAtATime
from lsr.eval.bench.engines.zvec import ZvecEngine

PEERS: dict[str, Callable[[], Engine]] = {
    "seismic": SeismicEngine,
    "bmp": BmpEngine,
    "taat": TermAtATime,
    "kannolo": KannoloEngine,
    "sindi": SindiEngine,
    "pisa": PisaEngine,
    "qdrant": QdrantEngine,
    "zvec": ZvecEngine,
}
"""The engines that this one can be measured against, by name."""

# How to install what pip is not told by its name alone. What PISA's package would bring along needs Java.
_BENCH, _PISA = "pip install 'lsr-engine[bench]'", "the guide on evaluating says how to install it without Java"
_INSTALLED_BY = {"pyseismic-lsr": _BENCH, "bmp": _BENCH, "pyterrier-pisa": _PISA, "tbb": _PISA}

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
        name = error.name or ""
        raise LeftOut(f"{name} is not installed: {_INSTALLED_BY.get(name, f'pip install {name}')}") from error
