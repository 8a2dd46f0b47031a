"""Histograms of sparsity as inline SVG: how many terms the vectors of documents and of queries have."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 320, 140
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 8, 36


def histogram(spread: Mapping[str, Any], axis: str) -> str:
    """An SVG of a `Spread`'s bars, with its median and the ends of its axis; `axis` says what is counted."""
    bars, width, floor = spread["bars"], spread["width"], _HEIGHT - _BOTTOM
    tallest, total = max(bars, default=1), sum(bars)
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(bars), 1)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role=img aria-label="{escape(axis)}: {escape(in_words(spread))}">',
    ]
    for number, count in enumerate(bars):
        if count:
            tall = count / tallest * (floor - _TOP)
            terms = f"{number * width:,}" + (f" to {(number + 1) * width - 1:,}" if width > 1 else "")
            place = f'x="{_LEFT + number * step:.1f}" y="{floor - tall:.1f}"'
            parts.append(
                f'<rect class=bar {place} width="{max(step - 1, 0.5):.1f}" height="{tall:.1f}">'
                f"<title>{terms} terms: {count:,} of {total:,}</title></rect>"
            )
    parts.append(f'<path class=axis d="M{_LEFT} {floor}H{_WIDTH - _RIGHT}"/>')
    if bars:
        at = _LEFT + (spread["p50"] + 0.5) / width * step
        parts.append(f'<path class=frontier d="M{at:.1f} {_TOP}V{floor}"/>')
    for x, anchor, value in ((_LEFT, "start", 0), (_WIDTH - _RIGHT, "end", len(bars) * width)):
        parts.append(f'<text class=tick x="{x}" y="{floor + 14}" text-anchor={anchor}>{value:,}</text>')
    parts.append(f'<text class=tick x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor=middle>{escape(axis)}</text>')
    return "".join(parts) + "</svg>"


def in_words(spread: Mapping[str, Any]) -> str:
    """The median, and where most are."""
    return f"median {spread['p50']:,.0f}, 90 % from {spread['p5']:,.0f} to {spread['p95']:,.0f}"
