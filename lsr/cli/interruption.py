"""What is said when long work is stopped by Ctrl-C or a signal: what is kept, and how to go on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lsr.cli.console import Interrupted, note


@contextmanager
def interruption(kept: Callable[[], str]) -> Iterator[None]:
    """Say what is kept if the block is interrupted or terminated; the exit code is that of the signal."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {kept()}") from None
    except SystemExit as stop:
        if stop.code == 128 + signal.SIGTERM:
            note(f"terminated: {kept()}")
        raise
