"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class OnError(StrEnum):
    """What to do with a line that cannot be read."""

    stop = "stop"
    skip = "skip"


class Mode(StrEnum):
    """How an index is searched."""

    auto = "auto"
    exact = "exact"
    blocked = "blocked"


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
WindowOverlap = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Read documents beyond --max-length by windows that share this many tokens, merged by maximum.",
    ),
]
