"""On how many threads models run, and what becomes of these when a process forks."""

from __future__ import annotations

import logging
import os

import torch

from lsr.core.arguments import count
from lsr.core.counted import counted
from lsr.core.cpus import allowed_cpus, thread_limit
from lsr.core.errors import ModelError

_logger = logging.getLogger("lsr.encoding")

_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def use_threads(threads: int | None) -> None:
    """Let models compute on so many threads. torch has one number for the process, so it holds for all of them.

    If not given, it is what `limit_threads` was given, else torch's own choice. Never more than the processors that
    this process may use, which would only fight: who asked for more is told. A forked process stays on one. InputError
    if it is not positive.
    """
    _watch_forks()
    threads, most = thread_limit() if threads is None else threads, allowed_cpus()
    if threads is None:
        if (chosen := torch.get_num_threads()) > most:
            if (named := next((name for name in _COUNTS if name in os.environ), None)) is not None:
                _told_fewer(f"{named}={os.environ[named]}", chosen, most)
            torch.set_num_threads(most)
        return
    threads = count(threads, "threads")
    if threads > most:
        _told_fewer(f"threads={threads}", threads, most)
        threads = most
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))  # the tokenizer's, if none has run yet
    if not _child:
        torch.set_num_threads(threads)


def _told_fewer(asked: str, threads: int, most: int) -> None:
    _logger.warning(
        "%s: models compute on %s, not %d, for only %s may be used here",
        asked,
        counted(most, "threads"),
        threads,
        counted(most, "processors"),
    )


_watching = False
_child = False  # whether this process is a fork of one that has loaded a model
_warned = False


def _watch_forks() -> None:
    """See to it that a forked process computes on one thread: the others are its parent's, and it would wait for them
    for ever.
    """
    global _watching
    if not _watching and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_become_child)
        _watching = True


def _become_child() -> None:
    global _child
    _child = True
    torch.set_num_threads(1)


def check_process(device: torch.device) -> None:
    """Warn, once, where a model runs in a fork of the process that loaded it; ModelError where it cannot, on a GPU."""
    global _warned
    if not _child or _warned:
        return
    if device.type != "cpu":
        raise ModelError(
            f"this process is a fork of the one that loaded the model, and cannot use its {device.type} device: start "
            "processes with multiprocessing's method 'spawn' or 'forkserver', and load the model in each"
        )
    _warned = True
    _logger.warning(
        "this process is a fork of the one that loaded the model, so it encodes on one thread; processes that "
        "multiprocessing starts by 'spawn' or 'forkserver' have threads of their own"
    )
