"""Of each number that was committed: whether it came out again.

Built on comparison.py, so that what counts as the same is said in one place, the registry: effectiveness, sizes and
counts within a thousandth or so, on every machine; times and memory as ratios within their noise, and only on the
machine that they were measured on. A time that is better than it was has come out again; a better nDCG has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from comparison import (
    BETTER,
    OTHER_MACHINE,
    SAME,
    Record,
    Row,
    compare,
    machine_in_words,
    measure_of,
    measured,
    told,
)
from registry import Benchmark

from lsr.eval.reports.markdown import markdown_table

REPRODUCED, DIFFERS, GONE, NOT_JUDGED, NOT_RUN = "reproduced", "differs", "gone", "not judged", "not run"
FAILURES = (DIFFERS, GONE)
STATUS_OF = {OTHER_MACHINE: NOT_JUDGED}
STATUSES = (REPRODUCED, DIFFERS, GONE, NOT_JUDGED, NOT_RUN)


@dataclass(frozen=True, slots=True)
class Number:
    """A committed number, and what it is now.

    Attributes:
        name: its way in the result.
        before: as committed.
        after: as measured now; None if it was not.
        status: one of those above.
    """

    name: str
    before: float
    after: float | None
    status: str

    @property
    def difference(self) -> float | None:
        """By how much it differs, relatively; None if it was not measured, or was 0."""
        if self.after is None or (self.before == 0 and self.after != 0):
            return None
        return 0.0 if self.before == self.after else self.after / self.before - 1


@dataclass(slots=True)
class Reproduced:
    """What became of one committed result.

    Attributes:
        result: its name.
        page: where its numbers are shown.
        numbers: all that were committed and are compared.
        why: why they were not run, or not compared; "" if they were.
        machines: that of the committed result, and the one at hand.
        notes: what else differs.
    """

    result: str
    page: str
    numbers: list[Number] = field(default_factory=list)
    why: str = ""
    machines: tuple[str, str] = ("", "")
    notes: list[str] = field(default_factory=list)

    def count(self, status: str) -> int:
        """How many numbers have a status."""
        return sum(number.status == status for number in self.numbers)

    @property
    def failed(self) -> bool:
        """Whether a number did not come out again."""
        return any(self.count(status) for status in FAILURES)

    def to_record(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "result": self.result,
            "page": self.page,
            "why": self.why,
            "machines": {"committed": self.machines[0], "here": self.machines[1]},
            "notes": self.notes,
            "numbers": [
                {"name": each.name, "before": each.before, "after": each.after, "difference": each.difference}
                | {"status": each.status}
                for each in self.numbers
            ],
        }


def not_run(result: str, benchmark: Benchmark, before: Record | None, why: str) -> Reproduced:
    """A result that there is nothing new of: none of its numbers was reproduced."""
    found = Reproduced(result, benchmark.page, why=why)
    if before is None:
        found.why = f"{why}; no result of it is committed" if why else "no result of it is committed"
        return found
    found.machines = (machine_in_words(before.get("machine")), "")
    found.numbers = [Number(name, values[-1], None, NOT_RUN) for name, values in measured(before, benchmark).items()]
    return found


def judged(result: str, benchmark: Benchmark, before: Record | None, after: Record) -> Reproduced:
    """Each number of a committed result beside that of a new one."""
    if before is None:
        return not_run(result, benchmark, before, "")
    comparison = compare(result, benchmark, before, after)
    machines = (machine_in_words(before.get("machine")), machine_in_words(after.get("machine")))
    if not comparison.rows:
        # Other data or settings: these are other numbers, and say nothing of the committed ones.
        found = not_run(result, benchmark, before, "; ".join(comparison.notes))
        found.machines = machines
        return found
    rows = {row.name: row for row in comparison.rows}
    numbers = [
        Number(name, values[-1], None, GONE) if name not in rows else _number(rows[name], benchmark)
        for name, values in measured(before, benchmark).items()
    ]
    return Reproduced(result, benchmark.page, numbers, machines=machines, notes=comparison.notes)


def _number(row: Row, benchmark: Benchmark) -> Number:
    measure = measure_of(row.name, benchmark)
    faster = row.verdict == BETTER and measure is not None and measure.machine
    status = REPRODUCED if row.verdict == SAME or faster else STATUS_OF.get(row.verdict, DIFFERS)
    return Number(row.name, row.before, row.after, status)


def markdown(results: Sequence[Reproduced], tables: Sequence[str], *, everything: bool = False) -> str:
    """What did not come out again, number by number, or all; then a line for each result, and what it comes to."""
    rows = [
        [
            f"{each.result}: {number.name}",
            told(number.before),
            "" if number.after is None else told(number.after),
            "" if number.difference is None else f"{number.difference:+.2%}",
            number.status,
        ]
        for each in results
        for number in each.numbers
        if everything or number.status in FAILURES
    ]
    parts = [markdown_table(["number", "committed", "now", "differs by", ""], rows)] if rows else []
    lines = [f"- {each.result} ({each.page}): {_in_words(each)}" for each in results]
    lines += [f"- {page}: its tables are not what the committed results say" for page in tables]
    total = {status: sum(each.count(status) for each in results) for status in STATUSES}
    said = ", ".join(f"{count:,} {status}" for status, count in total.items() if count) or "none"
    return "\n\n".join([*parts, "\n".join(lines), f"Numbers: {said}."])


def _in_words(found: Reproduced) -> str:
    counts = {status: found.count(status) for status in STATUSES}
    said = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count) or "no number"
    before, here = found.machines
    if before and here:
        where = f"; here on {here}" if before == here else f"; committed on {before}, here on {here}"
    else:
        where = ""
    return ". ".join([f"{said}{where}", *([found.why] if found.why else []), *found.notes]) + "."
