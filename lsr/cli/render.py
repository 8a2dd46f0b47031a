"""Search results as people read them, and as programs do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.text import Text

from lsr.cli.console import output
from lsr.explanation import TermMatch
from lsr.retriever import Hit, SearchResponse
from lsr.search_work import in_words
from lsr.snippets import make_snippet

_SHOWN_MATCHES = 8


def print_response(response: SearchResponse, *, explain: bool) -> None:
    """Rank, score, title and a snippet for each hit; with `explain`, the terms that matched and what each gave."""
    if not response.hits:
        complete = response.stats.mode in ("exact", "exhaustive")
        output.print("No document shares a term with the query." if complete else "None found: try --mode exact.")
    for hit in response.hits:
        _print_hit(hit, explain)
    times = f"encoded in {response.encode_ms:.1f} ms, searched in {response.search_ms:.2f} ms"
    output.print(f"[dim]{times} ({in_words(response.stats)})[/]")


def _print_hit(hit: Hit, explain: bool) -> None:
    document = hit.document
    name = escape(document.title or document.id)
    if document.title and not document.title.startswith(document.id):
        name += f" [dim]({escape(document.id)})[/]"
    output.print(f"[bold]{hit.rank:3d}[/]  [cyan]{hit.score:7.3f}[/]  {name}")
    snippet = make_snippet(document.text, hit.matches or ())
    if snippet.text:
        line = Text(" " * 14 + snippet.text)
        for start, stop in snippet.marks:
            line.stylize("bold yellow", 14 + start, 14 + stop)
        output.print(line)
    if explain and hit.matches is not None:
        output.print(f"[green]{' ' * 14}{escape(format_matches(hit.matches))}[/]")


def format_matches(matches: list[TermMatch], shown: int = _SHOWN_MATCHES) -> str:
    """The strongest matches as "term 1.23 (0.61 × 2.02)", and how many more there are."""
    parts = [
        f"{match.term} {match.contribution:.2f} ({match.query_weight:.2f} × {match.document_weight:.2f})"
        for match in matches[:shown]
    ]
    if len(matches) > shown:
        rest = sum(match.contribution for match in matches[shown:])
        parts.append(f"{len(matches) - shown} more {rest:.2f}")
    return " · ".join(parts)


def response_as_dict(response: SearchResponse, *, explain: bool) -> dict[str, Any]:
    """The response as JSON values."""
    hits = []
    for hit in response.hits:
        item: dict[str, Any] = {
            "rank": hit.rank,
            "id": hit.id,
            "score": hit.score,
            "title": hit.document.title,
            "text": hit.document.text,
            "fields": hit.document.fields,
        }
        if explain:
            item["matches"] = [asdict(match) for match in hit.matches or ()]
        hits.append(item)
    timings = {"encode_ms": round(response.encode_ms, 3), "search_ms": round(response.search_ms, 3)}
    return {"hits": hits, "stats": response.stats._asdict(), "timings": timings}
