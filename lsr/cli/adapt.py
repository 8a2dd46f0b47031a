"""`lsr adapt`: a better encoder for a corpus without judgements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.console import output, print_json, progress_bar
from lsr.cli.options import Json, Model
from lsr.encoding.catalogue import DEFAULT_MODEL


def run(
    corpus: Annotated[
        str,
        typer.Argument(
            help="A BEIR folder, a .jsonl, .tsv or .parquet file, a folder of text files, or irds:NAME.",
            show_default=False,
        ),
    ],
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", help="The folder of the run; the encoder is its model/.", show_default=False),
    ],
    model: Model = DEFAULT_MODEL,
    teachers: Annotated[
        list[str] | None,
        typer.Option(
            "--teacher",
            "-t",
            help="A teacher, as for `lsr score`; repeat for more. (default: bm25, minilm and splade-tiny)",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Number of training steps.")] = 400,
    queries: Annotated[int, typer.Option(min=1, help="The most pseudo-queries of each kind to train on.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random choices.")] = 42,
    as_json: Json = False,
) -> None:
    """Train an encoder for your corpus, from nothing but its text.

    Titles and cropped sentences stand in for queries, search finds candidates for them, an ensemble of teachers scores
    these, and a short run learns the scores. The same command resumes an interrupted run.

    Examples:

        lsr adapt my-corpus.jsonl -o my-run

        lsr adapt my-beir-folder -o my-run --steps 1000 --teacher bm25 --teacher my-cross-encoder
    """
    from lsr.training.adapt import AdaptSettings, adapt

    settings = AdaptSettings(base=model, steps=steps, queries=queries, seed=seed)
    if teachers:
        settings = AdaptSettings(base=model, steps=steps, queries=queries, seed=seed, teachers=tuple(teachers))
    adapted = adapt(corpus, folder, settings, stages=progress_bar)
    if as_json:
        print_json(
            {
                "model": str(adapted.model),
                "queries": adapted.queries,
                "held_out": adapted.held_out,
                "before": adapted.before,
                "after": adapted.after,
            }
        )
        return
    output.print(f"{adapted.held_out:,} held-out pseudo-queries       before      after")
    for name in adapted.before:
        output.print(f"{name:36} {adapted.before[name]:10.3f} {adapted.after[name]:10.3f}")
    output.print(f"\n{adapted.model}\n\nNext: lsr index {corpus} --model {adapted.model}")
