"""`--dry-run`: read all that a run reads, refuse what it refuses, say how long it takes; write nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.remarks import estimated, remark_on_texts
from lsr.core.counted import counted
from lsr.core.documents import Document
from lsr.encoding.lexical.alone import WordsAlone
from lsr.text.windows import WindowSettings, cut_text

if TYPE_CHECKING:
    from lsr.encoding.sparse.encoder import SparseEncoder

# Enough to average over short and long texts, in some seconds; and to tell how many are cut, without encoding them.
_ENCODED, _SAMPLE = 48, 1000


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would do.

    Attributes:
        unit: what is counted: documents, or their windows.
        count: how many of them.
        characters: of all texts and titles.
        seconds: how long encoding them takes, judged by some of them; None where nothing is encoded.
        cut: how many are longer than is read of each, judged by a sample; None where nothing is encoded.
        sample: how many were looked at for that: where it is `count`, `cut` is exact.
    """

    unit: str
    count: int
    characters: int
    seconds: float | None
    cut: int | None
    sample: int


def dry_run(
    documents: Iterable[Document],
    total: int | None,
    encoder: SparseEncoder | WordsAlone,
    ways: str,
    unit: str = "documents",
    windows: WindowSettings | None = None,
) -> DryRun:
    """Read all documents, encode some, and remark on a sample what a run remarks on all: `remark_on_texts`.

    `windows` are those that long documents will be cut into.
    """
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
    if isinstance(encoder, WordsAlone) or not sample:
        return DryRun(unit, count, characters, None, None, 0)
    share = 1.0
    if windows is not None:
        # As many texts as before, out of all their windows: those take longer by the others.
        pieces = [text[a:b] for text in sample for a, b in cut_text(text, windows.words, windows.stride)]
        share = len(pieces) / len(sample)
        sample = chance.sample(pieces, len(sample))
    encoder.look_at(sample)
    report = remark_on_texts(encoder, ways, count)
    some = chance.sample(sample, min(_ENCODED, len(sample)))
    encoder.encode_documents(some[:1])  # what is only slow the first time
    start = perf_counter()
    encoder.encode_documents(some)
    seconds = (perf_counter() - start) / len(some) * count * share
    return DryRun(unit, count, characters, seconds, estimated(report, count), len(sample))


def print_dry_run(found: DryRun, as_json: bool) -> None:
    """Say what a run would do."""
    if as_json:
        print_json(asdict(found))
        return
    line = f"{counted(found.count, found.unit)}, {counted(found.characters, 'characters')}"
    if found.seconds is not None:
        line += f"; encoding them takes about {_duration(found.seconds)}"
    note(f"{line}. Nothing was written.")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:,.1f} h"
