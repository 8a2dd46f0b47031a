"""The engines by name: the one place to add one."""

from __future__ import annotations

from typing import Any

from lsr.index.engines.blocks.engine import Approximate, Exact
from lsr.index.engines.bmp.engine import Bmp
from lsr.index.engines.direct.engine import Direct
from lsr.index.engines.engine import Engine
from lsr.index.engines.exhaustive.engine import Exhaustive
from lsr.index.engines.seismic.engine import Seismic

ENGINES: dict[str, Engine[Any]] = {
    engine.name: engine for engine in (Exact(), Approximate(), Exhaustive(), Direct(), Seismic(), Bmp())
}


def named_engines() -> tuple[str, ...]:
    """The engines that a caller may ask for."""
    return tuple(name for name, engine in ENGINES.items() if engine.by_name)


def is_always_exact(mode: str) -> bool:
    """Whether what a search's statistics call `mode` finds the true best however it is asked."""
    return mode in ENGINES and ENGINES[mode].always_exact
