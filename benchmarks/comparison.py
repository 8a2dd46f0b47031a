"""What moved between two results of a benchmark by more than its noise.

A result is the record in a NAME.json: `script.circumstances`, and its numbers under "values"; if it was measured
several times, "repeats" holds the compared numbers of each. The noise of a measure is the spread of its repeats if both
results have at least three, and otherwise the figure in the registry.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from statistics import median
from typing import Any

from registry import Benchmark, Measure

from lsr.eval.reports.markdown import markdown_table

# From this many repeats on, they measure the noise.
ENOUGH = 3

BETTER, WORSE, CHANGED, SAME, OTHER_MACHINE = "better", "worse", "changed", "within noise", "other machine"
MOVED = (WORSE, BETTER, CHANGED)

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One number, before and after.

    Attributes:
        name: of the number.
        noise: the relative difference that is not significant.
        measured: whether the noise was measured by repeats rather than declared.
        verdict: one of those above.
    """

    name: str
    before: float
    after: float
    noise: float
    measured: bool
    verdict: str

    @property
    def ratio(self) -> float:
        """After over before."""
        return ratio(self.before, self.after)


@dataclass(slots=True)
class Comparison:
    """Two results of one benchmark.

    Attributes:
        rows: of the numbers that both have.
        notes: what prevents a comparison, and what else differs.
    """

    benchmark: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def moved(self) -> list[Row]:
        """The rows that moved by more than their noise: worse ones first, then by how far they moved."""
        found = [row for row in self.rows if row.verdict in MOVED]
        return sorted(found, key=lambda row: (MOVED.index(row.verdict), -distance(row.ratio)))


def compare(name: str, benchmark: Benchmark, before: Record | None, after: Record | None) -> Comparison:
    """Compare the numbers that both records have.

    Results of different settings or data are not compared. On another machine, or an unrecorded one, numbers that
    depend on it are listed but not judged.
    """
    found = Comparison(name)
    if before is None or after is None:
        found.notes.append(f"nothing to compare with: no result {'before' if before is None else 'after'}")
        return found
    differing = differences(before.get("settings"), after.get("settings"))
    if before.get("settings") is None or after.get("settings") is None:
        found.notes.append("the settings of one result were not recorded: taken for those of the other")
    elif differing:
        found.notes.append("not compared, since settings or data differ: " + "; ".join(differing))
        return found
    same = same_machine(before, after)
    if not same:
        machines = " and ".join(machine_in_words(record.get("machine")) for record in (before, after))
        found.notes.append(f"different machines: {machines}")
    packages = [(each.get("machine") or {}).get("packages", {}) for each in (before, after)]
    if all(packages) and (changed := differences(*packages)):
        found.notes.append("other versions: " + "; ".join(changed))
    old, new = (measured(record, benchmark) for record in (before, after))
    for number, values in new.items():
        measure = measure_of(number, benchmark)
        if measure is not None and number in old:
            found.rows.append(judged(number, measure, old[number], values, same or not measure.machine))
    missing = [len(each.keys() - other.keys()) for each, other in ((old, new), (new, old))]
    if any(missing):
        found.notes.append(f"{missing[0]} numbers are gone, {missing[1]} are new")
    return found


def judged(name: str, measure: Measure, before: list[float], after: list[float], comparable: bool) -> Row:
    """Judge one number. `before` and `after` hold the values of each repeat."""
    repeated = min(len(before), len(after)) >= ENOUGH
    noise = max(spread(before), spread(after)) if repeated else measure.noise
    old, new = median(before), median(after)
    factor = ratio(old, new)
    if distance(factor) <= math.log1p(noise):
        verdict = SAME
    elif measure.better is None:
        verdict = CHANGED
    else:
        verdict = BETTER if (factor < 1) == (measure.better == "lower") else WORSE
    return Row(name, old, new, noise, repeated, verdict if comparable else OTHER_MACHINE)


def spread(values: list[float]) -> float:
    """The largest over the smallest, less one; 0 if all are equal."""
    return ratio(min(values), max(values)) - 1


