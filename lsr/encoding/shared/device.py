"""The names of devices, checked without torch."""

from __future__ import annotations

import re

from lsr.core.errors import ModelError

_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?|mps")


def check_device(device: str | None) -> None:
    """ModelError for what is no device's name, whether or not a model will run on it."""
    if device is not None and not (isinstance(device, str) and _DEVICE.fullmatch(device)):
        raise ModelError(
            f"there is no device {device!r}: it can be 'auto', 'cpu', 'cuda', 'cuda:1' and so on, or 'mps'"
        )
