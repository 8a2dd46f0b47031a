"""Search results for people, and for programs."""

from __future__ import annotations

from rich.markup import escape
from rich.text import Text

from lsr.cli.console import output
from lsr.core.counted import counted, verb
from lsr.core.facets import Facet
from lsr.index.engines.registry import is_always_exact
from lsr.search.response import Hit, SearchResponse, StageScore
from lsr.search.snippets import make_snippet
from lsr.search.stats import in_words
from lsr.vectors.explanation import TermMatch

_SHOWN_MATCHES = 8


def print_response(response: SearchResponse, *, explain: bool, before: int = 0, least: float | None = None) -> None:
    """Print rank, score, title and a snippet of each hit; with `explain`, also the matching terms and their shares.

    `before` is how many hits were left out for this page: if it has none, they are all that there are. `least` is the
    relevance that was asked for.
    """
    if not response.hits and before:
        output.print(f"There {verb(before)} only {counted(before, 'hits')}: choose a smaller --offset.")
    elif not response.hits and least is not None:
        output.print(f"Nothing has a relevance of {least:g} or more.")
    elif not response.hits and response.mode == "all":
        output.print("No document fulfils that.")
    elif not response.hits:
        complete = response.stats is None or is_always_exact(response.stats.mode)
        output.print("No document shares a term with the query." if complete else "None found: try --mode exact.")
    for hit in response.hits:
        _print_hit(hit, explain)
    for name, facet in (response.facets or {}).items():
        output.print(f"[bold]{escape(name)}[/]  {escape(_facet_in_words(facet))}")
    output.print(f"[dim]{_what_was_done(response)}[/]")


def _facet_in_words(facet: Facet) -> str:
    """The values of a field, as "en 12 · de 5 · 3 more values · 2 documents without"."""
    words = [f"{str(value).lower() if isinstance(value, bool) else value} {count:,}" for value, count in facet.values]
    if facet.more:
        words.append(f"{counted(facet.more, 'more values')}")
    if facet.missing:
        words.append(f"{counted(facet.missing, 'documents')} without")
    return " · ".join(words)


def _what_was_done(response: SearchResponse) -> str:
    total = response.total
    if total is not None and total.relation == "exact" and total.value > len(response.hits):
        return f"{counted(total.value, 'documents')} in all, {_how(response)}"
    return _how(response)


def _how(response: SearchResponse) -> str:
    times = f"encoded in {response.encode_ms:.1f} ms, searched in {response.search_ms:.2f} ms"
    searched = [name for name in response.stages_ms if not name.startswith("encode")]
    if searched == ["sparse"] and response.stats is not None:
        return f"{times} ({in_words(response.stats)})"
    stages = ", ".join(f"{name} {ms:.2f} ms" for name, ms in response.stages_ms.items())
    weight = "" if response.dense_weight is None else f"; the dense side counts {response.dense_weight:g}"
    return f"{times} ({response.mode}: {stages}{weight})"


def _print_hit(hit: Hit, explain: bool) -> None:
    document = hit.document
    title, id = (" ".join(each.splitlines()) for each in (document.title, document.id))
    name = escape(title or id)
    if title and not title.startswith(id):
        name += f" [dim]({escape(id)})[/]"
    if hit.window is not None and hit.window.of > 1:
        name += f" [dim]window {hit.window.number}[/]"
    if hit.relevance is not None:
        name += f" [dim]relevance {hit.relevance:.2f}[/]"
    output.print(f"[bold]{hit.rank:3d}[/]  [cyan]{hit.score:7.3f}[/]  {name}")
    if explain and hit.stages:
        output.print(f"[magenta]{' ' * 14}{escape(format_stages(hit.stages))}[/]")
    snippet = make_snippet(document.text, hit.matches or ())
    if snippet.text:
        line = Text(" " * 14 + snippet.text)
        for start, stop in snippet.marks:
            line.stylize("bold yellow", 14 + start, 14 + stop)
        output.print(line)
    if explain and hit.matches:
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


def format_stages(stages: dict[str, StageScore]) -> str:
    """What each stage gave a hit, as "sparse 12.31, rank 2, gives 0.45 · dense 0.612, rank 1, gives 0.50"."""
    parts = []
    for name, stage in stages.items():
        words = [name if stage.score is None else f"{name} {stage.score:.3f}"]
        words.append("not returned" if stage.rank is None else f"rank {stage.rank}")
        if stage.contribution is not None:
            words.append(f"gives {stage.contribution:.3f}")
        parts.append(", ".join(words))
    return " · ".join(parts)
