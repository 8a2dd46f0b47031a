"""Stopping a run by a signal: the step that runs is finished and saved, so that nothing of it is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lsr.core.progress import Progress, remark

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping(TrainerCallback):
    """Ends training with a checkpoint once a signal has come; a second signal ends it at once.

    What the signal did before is done when the checkpoint is there: KeyboardInterrupt for Ctrl-C, as a rule. Processes
    that train together stop at the same step, whichever of them the signal reached.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Heed the signals in this block; at its end, do what the one that came would have done before.

        Signals that are ignored stay so, and only a program's main thread can listen.
        """
        if threading.current_thread() is threading.main_thread():
            heeded = [each for each in _SIGNALS if signal.getsignal(each) not in (signal.SIG_IGN, None)]
            self._before = {each: signal.signal(each, self._receive) for each in heeded}
        try:
            yield
        finally:
            self._restore()
        if self.received is not None:
            self._act(self.received, None)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Save and stop after this step if a signal has come."""
        if self._anywhere(args):
            control.should_save = control.should_training_stop = True

    def _anywhere(self, args: TrainingArguments) -> bool:
        if not (distributed.is_available() and distributed.is_initialized()):
            return self.received is not None
        number = torch.tensor(self.received or 0, device=args.device)
        distributed.all_reduce(number, distributed.ReduceOp.MAX)
        self.received = int(number) or None
        return self.received is not None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:  # for the second time
            self._restore()
            self._act(number, frame)
        self.received = number
        remark(self.progress, "stopping after this step, to save it; once more stops at once")

    def _restore(self) -> None:
        for each, before in self._before.items():
            signal.signal(each, before)

    def _act(self, number: int, frame: FrameType | None) -> None:
        before = self._before.get(number)
        if callable(before):
            before(number, frame)
        raise SystemExit(128 + number)