def ratio(before: float, after: float) -> float:
    """After over before; infinite if only the number before is 0."""
    if before == after:
        return 1.0
    return after / before if before else math.inf


def distance(factor: float) -> float:
    """How far a ratio is from 1: the same for double and for half."""
    return abs(math.log(factor)) if 0 < factor < math.inf else math.inf


# -- numbers of a record --------------------------------------------------------------------------------------------


def measured(record: Record, benchmark: Benchmark) -> dict[str, list[float]]:
    """The values of each compared number in all repeats, by name."""
    runs: list[Mapping[str, float]] = record.get("repeats") or [compared_numbers(record["values"], benchmark)]
    return {name: [run[name] for run in runs if name in run] for name in runs[-1]}


def compared_numbers(values: Any, benchmark: Benchmark) -> dict[str, float]:
    """The numbers that a measure of the benchmark matches."""
    return {name: value for name, value in numbers(values, benchmark.keys) if measure_of(name, benchmark) is not None}


def measure_of(name: str, benchmark: Benchmark) -> Measure | None:
    """The first measure that matches."""
    return next((each for each in benchmark.measures if fnmatchcase(name, each.pattern)), None)


def numbers(values: Any, keys: tuple[str, ...], name: str = "") -> Iterator[tuple[str, float]]:
    """Every finite number with its name: the path to it, with slashes; items of a list are named by their keys."""
    if isinstance(values, bool) or values is None:
        return
    if isinstance(values, int | float):
        if math.isfinite(values):
            yield name, float(values)
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from numbers(value, keys, f"{name}/{key}" if name else str(key))
    elif isinstance(values, list):
        for at, value in enumerate(values):
            label = label_of(value, keys) or str(at)
            yield from numbers(value, keys, f"{name}/{label}" if name else label)


def label_of(item: Any, keys: tuple[str, ...]) -> str:
    """A label that identifies an item: text as it is, other values after the name of their field."""
    words = []
    for key in keys:
        value = item
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str):
            words.append(value)
        elif isinstance(value, Mapping):
            words += [f"{name} {each}" for name, each in value.items()]
        elif value is not None:
            words.append(f"{key} {value}")
    return " ".join(words)


def same_machine(before: Record, after: Record) -> bool:
    """Whether both were recorded on machines with the same processor, CPU count and memory."""
    one, other = (record.get("machine") or {} for record in (before, after))
    return bool(one and other) and all(one.get(name) == other.get(name) for name in ("processor", "cpus", "memory_gib"))


def machine_in_words(machine: Mapping[str, Any] | None) -> str:
    """Processor, CPU count and memory."""
    if not machine:
        return "one that was not recorded"
    return f"{machine['cpus']} × {machine['processor']} with {machine['memory_gib']} GiB"


def differences(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> list[str]:
    """ "name: this, not that" for each value that differs."""
    one, other = one or {}, other or {}
    return [
        f"{name}: {other.get(name)}, not {one.get(name)}"
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]


# -- in words -------------------------------------------------------------------------------------------------------


def markdown(comparisons: list[Comparison], *, everything: bool = False) -> str:
    """A table of the numbers that moved, or of all, and a line for each benchmark."""
    rows = [
        [
            f"{each.benchmark}: {row.name}",
            told(row.before),
            told(row.after),
            f"{row.ratio:.3f}",
            f"{row.noise:.1%}" + (" measured" if row.measured else ""),
            row.verdict,
        ]
        for each in comparisons
        for row in (each.rows if everything else each.moved)
    ]
    lines = []
    for each in comparisons:
        counts = {verdict: sum(row.verdict == verdict for row in each.rows) for verdict in (*MOVED, OTHER_MACHINE)}
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "nothing moved"
        compared = f"{len(each.rows)} numbers compared, {said}" if each.rows else "nothing compared"
        lines.append(f"- {'. '.join([f'{each.benchmark}: {compared}', *each.notes])}.")
    head = ["number", "before", "after", "ratio", "noise", ""]
    table = [markdown_table(head, rows), ""] if rows else ["Nothing moved by more than its noise.", ""]
    return "\n".join([*table, *lines])


def told(value: float) -> str:
    """A number with three or four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
