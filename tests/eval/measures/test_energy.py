"""Energy: what tirex-tracker tells, and nothing where it is missing or knows nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from lsr.eval.measures.energy import energy


def tracker(*values: Any) -> SimpleNamespace:
    """A tracker whose results are there once tracking has ended, as of the package."""
    names = ("CPU_ENERGY_SYSTEM_JOULES", "RAM_ENERGY_SYSTEM_JOULES", "GPU_ENERGY_SYSTEM_JOULES")

    @contextmanager
    def tracking(measures: list[str]) -> Iterator[dict[str, SimpleNamespace]]:
        found: dict[str, SimpleNamespace] = {}
        yield found
        found |= {name: SimpleNamespace(value=value) for name, value in zip(measures, values, strict=True)}

    return SimpleNamespace(Measure={name: name for name in names}, tracking=tracking)


@pytest.mark.parametrize(
    ("values", "joules"),
    [
        ((b"12.5", b"3", b"null"), 15.5),
        ((b"null",) * 3, None),
        (("7", None, float("nan")), 7.0),
        ((b"0", b"", b"-1"), 0.0),
    ],
)
def test_what_the_machine_tells_is_added_up(
    values: tuple[Any, ...], joules: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tirex_tracker", tracker(*values))
    with energy() as found:
        assert found.joules is None
    assert found.joules == joules


def test_without_the_package_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tirex_tracker", None)
    with energy() as found:
        pass
    assert found.joules is None
