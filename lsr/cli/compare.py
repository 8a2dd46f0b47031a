"""`lsr compare`: which queries does one run win, and why?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, print_json, print_text
from lsr.cli.options import Json
from lsr.core.counted import counted

if TYPE_CHECKING:
    from lsr.eval.analysis.compare import Comparison, Difference

RunA = Annotated[Path, typer.Argument(metavar="RUN_A", help="A TREC run file.", show_default=False)]
RunB = Annotated[Path, typer.Argument(metavar="RUN_B", help="Another, on the same queries.", show_default=False)]
Collection = Annotated[
    str | None,
    typer.Option(help="The collection: a BEIR folder or irds:NAME, for texts and judgements.", show_default=False),
]
Split = Annotated[str | None, typer.Option(help="Judged split of a BEIR folder. (default: test)")]
Queries = Annotated[Path | None, typer.Option(help="A file of queries instead of the collection's.")]
Judgements = Annotated[Path | None, typer.Option(help="A file of judgements instead of the collection's.")]
Metric = Annotated[str, typer.Option(help="Compare by this: nDCG@10, MRR@10, R@100, MAP …")]
Top = Annotated[int, typer.Option(min=0, help="How many queries to show.")]


def run(
    first: RunA,
    second: RunB,
    qrels: Judgements = None,
    collection: Collection = None,
    split: Split = None,
    queries: Queries = None,
    index: Annotated[
        Path | None, typer.Option(help="Show the terms that match in this index, too.", show_default=False)
    ] = None,
    language: Annotated[str, typer.Option(help="Of the words that texts share.")] = "english",
    metric: Metric = "nDCG@10",
    top: Top = 10,
    as_json: Json = False,
) -> None:
    """Compare two run files query by query: won, lost, tied, and by which documents.

    With a collection, the words that a query shares with the document by which most is won or lost; with an index, the
    terms of the vectors that match. Positive is where the second run is better.

    Examples:

        lsr compare bm25.trec mine.trec --qrels qrels/test.tsv

        lsr compare bm25.trec mine.trec --collection scifact/ --index my-index --metric MRR@10
    """
    from lsr.encoding.lexical.analysis import check_language
    from lsr.eval import load_collection, read_qrels, read_run
    from lsr.eval.analysis.compare import compare_runs, explained, texts_of

    if qrels is None and collection is None:
        fail("name the judgements: --qrels FILE, or a --collection that has some")
    if collection is None:
        for flag, given in (("--split", split), ("--queries", queries), ("--index", index)):
            if given is not None:
                fail(f"{flag} is of the texts of a --collection, of which none was given")
    check_language(language)
    retriever = None
    if index is not None:
        from lsr.search.retriever import Retriever

        retriever = Retriever.open(index)
    loaded = None if collection is None else load_collection(collection, split, queries=queries, qrels=qrels)
    judged = loaded.qrels if loaded is not None else read_qrels(qrels)  # type: ignore[arg-type]
    texts = None if loaded is None else texts_of(loaded)
    compared = compare_runs(read_run(first), read_run(second), judged, metric, texts=texts)
    shown = compared.differences[:top]
    if loaded is not None:
        shown = explained(shown, loaded, retriever=retriever, language=language)
    compared = compared.showing(shown)
    if as_json:
        print_json(compared.to_record())
        return
    names = (first.name, second.name) if first.name != second.name else (str(first), str(second))
    print_text(_in_words(compared, *names))


def _in_words(compared: Comparison, first: str, second: str) -> str:
    from lsr.eval.measures.metrics import metric_label

    label, (one, other) = metric_label(compared.metric), compared.means
    low, high = compared.interval or (other - one, other - one)
    lines = [
        f"{label}: {first} {one:.4f}, {second} {other:.4f}: {other - one:+.4f} (95 % from {low:+.4f} to {high:+.4f})",
        f"of {compared.won + compared.lost + compared.tied:,} queries, {second} wins {compared.won:,}, loses "
        f"{compared.lost:,}, ties {compared.tied:,}",
        f"p: {compared.p_t:.4f} (paired t), {compared.p_randomisation:.4f} (randomisation); effect size d "
        f"{compared.effect_size:+.3f}",
    ]
    if compared.queries_needed is not None:
        many = counted(compared.queries_needed, "queries")
        lines.append(f"power at that effect: {compared.power:.2f}; 0.80 would take {many}")
    for each in compared.differences:
        lines += ["", *difference_in_words(each)]
    return "\n".join(lines)


def difference_in_words(each: Difference) -> list[str]:
    """The lines that show a query that two runs answer differently well."""
    text = "" if each.text is None else f"  {each.text}"
    lines = [f"{each.difference:+.4f}  {each.query}{text}"]
    if each.document is not None:
        before, after = ("not found" if rank is None else f"rank {rank:,}" for rank in each.ranks)
        lines.append(f"         relevant {each.document}: {before}, then {after}")
    if each.shared is not None:
        lines.append(f"         shared words: {', '.join(each.shared) or 'none'}")
    if each.terms is not None:
        terms = ", ".join(f"{term} {weight:.2f}" for term, weight in each.terms)
        lines.append(f"         matching terms: {terms or 'none'}")
    return lines
