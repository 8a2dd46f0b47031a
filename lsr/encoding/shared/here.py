"""Whether a device is here, asked before a model is loaded."""

from __future__ import annotations

from lsr.encoding.shared.device import check_device


def check_here(device: str | None) -> None:
    """ModelError for a device that this machine does not have; torch is loaded only where that is a question."""
    check_device(device)
    if device not in (None, "auto", "cpu"):
        from lsr.encoding.shared.placement import choose_device

        choose_device(device)
