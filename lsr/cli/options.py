"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note
from lsr.core.counted import counted
from lsr.core.cpus import allowed_cpus, limit_threads
from lsr.core.options import beneath
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.shared.folder import DEFAULT_LENGTH
from lsr.text.formats import CORPUS_FORMATS
from lsr.text.windows import WindowSettings

if TYPE_CHECKING:
    from lsr.core.schema import Schema

_STRIDE_SHARE = WindowSettings().stride / WindowSettings().words


class OnError(StrEnum):
    """What to do with a line, or a file of a folder, that cannot be read."""

    stop = "stop"
    skip = "skip"
    skip_files = "skip-files"


class WindowScore(StrEnum):
    """How a document's score follows from those of its windows."""

    max = "max"
    first = "first"
    sum = "sum"
    none = "none"


Corpus = Annotated[
    str | None,
    typer.Argument(
        help="A BEIR folder, a file of documents (.jsonl, .json, .tsv, .csv, .parquet), a folder of such files or of "
        "texts, web pages, PDF and Office files, irds:NAME, or - for stdin.",
        show_default=False,
    ),
]
IndexPath = Annotated[Path, typer.Argument(help="An index that `lsr index` made.", show_default=False)]
Model = Annotated[str, typer.Option("--model", "-m", help="A name from `lsr models`, a folder, or a hub name.")]
OtherModel = Annotated[
    str | None, typer.Option("--model", "-m", help="Use this model instead of the one that the index records.")
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        min=2,
        help=f"The most tokens of a text to encode. (default: the model's own, or {DEFAULT_LENGTH})",
        show_default=False,
    ),
]
TopK = Annotated[int | None, typer.Option(min=1, help="Keep only this many terms of a text, the heaviest.")]
Device = Annotated[
    str | None,
    typer.Option(
        help="Where models run: auto, cpu, cuda, cuda:1, mps. (default: auto, a CUDA GPU where there is one, else cpu)",
        show_default=False,
    ),
]


def threads_here(threads: int | None) -> int | None:
    """The threads that a command was given, told to models; more than there are processors would only fight."""
    if threads is not None and threads > (most := allowed_cpus()):
        note(f"--threads {threads}: only {counted(most, 'processors')} may be used here, so {most}")
        threads = most
    return limit_threads(threads)


# Its callback tells the models, so that a command only has to have it.
EncodingThreads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        callback=threads_here,
        help="Threads that models compute on. (default: all processors)",
        show_default=False,
    ),
]
Format = Annotated[str | None, typer.Option("--format", help=f"{', '.join(CORPUS_FORMATS)}. (default: by name)")]
OnErrorOption = Annotated[
    OnError,
    typer.Option(
        help="Stop at what cannot be read, or skip and list it: skip-files does so with whole files of a folder, for "
        "one bad line too; skip with single lines."
    ),
]
SchemaOption = Annotated[
    str | None,
    typer.Option(
        "--schema",
        help="The types of documents' fields, for filters: an object in JSON, or a file of one, in JSON or YAML. Types "
        "are keyword, integer, float, datetime, boolean, and lists of one, as keyword[]. (default: inferred)",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read all, refuse what a run would, and say how long it takes; write nothing."),
]
Restart = Annotated[bool, typer.Option("--restart", help="Begin again instead of resuming an interrupted run.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
QueryIdf = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="How much of a query's weights is the IDF of this collection, if queries use a table. (default: the "
        "model's choice)",
        show_default=False,
    ),
]
WindowOverlap = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Read documents longer than --max-length in windows that share this many tokens, merged by maximum.",
    ),
]


_WORDS = "Words beside the model's terms"
Lexical = Annotated[
    bool,
    typer.Option(
        help="Find documents by their words as well, weighed as BM25 weighs them.",
        rich_help_panel=_WORDS,
    ),
]
LexicalWeight = Annotated[
    float | None,
    typer.Option(
        min=0,
        help=f"How much words count beside the model's terms, where a search does not say. (default: "
        f"{LexicalSettings().weight:g})",
        show_default=False,
        rich_help_panel=_WORDS,
    ),
]
Language = Annotated[
    str | None,
    typer.Option(
        help="Of the documents: of the words' endings, and of those that say nothing, as german; none to leave words "
        "as they are. (default: english)",
        show_default=False,
        rich_help_panel=_WORDS,
    ),
]

