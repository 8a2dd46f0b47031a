"""What snapshots of a collection show, and what they show once its log cannot be written."""

from __future__ import annotations

from collections.abc import Callable

from lsr.index.live.snapshot import Index

Made = Callable[[], Index]


class Shown:
    """The states that a collection went through, as far back as one of them is on the disk.

    A write is shown before it is on the disk, where its record comes together with those of others. If that fails, the
    latest state is one that never was, and snapshots are of the last one that is on the disk. One thread at a time.
    """

    def __init__(self) -> None:
        self._states: list[_State] = []

    @property
    def latest(self) -> Made:
        """Makes the index of the state that was shown last."""
        return self._states[-1].made

    def show(self, made: Made, sequence: int, durable: int) -> None:
        """Show a state with the log's records up to `sequence`, of which those up to `durable` are on the disk."""
        safe = [state for state in self._states if state.sequence <= durable][-1:]
        # Of the others, only those count of which somebody is told that just this much is safe.
        pending = [state for state in self._states if state.sequence > durable and state.awaited]
        latest = _State(made, sequence)
        self._states = [latest] if sequence <= durable else [*safe, *pending, latest]

    def wait_for_latest(self) -> None:
        """Remember that somebody waits for the state that was shown last, and is told once it is on the disk."""
        self._states[-1].awaited = True

    def on_disk(self, durable: int) -> Made:
        """Makes the index of the last state of which all is on the disk: the log's records up to `durable`."""
        return next(state.made for state in reversed(self._states) if state.sequence <= durable)


class _State:
    __slots__ = ("awaited", "made", "sequence")

    def __init__(self, made: Made, sequence: int) -> None:
        self.made, self.sequence, self.awaited = made, sequence, False
