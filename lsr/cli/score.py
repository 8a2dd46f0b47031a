"""`lsr score`: teachers' scores for a training set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.interruption import interruption
from lsr.cli.options import Device, EncodingThreads, Force, Json
from lsr.cli.shards import Address, EngineOption, spreading
from lsr.cli.training_set import (
    Bm25Corpus,
    CandidateFile,
    Output,
    Source,
    Split,
    TeacherMaxLength,
    WithoutTitles,
    bm25_of,
    open_source,
    refuse_without,
)
from lsr.cli.useless import refuse
from lsr.core.counted import counted

KEPT = "nothing was written, and the same command begins again"


def run(
    context: typer.Context,
    source: Source,
    out: Output,
    teacher: Annotated[
        list[str],
        typer.Option(
            "--teacher",
            "-t",
            help="bm25; a model's name or folder (sparse or dense encoder, cross-encoder); or a file of scores: "
            ".parquet, .jsonl, .tsv with query_id, text_id, score. Repeat for more.",
            show_default=False,
        ),
    ],
    weight: Annotated[
        list[float] | None,
        typer.Option(
            "--weight", "-w", help="The weight of each --teacher in the mean, in their order.", show_default=False
        ),
    ] = None,
    scale: Annotated[float, typer.Option(help="The range of a query's combined scores.")] = 30.0,
    normalise: Annotated[
        bool, typer.Option("--normalise", help="Normalise a single teacher's scores like those of several.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Keep each teacher's own scores in this folder; each file can be a --teacher later.",
            show_default=False,
        ),
    ] = None,
    bm25_corpus: Bm25Corpus = None,
    without_titles: WithoutTitles = False,
    split: Split = "train",
    candidates: CandidateFile = None,
    max_length: TeacherMaxLength = 256,
    threads: EncodingThreads = None,
    device: Device = None,
    engine: EngineOption = None,
    address: Address = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Add teachers' scores to the candidates of a training set.

    Several teachers form an ensemble: for each query, each teacher's scores are scaled to 0 to 1, averaged, and
    multiplied by --scale (arXiv:2411.04403). A single teacher's scores are written unchanged.

    Examples:

        lsr score mined -o scored -t splade-tiny -t minilm -t bm25 --keep scores

        lsr score mined -o other -t scores/minilm.parquet -t scores/bm25.parquet -w 2 -w 1
    """
    from lsr.training.teachers import load_teacher, score_training_set

    if len(teacher) == 1:
        if len(weight or ()) == 1:
            refuse(context, "is of several teachers: name another --teacher, or leave this out", "weight")
        if not normalise:
            why = "is of scores that are normalised, as a single teacher's are not: add --normalise, or leave this out"
            refuse(context, why, "scale")
    else:
        refuse(context, "is for a single teacher: the scores of several are always normalised", "normalise")
    refuse_without(context, teacher)
    with (
        interruption(lambda: KEPT),
        spreading(engine, address) as spread,
        open_source(source, out, split=split, candidates=candidates, force=force) as (training_set, _),
    ):
        bm25 = bm25_of(training_set, bm25_corpus)
        teachers = [
            load_teacher(name, bm25=bm25, max_length=max_length, device=device, spread=spread) for name in teacher
        ]
        scored = score_training_set(
            training_set,
            teachers,
            out,
            weights=weight,
            scale=scale,
            normalise=normalise,
            keep=keep,
            without_titles=without_titles,
            force=force,
            stages=progress_bar,
        )
    record: dict[str, Any] = scored.about["scored"]
    if as_json:
        print_json({"output": str(out), "queries": len(scored), **record})
        return
    for of_teacher in record["teachers"]:
        first = of_teacher["positive_first"]
        found = "no negatives to compare with" if first is None else f"a positive first for {first:.1%} of the queries"
        note(f"{of_teacher['name']}: {found}")
    note(f"{out}: {counted(len(scored), 'queries')} with scores")
