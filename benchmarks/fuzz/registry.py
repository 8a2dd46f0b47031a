"""The targets by name: the one place to add one, which is a file beside this one."""

from __future__ import annotations

from fuzz import ciff_target
from fuzz.frame import Target

TARGETS: dict[str, Target] = {
    "ciff": ciff_target.TARGET,
}
