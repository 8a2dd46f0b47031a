"""How the strength of a penalty grows: from zero, because vectors that become sparse at once lose terms for good."""

from __future__ import annotations

from typing import Literal, get_args

from lsr.core.errors import InputError

Shape = Literal["constant", "linear", "quadratic"]


def strength(step: int, *, final: float, steps: int, shape: str = "quadratic") -> float:
    """λ at a step: final * (step / steps), squared for "quadratic" (arXiv:2109.10086), and `final` from `steps` on."""
    if shape not in get_args(Shape):
        raise InputError(f"a schedule must be {', '.join(get_args(Shape))}, not {shape!r}")
    if shape == "constant" or step >= steps:
        return final
    done = max(step, 0) / steps
    return final * (done * done if shape == "quadratic" else done)
