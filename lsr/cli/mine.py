"""`lsr mine`: hard negatives for a training set."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
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
from lsr.core.counted import counted, verb

if TYPE_CHECKING:
    from lsr.build.distribute.spread import Spread
    from lsr.encoding.sparse.bm25 import Bm25Encoder
    from lsr.training.negatives import CandidateSearcher, TeacherMargin
    from lsr.training.teachers import SetTeacher

KEPT = (
    "nothing was written, and the same command begins again; with an index named by --with, which `lsr index` makes "
    "and goes on with, that is quick"
)


def run(
    context: typer.Context,
    source: Source,
    out: Output,
    systems: Annotated[
        list[str],
        typer.Option(
            "--with",
            help="Where candidates come from: bm25; an index of the same corpus; or a model's name or folder (sparse "
            "or dense encoder). NAME+words searches a sparse one with words, as an index does. Repeat for more.",
        ),
    ] = ["bm25"],  # noqa: B006
    depth: Annotated[int, typer.Option(min=1, help="How many of each system's best hits are candidates.")] = 200,
    negatives: Annotated[int, typer.Option("--negatives", "-n", min=1, help="Negatives to choose for a query.")] = 20,
    skip_top: Annotated[int, typer.Option(min=0, help="Leave out this many of each system's best candidates.")] = 0,
    top: Annotated[bool, typer.Option("--top", help="Choose the best candidates instead of random ones.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random choice.")] = 0,
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher",
            "-t",
            help="Leave out what this teacher considers an answer: any teacher of `lsr score`, or one of --with.",
            show_default=False,
        ),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(
            help="A negative scores at most this share of the positive's score (NV-Retriever; 0.95 if neither this, "
            "--margin nor --most is given).",
            show_default=False,
        ),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="A negative scores at least this much below the positive.", show_default=False)
    ] = None,
    most: Annotated[
        float | None, typer.Option(help="A negative scores at most this (RocketQA's denoising).", show_default=False)
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the existing negatives instead of adding to them.")
    ] = False,
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
    """Add hard negatives to a training set: what search finds for a query besides its positives.

    Candidates are the texts of the set: for a BEIR folder, its whole corpus. Texts equal to a positive or to the query
    are left out. For a large corpus, index it first (`lsr index` can be resumed) and name the index.

    Examples:

        lsr mine my-collection -o mined --with bm25 --with splade-tiny --skip-top 5

        lsr mine my-collection -o mined --with minilm --teacher minilm --ratio 0.95
    """
    from lsr.training.negatives import MiningSettings, TeacherMargin, mine
    from lsr.training.negatives.loading import load_searcher

    if top:
        refuse(context, "is of a random choice, and --top chooses the best: leave one of the two out", "seed")
    refuse_without(context, [*systems, *([] if teacher is None else [teacher])])
    settings = MiningSettings(
        depth=depth,
        negatives=negatives,
        skip_top=skip_top,
        sampling="top" if top else "random",
        seed=seed,
        replace=replace,
    )
    given = any(rule is not None for rule in (ratio, margin, most))
    if given and teacher is None:
        fail("--ratio, --margin and --most compare scores: name a --teacher")
    rule: TeacherMargin | None = TeacherMargin(ratio=ratio, margin=margin, most=most) if given else None
    with (
        interruption(lambda: KEPT),
        spreading(engine, address) as spread,
        open_source(source, out, split=split, candidates=candidates, all_texts=True, force=force) as (
            training_set,
            work,
        ),
    ):
        bm25 = bm25_of(training_set, bm25_corpus)
        searchers: dict[str, CandidateSearcher] = {
            name: load_searcher(
                name,
                training_set.texts,
                work / f"searcher-{number}",
                bm25=bm25,
                max_length=max_length,
                device=device,
                stages=progress_bar,
                spread=spread,
            )
            for number, name in enumerate(dict.fromkeys(systems))
        }
        mined = mine(
            training_set,
            list(searchers.values()),
            out,
            settings,
            teacher=_teacher(teacher, searchers, without_titles, bm25, max_length, device, spread),
            margin=rule,
            without_titles=without_titles,
            force=force,
            stages=progress_bar,
        )
    record: dict[str, Any] = mined.about["mined"]
    if as_json:
        print_json({"output": str(out), "queries": len(mined), **record})
        return
    if teacher is not None:
        note(f"{teacher}: left out {record['dropped_by_teacher']:.1%} of the candidates")
    if record["short"]:
        note(
            f"{counted(record['short'], 'queries')} {verb(record['short'], 'has', 'have')} fewer than "
            f"{counted(negatives, 'negatives')}: try a larger --depth"
        )
    note(f"{out}: {counted(len(mined), 'queries')} with {record['mean_negatives']:.1f} new negatives each")


def _teacher(
    name: str | None,
    searchers: dict[str, CandidateSearcher],
    without_titles: bool,
    bm25: Callable[[], Bm25Encoder],
    max_length: int,
    device: str | None,
    spread: Spread,
) -> SetTeacher | None:
    """The teacher; it uses a searcher's vectors if that reads the same texts."""
    from lsr.training.negatives.searchers import VectorSearcher
    from lsr.training.teachers import load_teacher

    if name is None:
        return None
    searcher = searchers.get(name)
    if isinstance(searcher, VectorSearcher) and not without_titles:
        return searcher.teacher()
    return load_teacher(name, bm25=bm25, max_length=max_length, device=device, spread=spread)
