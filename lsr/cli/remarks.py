"""What is said of the texts that were encoded: those that were cut, and those in a language that the model lacks."""

from __future__ import annotations

from typing import Protocol

from lsr.cli.console import note
from lsr.core.counted import verb
from lsr.encoding.shared.tally import TextReport


class _Encoder(Protocol):
    max_length: int

    def text_report(self) -> TextReport: ...


def remark_on_texts(encoder: _Encoder, ways: str = "--max-length reads more", total: int | None = None) -> TextReport:
    """Note what the encoder left out of the texts that it read, and the `ways` to read it; return the counts.

    `total` is the number of all texts where it has read a sample of them, by which they are judged.
    """
    report = encoder.text_report()
    if report.cut:
        cut, texts, judged = report.cut, report.texts, ""
        if total is not None and total > texts:
            cut, texts, judged = estimated(report, total), total, f", judged by {texts:,} of them,"
        note(
            f"{'about ' if judged else ''}{cut:,} of {texts:,} texts{judged} {verb(cut)} longer than the "
            f"{encoder.max_length} tokens that the model reads of each: {_share(report.unread)} of all text is not "
            f"read by it; {ways}"
        )
    if (remark := report.language_remark()) is not None:
        note(f"warning: {remark}")
    return report


def estimated(report: TextReport, total: int) -> int:
    """How many of `total` texts are cut, judged by those that were read."""
    return round(report.cut / report.texts * total) if report.texts else 0


def _share(share: float) -> str:
    return "less than 1%" if share < 0.01 else f"{share:.0%}"
