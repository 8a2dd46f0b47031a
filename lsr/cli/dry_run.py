"""`--dry-run`: read all that a run reads, refuse what it refuses, say how long it takes; write nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from lsr.cli.console import note, print_json, progress_bar
from lsr.core.documents import Document

if TYPE_CHECKING:
    from lsr.encoding.lexical.alone import WordsAlone
    from lsr.encoding.sparse.encoder import SparseEncoder

# Enough to average over short and long texts, in some seconds.
_SAMPLE = 48


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would do.

    Attributes:
        unit: what is counted: documents, or their windows.
        count: how many of them.
        characters: of all texts and titles.
        seconds: how long encoding them takes, judged by some of them; None where nothing is encoded.
    """

    unit: str
    count: int
    characters: int
    seconds: float | None


def dry_run(
    documents: Iterable[Document],
    total: int | None,
    encoder: SparseEncoder | WordsAlone | None,
    unit: str = "documents",
) -> DryRun:
    """Read all documents, and encode a sample of them if there is an encoder."""
    count = characters = 0
    sample: list[str] = []
    chance = random.Random(0)
    with progress_bar("reading", total, unit) as progress:
        for document in documents:
            count += 1
            text = document.contents
            characters += len(text)
            # Each is as likely to be in the sample as any other, however many come.
            if len(sample) < _SAMPLE:
                sample.append(text)
            elif (place := chance.randrange(count)) < _SAMPLE:
                sample[place] = text
            progress(1)
    if encoder is None or not encoder.dim or not sample:
        return DryRun(unit, count, characters, None)
    ids = [str(number) for number in range(len(sample))]
    encoder.encode_documents(sample[:1], ids[:1])  # what is only slow the first time
    start = perf_counter()
    encoder.encode_documents(sample, ids)
    return DryRun(unit, count, characters, (perf_counter() - start) / len(sample) * count)


def print_dry_run(found: DryRun, as_json: bool) -> None:
    """Say what a run would do."""
    if as_json:
        print_json(asdict(found))
        return
    line = f"{found.count:,} {found.unit}, {found.characters:,} characters"
    if found.seconds is not None:
        line += f"; encoding them takes about {_duration(found.seconds)}"
    note(f"{line}. Nothing was written.")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:,.1f} h"
