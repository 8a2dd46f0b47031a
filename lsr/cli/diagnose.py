"""`lsr diagnose`: what loses the queries that a baseline answers better?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.compare import Judgements, Metric, Queries, Split, difference_in_words
from lsr.cli.console import print_json, print_text
from lsr.cli.options import Json

if TYPE_CHECKING:
    from lsr.eval.analysis.diagnose import Diagnosis


def run(
    run_file: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run file of the index's search.", show_default=False)
    ],
    baseline: Annotated[
        Path, typer.Argument(metavar="BASELINE", help="The run file that it is held against.", show_default=False)
    ],
    collection: Annotated[
        str, typer.Option(help="The collection: a BEIR folder, irds:NAME, or a bare corpus.", show_default=False)
    ],
    index: Annotated[Path, typer.Option(help="The index that was searched.", show_default=False)],
    split: Split = None,
    queries: Queries = None,
    qrels: Judgements = None,
    metric: Metric = "nDCG@10",
    examples: Annotated[int, typer.Option(min=0, help="How many queries to show of each cause.")] = 3,
    as_json: Json = False,
) -> None:
    """Group the queries that a run loses against a baseline by cause, and say what would help.

    Causes: no shared term, words past what the model reads, identifiers, words broken into pieces, terms pruned, stop
    words, expansion drift. A cause is what holds for the document by which most is lost; whether it is one, a change
    shows.

    Examples:

        lsr diagnose lsr.run bm25.run --collection scifact/ --index lsr-eval/scifact/index
    """
    from lsr.eval import load_collection, read_run
    from lsr.eval.analysis.diagnose import diagnose
    from lsr.search.retriever import Retriever

    retriever = Retriever.open(index)
    loaded = load_collection(collection, split, queries=queries, qrels=qrels)
    found = diagnose(read_run(run_file), read_run(baseline), loaded, retriever, metric)
    if as_json:
        print_json(found.to_record(examples))
    else:
        print_text(_in_words(found, examples))


def _in_words(found: Diagnosis, examples: int) -> str:
    from lsr.eval.analysis.diagnose import CAUSES
    from lsr.eval.measures.metrics import metric_label

    baseline, mean = found.means
    lines = [
        f"{metric_label(found.metric)}: {mean:.4f}, baseline {baseline:.4f}; "
        f"{len(found.lost):,} of {found.queries:,} queries are lost"
    ]
    for name, lost in found.groups().items():
        share = -sum(each.lost.difference for each in lost) / found.queries
        lines += ["", f"{name}: {len(lost):,} queries, {share:.4f} of the mean: {CAUSES[name].title}"]
        lines.append(f"  would help: {CAUSES[name].helps}")
        for each in lost[:examples]:
            lines += [f"  {line}" for line in difference_in_words(each.lost)]
            lines += [f"           {cause}: {', '.join(words)}" for cause, words in each.details.items() if words]
    return "\n".join(lines)
