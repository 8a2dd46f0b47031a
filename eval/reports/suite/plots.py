"""Plots as inline SVG: effectiveness over a cost, with the Pareto frontier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 480, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 48
# Of a label of usual length: those that would lie on another go below.
_LABEL_HEIGHT, _CHARACTER = 14, 7.2


class Point(NamedTuple):
    """A system's cost, above zero, and its value."""

    name: str
    cost: float
    value: float


def frontier(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats in value at the same cost or less, by ascending cost."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda each: (each.cost, -each.value)):
        if not kept or point.value > kept[-1].value:
            kept.append(point)
    return kept


def pareto_plot(points: Sequence[Point], axis: str, measure: str) -> str:
    """An SVG of value over cost, the latter on a logarithmic axis; the frontier is a line. `axis` names the cost."""
    low, high = _padded([math.log10(max(point.cost, 1e-9)) for point in points], least=0.4)
    bottom, top = _padded([point.value for point in points], least=0.02)

    def place(point: Point) -> tuple[float, float]:
        across = (math.log10(max(point.cost, 1e-9)) - low) / (high - low)
        up = (point.value - bottom) / (top - bottom)
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role=img aria-label="{escape(measure)} over {escape(axis)}">',
        f'<path class=axis d="M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"/>',
    ]
    for cost in _costs(low, high):
        x, _ = place(Point("", cost, bottom))
        parts.append(f'<text class=tick x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor=middle>{cost:,g}</text>')
    for value in _steps(bottom, top):
        _, y = place(Point("", 1.0, value))
        parts.append(f'<path class=grid d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class=tick x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor=end>{value:.3g}</text>')
    parts.append(f'<text class=tick x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor=middle>{escape(axis)}</text>')
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, frontier(points)))
    parts.append(f'<polyline class=frontier points="{line}"/>')
    taken: list[tuple[float, float, float]] = []
    for point in points:
        x, y = place(point)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r=5><title>{escape(_in_words(point, axis, measure))}</title></circle>'
        )
        parts.append(_label(point.name, x, y, taken))
    return "".join(parts) + "</svg>"


def _label(name: str, x: float, y: float, taken: list[tuple[float, float, float]]) -> str:
    """The name beside its point, where no other stands."""
    width = _CHARACTER * len(name)
    left = x + 8 if x + 8 + width <= _WIDTH - _RIGHT else max(0.0, x - 8 - width)
    y += 4
    while any(
        abs(y - other) < _LABEL_HEIGHT and left < right and left + width > start for start, right, other in taken
    ):
        y += _LABEL_HEIGHT
    taken.append((left, left + width, y))
    return f'<text x="{left:.1f}" y="{y:.1f}">{escape(name)}</text>'


def _in_words(point: Point, axis: str, measure: str) -> str:
    return f"{point.name}: {measure} {point.value:.4f}, {point.cost:,.3g} {axis}"


def _padded(values: Sequence[float], least: float) -> tuple[float, float]:
    """A range with room on both sides, at least so wide."""
    low, high = min(values), max(values)
    room = max(0.15 * (high - low), (least - (high - low)) / 2)
    return low - room, high + room


def _costs(low: float, high: float) -> list[float]:
    """Round costs between two logarithms: the coarsest that are at least three, or else the finest."""
    powers = [10.0**power for power in range(math.floor(low), math.ceil(high) + 1)]
    for factors in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        found = [factor * power for power in powers for factor in factors]
        shown = [cost for cost in found if low <= math.log10(cost) <= high]
        if len(shown) >= 3:
            break
    return shown


def _steps(low: float, high: float) -> list[float]:
    """Round numbers between two values, four to nine of them."""
    size = 10.0 ** math.floor(math.log10(high - low))
    step = next(each for each in (size, size / 2, size / 5) if (high - low) / each >= 4)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
