"""A suite's tables as Markdown, LaTeX and CSV: for each measure, systems by collections."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lsr.eval.matching import all_remarks
from lsr.eval.measures.latency import Latency
from lsr.eval.measures.metrics import metric_label
from lsr.eval.reports.markdown import latency_row, markdown_table
from lsr.eval.reports.suite.results import SuiteResults

SIGNIFICANT = 0.05
MARK = "†"
UNLIKE = "‡"
_COSTS = ["index", "size", "bytes a document", "terms a document", "terms a query", "FLOPS"]


class Cell(NamedTuple):
    """A value, and whether it differs from the first system's by more than chance, and is the best of its column."""

    value: float
    marked: bool
    best: bool


class Published(NamedTuple):
    """A value that others published, and whether it is of something else than those above it."""

    value: float
    unlike: bool


class Table(NamedTuple):
    """A measure's values: `cells[system][collection]`, without those that were not measured, and published ones."""

    measure: str
    columns: list[str]
    cells: dict[str, dict[str, Cell]]
    published: dict[str, dict[str, Published]]


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
        published: dict[str, dict[str, Published]] = {}
        for row in results.record["published"]:
            if row["measure"] == measure:
                found = Published(row["value"], bool(row["unlike"]))
                published.setdefault(row["system"], {})[row["collection"]] = found
        made.append(Table(measure, columns, cells, published))
    return made


def note(results: SuiteResults) -> str:
    """What the marks in the tables say."""
    first = results.systems[0]
    return (
        f"{MARK}: differs from {first} (p < {SIGNIFICANT}; two-sided paired t-test over queries, corrected by Holm "
        "over all pairs of systems). Bold: the best of its column."
    )


def sources(results: SuiteResults) -> list[str]:
    """Where the published values are from, and why some of them are not like for like."""
    said: dict[str, dict[str, None]] = {}
    unlike: dict[str, list[str]] = {}
    for row in results.record["published"]:
        about = f" ({row['about']})" if row["about"] else ""
        said.setdefault(row["source"], {})[row["system"] + about] = None
        for why in row["unlike"]:
            unlike.setdefault(f"{row['system']}: {why}", []).append(row["collection"])
    if not said:
        return []
    first = (
        f"Below the line: what others published. {UNLIKE}: not like for like. Those without it are of the same queries "
        "and measure, yet of other code, texts and cuts."
    )
    return [
        first,
        *(f"From {source}: {', '.join(systems)}." for source, systems in said.items()),
        *(f"{UNLIKE} {why}: {', '.join(dict.fromkeys(where))}." for why, where in unlike.items()),
    ]


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
        body += [[f"*{_escaped(name)}*", *_published(table, name, UNLIKE)] for name in table.published]
        parts.append(markdown_table(head, body))
    if len(results.systems) > 1:
        parts.append(note(results))
    parts.append("\n".join(f"- {each}" for each in sources(results)))
    parts += [_latencies(results), _sizes(results), "\n".join(f"- {each}" for each in remarks(results))]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(results: SuiteResults) -> str:
    """The tables in LaTeX, by booktabs."""
    parts = ["% \\usepackage{booktabs}"]
    for table in tables(results):
        ours = [[_tex(system), *_cells(table, system, _tex_bold)] for system in table.cells]
        theirs = [[f"\\textit{{{_tex(name)}}}", *_published(table, name, "$^\\ddagger$")] for name in table.published]
        head = [metric_label(table.measure), *map(_tex, table.columns)]
        parts.append(_tabular(table.measure, head, ours, theirs))
    parts.append(_tex_costs(results))
    if len(results.systems) > 1:
        parts.append("% " + note(results))
    parts += [f"% {each}" for each in sources(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tabular(about: str, head: Sequence[str], ours: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]]) -> str:
    """A table of rows, and of others below a line."""
    lines = [f"% {about}", f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", "\\toprule", " & ".join(head) + " \\\\"]
    for rows in (ours, theirs):
        if rows:
            lines += ["\\midrule", *(" & ".join(row) + " \\\\" for row in rows)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])


def csv_rows(results: SuiteResults) -> str:
    """The rows: system, collection, measure, value, low and high end of the interval, p; then published ones."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["system", "collection", "measure", "value", "ci_low", "ci_high", "p", "source", "unlike"])
    for row in results.record["rows"]:
        low, high = row["ci"] or ("", "")
        p = "" if row["p"] is None else row["p"]
        writer.writerow([row["system"], row["collection"], row["measure"], row["value"], low, high, p, "", ""])
    for row in results.record["published"]:
        unlike = "; ".join(row["unlike"])
        place = [row["system"], row["collection"], row["measure"], row["value"]]
        writer.writerow([*place, "", "", "", row["source"], unlike])
    return out.getvalue()


def _cells(table: Table, system: str, bold: Callable[[str, Cell], str]) -> list[str]:
    found = [table.cells[system].get(name) for name in table.columns]
    return ["" if cell is None else bold(f"{cell.value:.4f}", cell) for cell in found]


def _published(table: Table, name: str, mark: str) -> list[str]:
    found = [table.published[name].get(column) for column in table.columns]
    return ["" if cell is None else f"{cell.value:.4f}" + mark * cell.unlike for cell in found]


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
            rows.append(
                [
                    f"{_escaped(collection)}: {_escaped(system)}",
                    f"{index['bytes'] / 1e6:,.1f} MB",
                    f"{index['bytes_per_document']:,.0f}",
                    *(_terms(index, side, "–") for side in ("documents", "queries")),
                    f"{index['flops']:.2f}",
                ]
            )
    if not rows:
        return ""
    table = markdown_table(_COSTS, rows)
    return f"{table}\n\nTerms: the mean, and from which number to which 90 % of the vectors have."


def _tex_costs(results: SuiteResults) -> str:
    """The same in LaTeX."""
    rows = [
        [
            _tex(f"{collection}: {system}"),
            f"{index['bytes'] / 1e6:,.1f}\\,MB",
            f"{index['bytes_per_document']:,.0f}",
            *(_terms(index, side, "--") for side in ("documents", "queries")),
            f"{index['flops']:.2f}",
        ]
        for (collection, system), item in results.items.items()
        if (index := item.record["index"]) is not None
    ]
    return _tabular("costs", _COSTS, rows, []) if rows else ""


def _terms(index: Mapping[str, Any], side: str, dash: str) -> str:
    mean = f"{index['active_terms'][side]:,.1f}"
    spread = index.get("terms", {}).get(side)  # which an item of an older version does not have
    return mean if spread is None else f"{mean} ({spread['p5']:,.0f}{dash}{spread['p95']:,.0f})"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _tex(text: str) -> str:
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    return "".join(special.get(each, f"\\{each}" if each in "#$%&_{}" else each) for each in text)
