"""A suite's results as one HTML file: its style, script and data are in it, and it asks for nothing else."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import Any

from lsr.eval.measures.metrics import metric_label
from lsr.eval.reports.suite.histograms import histogram, in_words
from lsr.eval.reports.suite.plots import Point, pareto_plot
from lsr.eval.reports.suite.results import SuiteResults
from lsr.eval.reports.suite.tables import MARK, UNLIKE, Table, note, remarks, sources, tables

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(results: SuiteResults) -> str:
    """The whole page. Tables can be read, and plots seen, without scripts."""
    title = escape(results.title or "Results")
    style, script = (
        files("lsr.eval.reports.suite").joinpath("static", name).read_text("utf-8")
        for name in ("report.css", "report.js")
    )
    # Within a script element, only "<" could end it.
    data = json.dumps(_data(results), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    found = tables(results)
    body = [
        f"<h1>{title}</h1>",
        f"<p>{escape(results.record['settings']['notes'])}</p>" if results.record["settings"]["notes"] else "",
        *(_table(table) for table in found),
        f"<p class=note>{escape(note(results))}</p>" if len(results.systems) > 1 else "",
        *(f"<p class=note>{escape(each)}</p>" for each in sources(results)),
        _plots(results, found[0]),
        _sparsity(results),
        _scatter(results),
        _comparisons(results),
        _remarks(results),
        _origins(results),
    ]
    return (
        '<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f'<meta http-equiv=Content-Security-Policy content="{_POLICY}"><link rel=icon href="data:,">'
        f"<title>{title}</title><style>{style}</style></head><body><main>{''.join(body)}</main>"
        f"<script type=application/json id=data>{data}</script><script>{script}</script></body></html>\n"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th scope=col><button>{escape(name)}</button>" for name in table.columns)
    lines = []
    for system, cells in table.cells.items():
        values = []
        for name in table.columns:
            cell = cells.get(name)
            if cell is None:
                values.append("<td>")
                continue
            shown = f"<b>{cell.value:.4f}</b>" if cell.best else f"{cell.value:.4f}"
            values.append(f"<td data-value={cell.value!r}>{shown}{MARK * cell.marked}")
        lines.append(f"<tr><th scope=row>{escape(system)}{''.join(values)}")
    theirs = []
    for name, of_collections in table.published.items():
        values = [
            "<td>" if (told := of_collections.get(column)) is None else f"<td>{told.value:.4f}{UNLIKE * told.unlike}"
            for column in table.columns
        ]
        theirs.append(f"<tr><th scope=row>{escape(name)}{''.join(values)}")
    # A body of their own: sorting is of ours alone.
    below = f"<tbody class=published>{''.join(theirs)}</tbody>" if theirs else ""
    return (
        f"<h2>{escape(metric_label(table.measure))}</h2><div class=wide><table class=sortable>"
        f"<thead><tr><th scope=col><button>system</button>{head}</thead>"
        f"<tbody>{''.join(lines)}</tbody>{below}</table></div>"
    )


def _plots(results: SuiteResults, table: Table) -> str:
    """The first measure over latency and over index size, as means over the collections that have both."""
    label = metric_label(table.measure)
    latency: list[Point] = []
    size: list[Point] = []
    for system in results.systems:
        there = {
            name: item for (name, of), item in results.items.items() if of == system and name in table.cells[system]
        }
        timed = {
            name: item.times["latency"]["total"]["p50_ms"] for name, item in there.items() if item.times["latency"]
        }
        sized = {
            name: item.record["index"]["bytes_per_document"]
            for name, item in there.items()
            if item.record["index"] is not None
        }
        for points, found in ((latency, timed), (size, sized)):
            if found:
                value = sum(table.cells[system][name].value for name in found) / len(found)
                points.append(Point(system, sum(found.values()) / len(found), value))
    drawn = [
        f"<figure>{pareto_plot(points, axis, label)}<figcaption>{escape(f'{label} over {words}')}</figcaption></figure>"
        for points, axis, words in (
            (latency, "ms a query (p50, one thread)", "latency: up and to the left is better"),
            (size, "bytes a document", "index size: up and to the left is better"),
        )
        if points
    ]
    return f"<h2>What it costs</h2><div class=plots>{''.join(drawn)}</div>" if drawn else ""


def _sparsity(results: SuiteResults) -> str:
    """Histograms of the terms of documents and of queries, for each index that knows them."""
    drawn = [
        f"<figure>{histogram(spread, axis)}"
        f"<figcaption>{escape(f'{collection}, {system}: {in_words(spread)}')}</figcaption></figure>"
        for (collection, system), item in results.items.items()
        for side, axis in (("documents", "terms a document"), ("queries", "terms a query"))
        if (spread := (item.record["index"] or {}).get("terms", {}).get(side)) is not None
    ]
    return f"<h2>How sparse it is</h2><div class='plots small'>{''.join(drawn)}</div>" if drawn else ""


def _scatter(results: SuiteResults) -> str:
    if len(results.systems) < 2:
        return ""
    return (
        "<h2>Query by query</h2><form class=choices id=choices>"
        "<label>collection <select name=collection></select></label>"
        "<label>measure <select name=measure></select></label>"
        "<label>across <select name=first></select></label><label>up <select name=second></select></label></form>"
        "<div class=plots><figure id=scatter></figure><div><p id=counts></p>"
        "<p id=query class=note>Point at a dot, or tap it, for the text of its query.</p></div></div>"
    )


_OF_PAIRS = (
    *("pair", "collection", "measure", "difference", "effect size d", "p (t)", "p (randomisation)", "p (Holm)"),
    *("power at that d", "queries for 0.80"),
)


def _comparisons(results: SuiteResults) -> str:
    rows = [
        f"<tr><th scope=row>{escape(each['second'])} − {escape(each['first'])}<td>{escape(each['collection'])}"
        f"<td>{escape(metric_label(each['measure']))}"
        + "".join(
            f"<td data-value={each[key]!r}>{_number(each[key], signed=key in ('difference', 'effect_size'))}"
            for key in ("difference", "effect_size", "p_t", "p_randomisation", "p_holm")
        )
        + f"<td data-value={each['power']!r}>{each['power']:.2f}"
        + ("<td>" if (many := each["queries_needed"]) is None else f"<td data-value={many}>{many:,}")
        for each in results.record["comparisons"]
    ]
    if not rows:
        return ""
    head = "".join(f"<th scope=col><button>{name}</button>" for name in _OF_PAIRS)
    return (
        "<h2>All pairs</h2><details><summary>Differences, effect sizes and tests</summary><div class=wide>"
        f"<table class=sortable><thead><tr>{head}</thead><tbody>{''.join(rows)}</tbody></table></div></details>"
    )


def _number(value: float, *, signed: bool) -> str:
    if signed:
        return f"{value:+.4f}".replace("-", "−")
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


def _remarks(results: SuiteResults) -> str:
    found = remarks(results)
    return f"<h2>Remarks</h2><ul>{''.join(f'<li>{escape(each)}' for each in found)}</ul>" if found else ""


def _origins(results: SuiteResults) -> str:
    """What repeats the numbers."""
    kept = {
        key: results.record[key] for key in ("settings", "systems", "collections", "environments", "costs", "about")
    }
    text = escape(json.dumps(kept, ensure_ascii=False, indent=1))
    return f"<h2>How it was made</h2><details><summary>Settings, versions, machine</summary><pre>{text}</pre></details>"


def _data(results: SuiteResults) -> dict[str, Any]:
    """What the scatter plot draws: each query's text and scores."""
    made = {}
    for name, collection in results.collections.items():
        of_systems = {system: results.items[name, system].scores for system in results.systems}
        made[name] = {
            "queries": [[query.id, query.text] for query in collection.queries],
            "scores": {
                system: {
                    metric_label(measure): [round(value, 4) for value in values.tolist()]
                    for measure, values in scores.values.items()
                }
                for system, scores in of_systems.items()
            },
        }
    return made
