"""The progress bar for terminals, loaded only when there is one to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from lsr.core.progress import in_speed


@contextmanager
def bar(console: Console, description: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """Give a function that takes the number of items just finished; shows rate and time left."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeRemainingColumn() if total else TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield _Advance(progress, progress.add_task(description, total=total), description)


class _Advance:
    def __init__(self, progress: Progress, task: TaskID, description: str) -> None:
        self.progress, self.task, self.description = progress, task, description

    def __call__(self, count: int) -> None:
        self.progress.advance(self.task, count)

    def remark(self, words: str) -> None:
        self.progress.update(self.task, description=f"{self.description} ({escape(words)})")


class _Rate(ProgressColumn):
    """Shows the rate, in items per second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else in_speed(speed, self.unit), style="progress.data.speed")
