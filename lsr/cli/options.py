"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lsr.cli.console import fail, note
from lsr.text.windows import WindowSettings

_STRIDE_SHARE = WindowSettings().stride / WindowSettings().words


class OnError(StrEnum):
    """What to do with a line that cannot be read."""

    stop = "stop"
    skip = "skip"


class Mode(StrEnum):
    """How an index is searched."""

    hybrid = "hybrid"
    dense = "dense"
    sparse_first = "sparse-first"
    auto = "auto"
    exact = "exact"
    approximate = "approximate"
    exhaustive = "exhaustive"
    seismic = "seismic"
    bmp = "bmp"


class WindowScore(StrEnum):
    """What the scores of a document's windows make of its own."""

    max = "max"
    first = "first"
    sum = "sum"


class FusionMethod(StrEnum):
    """How two rankings become one."""

    tmm = "tmm"
    min_max = "min_max"
    z_score = "z_score"
    none = "none"
    rrf = "rrf"


class FeedbackMethod(StrEnum):
    """How answers improve a query."""

    rocchio = "rocchio"
    rm3 = "rm3"


Corpus = Annotated[
    str | None,
    typer.Argument(
        help="A BEIR folder, a .jsonl, .tsv or .parquet file, a folder of text files, irds:NAME, or - for stdin.",
        show_default=False,
    ),
]
IndexPath = Annotated[Path, typer.Argument(help="An index that `lsr index` made.", show_default=False)]
Model = Annotated[str, typer.Option("--model", "-m", help="A name from `lsr models`, a folder, or a hub name.")]
OtherModel = Annotated[
    str | None, typer.Option("--model", "-m", help="Use this model instead of the one that the index records.")
]
MaxLength = Annotated[int, typer.Option(min=2, help="Tokens of a text that are encoded.")]
TopK = Annotated[int | None, typer.Option(min=1, help="Keep only this many terms of a text, the heaviest.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, … (default: a GPU where there is one)")]
Format = Annotated[
    str | None, typer.Option("--format", help="beir, jsonl, tsv, parquet, folder, file, lines. (default: by name)")
]
OnErrorOption = Annotated[OnError, typer.Option(help="Stop at a line that cannot be read, or skip and list it.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin again instead of going on where a run was interrupted.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Recall = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="In place of --mode: search with what `lsr tune` found for this recall.",
        show_default=False,
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        "-p",
        metavar="NAME=VALUE",
        help="A parameter of the search; repeat for more. approximate: cut, heap_factor, max_blocks, budget_us; "
        "seismic: query_cut, heap_factor; bmp: alpha, beta; fusion: depth, completion (none, candidates, exact), "
        "rank_constant; dense: dense_mode, effort, sparse_mode; feedback: feedback_vectors, feedback_documents, "
        "feedback_terms, feedback_query_weight, interpolate (before, after, both); rerank_depth, rerank_weight.",
        show_default=False,
    ),
]
_STAGES = "Sparse and dense together"
Fusion = Annotated[
    FusionMethod | None,
    typer.Option(
        help="With --mode hybrid: how scores are made alike before they are added, or rrf to add reciprocal ranks. "
        "(default: tmm, from the least a score can be to the best)",
        show_default=False,
        rich_help_panel=_STAGES,
    ),
]
DenseWeight = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="What the dense side counts, the sparse one counting the rest. (default: as `lsr tune --qrels` found, "
        "or the method's own)",
        show_default=False,
        rich_help_panel=_STAGES,
    ),
]
Feedback = Annotated[
    FeedbackMethod | None,
    typer.Option(
        help="Search again with a query that the first answers improve.",
        show_default=False,
        rich_help_panel=_STAGES,
    ),
]
Rerank = Annotated[
    str | None,
    typer.Option(
        help="Score the best hits again with this cross-encoder, or with `late`: the index's token vectors.",
        show_default=False,
        rich_help_panel=_STAGES,
    ),
]
QueryIdf = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="How much of a query's weights is the IDF of this collection, where queries are a table. (default: the "
        "model's choice)",
        show_default=False,
    ),
]
WindowOverlap = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Read documents beyond --max-length by windows that share this many tokens, merged by maximum.",
    ),
]


