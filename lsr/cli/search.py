"""`lsr search`: search an index."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.options import Device, EncodingThreads, Force, IndexPath, Json, OtherModel, QueryIdf
from lsr.cli.search_flags import asked, search_command

if TYPE_CHECKING:
    from lsr.index import SearchStats
    from lsr.search.plan import SearchPlan
    from lsr.search.retriever import Retriever

COMMAND = search_command()

_BATCH = 1024


def run(
    context: typer.Context,
    index: IndexPath,
    query: Annotated[str | None, typer.Argument(help="The question.", show_default=False)] = None,
    queries: Annotated[
        str | None, typer.Option(help="Many queries: a BEIR folder, a .jsonl or .tsv file, irds:NAME, or - for stdin.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="With --queries: the TREC run file to make.")
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(help="With --queries: the tag in the run file. (default: the index's name)", show_default=False),
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Number of hits.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Show which terms matched and what each gave.")] = False,
    query_idf: QueryIdf = None,
    model: OtherModel = None,
    threads: EncodingThreads = None,
    device: Device = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Search an index with one question, or with a file of queries.

    Shows score, title and the passage that matched best; --queries writes a TREC run file instead.

    Examples:

        lsr search my-index "how do birds find their way" --explain

        lsr search my-index "how do birds find their way" --mode hybrid

        lsr search my-index "how do birds find their way" --recall 0.98

        lsr search my-index --queries queries.jsonl -k 1000 -o run.trec

        lsr search my-index --mode hybrid --rerank late --show-plan > plan.json
    """
    from lsr.search.retriever import Retriever

    plan = asked(context).plan()
    if asked(context).show:
        print_json(plan.to_record())
        return
    if (query is None) == (queries is None):
        fail("give either a QUERY or --queries with a file of them")
    if out is not None and query is None:
        from lsr.core.files import check_file
        from lsr.core.unfinished import announce

        announce(out)
        check_file(out, force=force)
    retriever = Retriever.open(index, model=model, device=device, light=query is not None, query_idf=query_idf)
    if query is None:
        assert queries is not None
        if out is None:
            fail("--queries needs --output with the name of the run file to make")
        _search_many(retriever, queries, out, k, plan, tag or _name(index), force, as_json)
        return
    if not query.strip():
        fail("the query is empty: give some words to search for")
    # Matches are always computed, because the snippet needs them; kernels are loaded first, so that the time shown is
    # that of the search.
    retriever.warm_up(plan)
    response = retriever.search(query, k, plan, explain=True)
    if as_json:
        print_json({"query": query, **response.to_record(explain=explain)})
    else:
        from lsr.cli.render import print_response

        print_response(response, explain=explain)


def _name(index: Path) -> str:
    """The index's name, for the tag of its runs; that of its folder where it is only called "index", as by eval."""
    path = index.resolve()
    return path.parent.name if path.name == "index" and path.parent.name else path.name


def _search_many(
    retriever: Retriever, source: str, out: Path, k: int, plan: SearchPlan, tag: str, force: bool, as_json: bool
) -> None:
    from lsr.eval import Ranking, write_run
    from lsr.search.stats import in_words, mean_stats
    from lsr.text import open_queries

    queries = open_queries(source)
    run: dict[str, Ranking] = {}
    stats: list[SearchStats] = []
    with progress_bar("searching", None, "queries") as progress:
        while batch := list(islice(queries, _BATCH)):
            encoded = retriever.encode_queries([query.text for query in batch], plan)
            for query, hits in zip(batch, retriever.rank(encoded, k, plan, progress=progress), strict=True):
                run[query.id] = Ranking(hits.ids, hits.scores)
                if hits.stats is not None:
                    stats.append(hits.stats)
    changed = write_run(out, run, tag=tag, force=force)
    if changed:
        note(f"{changed:,} ids have white space, which a run file cannot hold: there it is written as %20")
    mean = mean_stats(stats) if stats else None
    if as_json:
        print_json({"output": str(out), "queries": len(run), "mean_stats": mean and mean._asdict()})
    else:
        note(f"{out}: {len(run):,} queries" + (f"; on average {in_words(mean)}" if mean else ""))
