"""`lsr demo`: every step, on text that is available on every machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.console import output, print_json, print_text, progress_bar
from lsr.cli.corpus import resumable
from lsr.cli.options import EncodingThreads, Force, Json
from lsr.core.unfinished import announce


def run(
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder for the corpus and the index.")] = Path(
        "lsr-demo"
    ),
    threads: EncodingThreads = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Index the documentation of this Python's standard library, ask it questions, and measure the answers.

    Needs no network. Takes two minutes the first time; the index is kept for later runs.

    Example:

        lsr demo
    """
    from lsr.build.corpus import usual
    from lsr.demo.collection import write_collection
    from lsr.demo.questions import shown_questions
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.eval import EvaluationSettings, evaluate, load_collection, open_or_index

    with progress_bar("reading the standard library", None, "files") as progress:
        write_collection(out, force=force, progress=progress)
    collection = load_collection(out)
    encoder = SparseEncoder.load()
    announce(out / "index")
    with resumable(out / "index"):
        retriever = open_or_index(
            collection, out / "index", encoder, **usual(encoder), force=force, stages=progress_bar
        )
    retriever.warm_up()
    answers = [(query.text, retriever.search(query.text, 3, explain=True)) for query in shown_questions()]
    evaluation = evaluate(collection, retriever, EvaluationSettings(), stages=progress_bar)
    if as_json:
        questions = [{"query": question, **answer.to_record()} for question, answer in answers]
        print_json({"questions": questions, **evaluation.report.to_record()})
        return
    from lsr.cli.render import print_response

    for question, answer in answers:
        output.print(f"\n[bold green]?[/] [bold]{question}[/]")
        print_response(answer, explain=True)
    output.print()
    print_text(evaluation.report.to_markdown())
    _print_next_steps(out)


def _print_next_steps(folder: Path) -> None:
    output.print("[bold]Now with your own text[/] (.txt and .md files; JSONL, TSV and Parquet work as well):")
    output.print("  lsr index FOLDER -o my-index")
    output.print('  lsr search my-index "your question" --explain')
    output.print("[bold]Or serve this index:[/]")
    output.print(f"  lsr serve {folder / 'index'} --port 8080")
    body = """'{"text": "how do I read a zip file"}'"""
    output.print(f"  curl -s localhost:8080/v1/search -H 'content-type: application/json' -d {body}", markup=False)