NeverSplit = Annotated[
    Path | None,
    typer.Option(
        help="A file of terms, one a line, that are one word each: .NET, New York.",
        show_default=False,
        rich_help_panel=_WORDS,
    ),
]

TitleWeight = Annotated[
    float,
    typer.Option(
        min=0,
        max=100,
        help="How many times more what the title says counts: words of it 1 + so many times, and so many times its own "
        "vector is added.",
    ),
]


def lexical_settings(
    lexical: bool, weight: float | None, language: str | None, never_split: Path | None = None
) -> LexicalSettings | None:
    """The settings given by --lexical and related options; exits with 2 if these contradict one another."""
    from lsr.encoding.lexical.analysis import check_language
    from lsr.encoding.lexical.never_split import read_never_split

    if not lexical:
        if (weight, language, never_split) != (None, None, None):
            fail("--lexical-weight, --language and --never-split are of words, which --no-lexical leaves out")
        return None
    plain = LexicalSettings()
    check_language(language or plain.language)
    return LexicalSettings(
        language=language or plain.language,
        weight=plain.weight if weight is None else weight,
        never_split=() if never_split is None else read_never_split(never_split),
    )


_WINDOWS = "Long documents in windows"
Windows = Annotated[
    WindowScore | None,
    typer.Option(
        help="Cut documents into windows that are encoded and found separately. A document's score is that of its "
        "best window (max) or the sum of its --top-windows best (sum, which favours long documents); first keeps only "
        "the first window; none leaves them whole, and what a model does not read of them is not found by it. "
        "(default: max, in windows of what the model reads at once, where documents are longer; none with --max-length "
        "or --window-overlap)",
        show_default=False,
        rich_help_panel=_WINDOWS,
    ),
]
WindowWords = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"The most words of a window, not counting the title. (default: {WindowSettings().words})",
        show_default=False,
        rich_help_panel=_WINDOWS,
    ),
]
WindowStride = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"The most words from the start of a window to the next. (default: {_STRIDE_SHARE:.0%} of --window-words)",
        show_default=False,
        rich_help_panel=_WINDOWS,
    ),
]
TopWindows = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"With --windows sum: how many windows are added up. (default: {WindowSettings().top})",
        show_default=False,
        rich_help_panel=_WINDOWS,
    ),
]


def window_settings(
    windows: WindowScore | None, words: int | None, stride: int | None, top: int | None
) -> WindowSettings | None:
    """The settings given by --windows and related options; exits with 2 if these come without it or do not fit."""
    if windows in (None, WindowScore.none):
        if (words, stride, top) != (None, None, None):
            fail("--window-words, --window-stride and --top-windows need --windows max, first or sum")
        return None
    if top is not None and windows is not WindowScore.sum:
        fail("--top-windows needs --windows sum")
    assert windows is not None
    return WindowSettings.of(windows.value, words, stride, top)


def drawable(plot: Path | None) -> Path | None:
    """The plot to draw, or None, with a note, if matplotlib is missing. InputError for an unknown suffix."""
    from lsr.core.errors import MissingDependencyError
    from lsr.core.plotting import check_plot

    try:
        if plot is not None:
            check_plot(plot)
    except MissingDependencyError as error:
        note(f"no plot: {error}")
        return None
    return plot


def schema_of(given: str | None) -> Schema | None:
    """The schema of a flag: JSON, or the name of a file. InputError for what is neither."""
    from lsr.core.schema import Schema
    from lsr.core.structured import parse_json, read_settings

    if given is None:
        return None
    record = parse_json(given, "--schema") if given.lstrip().startswith("{") else read_settings(given)
    with beneath("schema"):
        return Schema.of(record)
