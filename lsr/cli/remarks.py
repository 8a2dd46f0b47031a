"""What is said of the texts that were encoded: those that were cut, and those in a language that the model lacks."""

from __future__ import annotations

from typing import Protocol

from lsr.cli.console import note
from lsr.encoding.shared.tally import TextReport


class _Encoder(Protocol):
    max_length: int

    def text_report(self) -> TextReport: ...


def remark_on_texts(encoder: _Encoder, ways: str = "--max-length reads more") -> TextReport:
    """Note what the encoder left out of the texts that it read, and the `ways` to read it; return the counts."""
    report = encoder.text_report()
    if report.cut:
        note(
            f"{report.cut:,} of {report.texts:,} texts are longer than the {encoder.max_length} tokens that the model "
            f"reads of each: {report.unread:.0%} of all text was not read by it; {ways}"
        )
    if (remark := report.language_remark()) is not None:
        note(f"warning: {remark}")
    return report
