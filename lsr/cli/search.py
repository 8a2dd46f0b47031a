"""`lsr search`: search an index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.options import Device, EncodingThreads, Force, IndexPath, Json, OtherModel, QueryIdf
from lsr.cli.remote import ServerKey, ServerUrl, connected, refuse_key
from lsr.cli.search_flags import asked, refuse_asked, search_command
from lsr.cli.useless import OF_SPARSE, refuse
from lsr.core.counted import counted, verb
from lsr.core.documents import is_blank

if TYPE_CHECKING:
    from lsr.index import Index, SearchStats
    from lsr.search.plan import SearchPlan
    from lsr.search.response import SearchResponse
    from lsr.search.retriever import Retriever

COMMAND = search_command()
_OF_TEXTS = "is of the vectors that are made of texts: those that are given are searched with as they are"


def run(
    context: typer.Context,
    index: IndexPath,
    query: Annotated[str | None, typer.Argument(help="The question.", show_default=False)] = None,
    vector: Annotated[
        str | None,
        typer.Option(
            help='In place of the question or beside it: a sparse vector in JSON, {"bird": 1.2}, by term or term id.',
            show_default=False,
        ),
    ] = None,
    dense_vector: Annotated[
        str | None,
        typer.Option(help="The same: a dense vector in JSON, as [0.1, 0.2].", show_default=False),
    ] = None,
    queries: Annotated[
        str | None,
        typer.Option(
            help="Many queries: a BEIR folder, a .jsonl or .tsv file, irds:NAME, or - for stdin; or a file of vectors."
        ),
    ] = None,
    dense_queries: Annotated[
        Path | None,
        typer.Option(
            help="Dense vectors of many queries, a .npy file [queries, dim]: in the order of --queries, or alone, the "
            "queries being called by their numbers from 0.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="With --queries: the TREC run file to make.")
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(help="With --queries: the tag in the run file. (default: the index's name)", show_default=False),
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Number of hits.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many of the best, for the next page.")] = 0,
    search_after: Annotated[
        str | None,
        typer.Option(
            help="Go on after a hit, however deep: its `sort` in JSON, or [SCORE, ID] in the order of scores.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show which terms matched and what each gave.")] = False,
    query_idf: QueryIdf = None,
    model: OtherModel = None,
    threads: EncodingThreads = None,
    device: Device = None,
    force: Force = False,
    server: ServerUrl = None,
    key: ServerKey = None,
    as_json: Json = False,
) -> None:
    """Search an index with one question, or with a file of queries.

    Shows score, title and the passage that matched best; --queries writes a TREC run file instead.

    Examples:

        lsr search my-index "how do birds find their way" --explain

        lsr search my-index "how do birds find their way" --mode hybrid

        lsr search my-index "how do birds find their way" --recall 0.98

        lsr search my-index "birds" --filter 'year >= 2020 and lang in ("en", "de") and not draft' --facets lang

        lsr search my-index --filter 'tags = "birds"' --sort=-year,title -k 100

        lsr search my-index --queries queries.jsonl -k 1000 -o run.trec

        lsr search my-index --vector '{"bird": 1.2, "star": 0.7}'

        lsr search my-index --queries queries.parquet --dense-queries queries.npy --mode hybrid -o run.trec

        lsr search my-index --mode hybrid --rerank late --show-plan > plan.json

        lsr search birds "how do birds find their way" --server http://localhost:8080
    """
    given = {"QUERY": query, "--vector": vector, "--dense-vector": dense_vector}
    many = {"--queries": queries, "--dense-queries": dense_queries}
    default = "auto"
    if dense_vector is not None or dense_queries is not None:
        alone = all(each is None for each in (query, vector, queries))
        default = "dense" if alone else "hybrid"
    plan = asked(context).plan(default)
    if asked(context).show:
        print_json(plan.to_record())
        return
    if not plan.retrieve.needs_sparse:
        refuse(context, OF_SPARSE, "query_idf")
    one, several = (any(each is not None for each in group.values()) for group in (given, many))
    if plan.lists and not (one or several):
        one = True
    if one == several:
        fail("give either a QUERY (or --vector, --dense-vector) or --queries (or --dense-queries) with a file of them")
    if several:
        if out is None:
            fail("--queries and --dense-queries need --output with the name of the run file to make")
        from lsr.core.files import check_file
        from lsr.core.unfinished import announce

        announce(out)
        check_file(out, force=force)
        refuse(context, "is for pages of one question: a run file holds the whole ranking", "offset")
        refuse(context, "is for one question: a run file has no place for it", "explain", "search_after")
        refuse_asked(context, "is for one question: a run file has no place for it", "sort", "facets", "count")
        from lsr.vectors.files import holds_vectors

        if queries is None or holds_vectors(queries):
            refuse(context, _OF_TEXTS, "query_idf")
            refuse_asked(context, _OF_TEXTS, "lexical_weight")
        from lsr.search.retriever import Retriever

        if server is not None:
            fail("--queries and --dense-queries search an index on this machine: leave out --server")
        retriever = Retriever.open(index, model=model, device=device, query_idf=query_idf)
        _search_many(retriever, queries, dense_queries, out, k, plan, tag or _name(index), force, as_json)
        return
    refuse(
        context, "is for the run file that --queries makes; what one question finds is printed", "out", "tag", "force"
    )
    if query is None or vector is not None:
        refuse(context, _OF_TEXTS, "query_idf")
        refuse_asked(context, _OF_TEXTS, "lexical_weight")
    if query is not None and is_blank(query) and not plan.lists:
        fail("the query is empty: give some words to search for")
    vectors = {
        "vector": _parsed(vector, "--vector", dict),
        "dense_vector": _parsed(dense_vector, "--dense-vector", list),
    }
    asked_with = {"offset": offset, "search_after": _parsed(search_after, "--search-after", list), **vectors}
    if server is not None:
        of_here = ("query_idf", "model", "threads", "device")
        with connected(context, server, key, index, *of_here) as there:
            _print_answer(there.search, query, k, plan, asked_with, explain, as_json)
        return
    refuse_key(context)
    from lsr.search.retriever import Retriever

    retriever = Retriever.open(index, model=model, device=device, light=True, query_idf=query_idf)
    # Kernels are loaded first, so that the time shown is that of the search. With vectors it is tried as it was asked:
    # any other text might ask for a model that there is none of.
    if query is not None and not is_blank(query) and vector is None and dense_vector is None:
        retriever.warm_up(plan)
    else:
        retriever.search(query, k, plan, **asked_with)
    response = _print_answer(retriever.search, query, k, plan, asked_with, explain, as_json)
    _note_calibration(retriever.index, plan)
    nothing = (
        not response.hits and not offset and plan.min_relevance is None and response.stats is not None and not as_json
    )
    if nothing and query is not None and vector is None and not len(retriever.sparse_queries([query]).indices):
        note('nothing is searched for: the words of the query are none of the index\'s, or as "the" and "of"')


def _note_calibration(index: Index, plan: SearchPlan) -> None:
    """Say so where relevance is of much fewer, or more, documents than there are."""
    from lsr.search.relevance import calibration_of

    found = calibration_of(index, plan)
    old = "" if found is None else found.age(len(index.documents))
    if old:
        note(f"relevance is {old}")


def _print_answer(
    search: Callable[..., SearchResponse],
    query: str | None,
    k: int,
    plan: SearchPlan,
    given: dict[str, Any],
    explain: bool,
    as_json: bool,
) -> SearchResponse:
    """Search with one question, here or on a server, and print what is found; `given` as for `Retriever.search`."""
    # Matches are always computed, because the snippet needs them.
    response = search(query, k, plan, explain=True, **given)
    if as_json:
        vectors = {name: given[name] for name in ("vector", "dense_vector") if given[name] is not None}
        print_json({"query": query, **vectors, **response.to_record(explain=explain)})
        return response
    from lsr.cli.render import print_response

    found = 0
    if given["offset"] and not response.hits:
        found = len(search(query, given["offset"], plan, **{**given, "offset": 0, "search_after": None}).hits)
    print_response(response, explain=explain, before=found, least=plan.min_relevance)
    return response


def _parsed(text: str | None, flag: str, kind: type) -> Any:
    """The value of a flag; exits with 2 for what is not JSON of this kind."""
    import json

    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        fail(f"{flag} takes JSON: {error}")
    if not isinstance(value, kind):
        wanted = '{"term": weight}' if kind is dict else "[value, value]"
        fail(f"{flag} takes {wanted} in JSON, not {text[:40]!r}")
    return value


def _name(index: Path) -> str:
    """The index's name, for the tag of its runs; that of its folder where it is only called "index", as by eval."""
    path = index.resolve()
    return path.parent.name if path.name == "index" and path.parent.name else path.name


