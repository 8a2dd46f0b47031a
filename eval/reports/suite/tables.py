"""A suite's tables as Markdown, LaTeX and CSV: for each measure, systems by collections."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lsr.core.counted import counted
from lsr.eval.matching import all_remarks
from lsr.eval.measures.latency import Latency
from lsr.eval.measures.metrics import metric_label
from lsr.eval.reports.markdown import latency_row, markdown_table
from lsr.eval.reports.suite.results import SuiteResults

SIGNIFICANT = 0.05
MARK = "†"


class Cell(NamedTuple):
    """A value, and whether it differs from the first system's by more than chance, and is the best of its column."""

    value: float
    marked: bool
    best: bool


class Table(NamedTuple):
    """A measure's values: `cells[system][collection]`, without those that were not measured."""

    measure: str
    columns: list[str]
    cells: dict[str, dict[str, Cell]]


def tables(results: SuiteResults) -> list[Table]:
    """A table for each measure, in their order."""
    made = []
    rows: Sequence[Mapping[str, Any]] = results.record["rows"]
    for measure in dict.fromkeys(row["measure"] for row in rows):
        of_measure = [row for row in rows if row["measure"] == measure]
        columns = list(dict.fromkeys(row["collection"] for row in of_measure))
        # As they are shown: what looks the same is the best together.
        best = {
            name: max(round(row["value"], 4) for row in of_measure if row["collection"] == name) for name in columns
        }
        cells: dict[str, dict[str, Cell]] = {system: {} for system in results.systems}
        for row in of_measure:
            name, value = row["collection"], row["value"]
            marked = row["p"] is not None and row["p"] < SIGNIFICANT
            cells[row["system"]][name] = Cell(value, marked, round(value, 4) == best[name])
        made.append(Table(measure, columns, cells))
    return made


def note(results: SuiteResults) -> str:
    """What the marks in the tables say."""
    first = results.systems[0]
    return (
        f"{MARK}: differs from {first} (p < {SIGNIFICANT}; two-sided paired t-test over queries, corrected by Holm "
        "over all pairs of systems). Bold: the best of its column."
    )


def remarks(results: SuiteResults) -> list[str]:
    """What a reader of the values must know, each with its collection."""
    return all_remarks(
        [f"{item.collection}: {each}" for each in item.record["notes"]] for item in results.items.values()
    )


def markdown(results: SuiteResults) -> str:
    """All tables, with times and sizes, for readers."""
    parts = [f"# {results.title or 'Results'}", results.record["settings"]["notes"], _collections(results)]
    for table in tables(results):
        head = [metric_label(table.measure), *map(_escaped, table.columns)]
        body = [[_escaped(system), *_cells(table, system, _bold)] for system in table.cells]
        parts.append(markdown_table(head, body))
    if len(results.systems) > 1:
        parts.append(note(results))
    parts += [_latencies(results), _sizes(results), "\n".join(f"- {each}" for each in remarks(results))]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(results: SuiteResults) -> str:
    """The tables in LaTeX, by booktabs."""
    parts = ["% \\usepackage{booktabs}"]
    for table in tables(results):
        lines = [
            f"% {table.measure}",
            f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            "\\toprule",
            " & ".join([metric_label(table.measure), *map(_tex, table.columns)]) + " \\\\",
            "\\midrule",
            *(" & ".join([_tex(system), *_cells(table, system, _tex_bold)]) + " \\\\" for system in table.cells),
            "\\bottomrule",
            "\\end{tabular}",
        ]
        parts.append("\n".join(lines))
    if len(results.systems) > 1:
        parts.append("% " + note(results))
    return "\n\n".join(parts) + "\n"


def csv_rows(results: SuiteResults) -> str:
    """The rows: system, collection, measure, value, low and high end of the interval, p."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["system", "collection", "measure", "value", "ci_low", "ci_high", "p"])
    for row in results.record["rows"]:
        low, high = row["ci"] or ("", "")
        p = "" if row["p"] is None else row["p"]
        writer.writerow([row["system"], row["collection"], row["measure"], row["value"], low, high, p])
    return out.getvalue()


def _cells(table: Table, system: str, bold: Callable[[str, Cell], str]) -> list[str]:
    found = [table.cells[system].get(name) for name in table.columns]
    return ["" if cell is None else bold(f"{cell.value:.4f}", cell) for cell in found]


def _bold(value: str, cell: Cell) -> str:
    return (f"**{value}**" if cell.best else value) + MARK * cell.marked


def _tex_bold(value: str, cell: Cell) -> str:
    return (f"\\textbf{{{value}}}" if cell.best else value) + "$^\\dagger$" * cell.marked


def _collections(results: SuiteResults) -> str:
    rows = []
    for name, about in results.record["collections"].items():
        documents = next(
            (item.record["documents"] for (where, _), item in results.items.items() if where == name), None
        )
        count = "" if documents is None else f"{documents:,}"
        rows.append([_escaped(name), count, f"{about['queries']:,}", f"{about['judgements']:,}"])
    return markdown_table(["collection", "documents", "queries", "judgements"], rows)


def _latencies(results: SuiteResults) -> str:
    rows = [
        latency_row(f"{_escaped(collection)}: {_escaped(system)}", Latency(**item.times["latency"]["total"]))
        for (collection, system), item in results.items.items()
        if item.times["latency"]
    ]
    return markdown_table(["ms a query, one thread", "mean", "p50", "p95", "p99"], rows) if rows else ""


def _sizes(results: SuiteResults) -> str:
    rows = []
    for (collection, system), item in results.items.items():
        if (index := item.record["index"]) is not None:
            terms = index["active_terms"]
            rows.append(
                [
                    f"{_escaped(collection)}: {_escaped(system)}",
                    f"{index['bytes'] / 1e6:,.1f} MB",
                    counted(round(index["bytes_per_document"]), "bytes"),
                    f"{terms['documents']:,.1f}",
                    f"{terms['queries']:,.1f}",
                    f"{index['flops']:.2f}",
                ]
            )
    head = ["index", "size", "a document", "terms a document", "terms a query", "FLOPS"]
    return markdown_table(head, rows) if rows else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _tex(text: str) -> str:
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    return "".join(special.get(each, f"\\{each}" if each in "#$%&_{}" else each) for each in text)