_WINDOWS = "Long documents by windows"
Windows = Annotated[
    WindowScore | None,
    typer.Option(
        help="Cut documents into windows, each encoded and found by itself. A document scores what its best window "
        "does (max), or its --top-windows best together (sum, which favours long documents); first keeps the first "
        "window alone.",
        show_default=False,
        rich_help_panel=_WINDOWS,
    ),
]
WindowWords = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"Words of a window, at most, beside the title. (default: {WindowSettings().words})",
        show_default=False,
        rich_help_panel=_WINDOWS,
    ),
]
WindowStride = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"Words, at most, from a window's start to the next. (default: {_STRIDE_SHARE:.0%} of --window-words)",
        show_default=False,
        rich_help_panel=_WINDOWS,
    ),
]
TopWindows = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"With --windows sum: how many are added up. (default: {WindowSettings().top})",
        show_default=False,
        rich_help_panel=_WINDOWS,
    ),
]


# What parameters are read as. Whether a search takes them, and these values, is for it to say.
_PARAMETERS: dict[str, type[int] | type[float] | type[str]] = {
    "cut": float,
    "heap_factor": float,
    "max_blocks": int,
    "budget_us": float,
    "query_cut": int,
    "alpha": float,
    "beta": float,
    "depth": int,
    "completion": str,
    "rank_constant": float,
    "dense_mode": str,
    "effort": int,
    "sparse_mode": str,
    "feedback_vectors": str,
    "feedback_documents": int,
    "feedback_terms": int,
    "feedback_query_weight": float,
    "interpolate": str,
    "rerank_depth": int,
    "rerank_weight": float,
}


def window_settings(
    windows: WindowScore | None, words: int | None, stride: int | None, top: int | None
) -> WindowSettings | None:
    """What --windows and its companions ask for; exits with 2 where they come without it, or do not fit."""
    if windows is None:
        if (words, stride, top) != (None, None, None):
            fail("--window-words, --window-stride and --top-windows go with --windows max, first or sum")
        return None
    if top is not None and windows is not WindowScore.sum:
        fail("--top-windows goes with --windows sum")
    words = words or WindowSettings().words
    stride = stride or max(1, round(_STRIDE_SHARE * words))
    return WindowSettings(score=windows.value, words=words, stride=stride, top=top or WindowSettings().top)


def stage_parameters(
    fusion: FusionMethod | None, dense_weight: float | None, feedback: FeedbackMethod | None, rerank: str | None
) -> dict[str, Any]:
    """Those of the options that were given, as `lsr.search.plan.SearchPlan.of` takes them."""
    options = {
        "fusion": fusion and fusion.value,
        "dense_weight": dense_weight,
        "feedback": feedback and feedback.value,
        "rerank": rerank,
    }
    return {name: value for name, value in options.items() if value is not None}


def search_parameters(given: list[str] | None) -> dict[str, Any]:
    """The values of --parameter; exits with 2 for one that is none."""
    parameters: dict[str, Any] = {}
    for item in given or ():
        name, _, value = item.partition("=")
        if name not in _PARAMETERS:
            fail(f"--parameter takes NAME=VALUE with one of the names {', '.join(_PARAMETERS)}, not {item!r}")
        try:
            parameters[name] = _PARAMETERS[name](value)
        except ValueError:
            kind = "whole number" if _PARAMETERS[name] is int else "number"
            fail(f"--parameter {name} is a {kind}, not {value!r}")
    return parameters


def drawable(plot: Path | None) -> Path | None:
    """The picture to draw; None, with a note, where matplotlib is missing. InputError for a name of another kind."""
    from lsr.core.errors import MissingDependencyError
    from lsr.core.plotting import check_plot

    try:
        if plot is not None:
            check_plot(plot)
    except MissingDependencyError as error:
        note(f"no plot: {error}")
        return None
    return plot