def _search_many(
    retriever: Retriever,
    source: str | None,
    dense: Path | None,
    out: Path,
    k: int,
    plan: SearchPlan,
    tag: str,
    force: bool,
    as_json: bool,
) -> None:
    from lsr.eval import Ranking, write_run
    from lsr.search.many import open_asked
    from lsr.search.stats import in_words, mean_stats

    run: dict[str, Ranking] = {}
    stats: list[SearchStats] = []
    with progress_bar("searching", None, "queries") as progress:
        for encoded in open_asked(retriever, source, dense, plan):
            for id, hits in zip(encoded.ids, retriever.rank(encoded, k, plan, progress=progress), strict=True):
                run[id] = Ranking(hits.ids, hits.scores)
                if hits.stats is not None:
                    stats.append(hits.stats)
    changed = write_run(out, run, tag=tag, force=force)
    if changed:
        note(
            f"{counted(changed, 'ids')} {verb(changed, 'has', 'have')} white space, which a run file cannot hold, or "
            "a % like that of %20: there white space is written as %20, and that % as %25"
        )
    mean = mean_stats(stats) if stats else None
    if as_json:
        print_json({"output": str(out), "queries": len(run), "mean_stats": mean and mean._asdict()})
    else:
        note(f"{out}: {counted(len(run), 'queries')}" + (f"; on average {in_words(mean)}" if mean else ""))
