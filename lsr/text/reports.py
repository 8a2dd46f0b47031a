"""What reading a source left out, and what had to be guessed: nothing of it goes by in silence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lsr.core.counted import counted
from lsr.core.errors import InputError
from lsr.text.lines import OnBad, stop

_KEPT = 20


@dataclass(slots=True)
class SkipReport:
    """What was left out of a source, and what was guessed.

    Attributes:
        count: lines, rows and files that were skipped because they are bad.
        messages: what was wrong with the first of them.
        files_read: files of a folder that were read.
        files_unread: files of a folder of kinds that are not read, by what they are (".png").
        fields: fields that hold bytes and were left out of their documents, by name.
        left_out: what of files was left out, by what it is; how many files.
        encodings: files that are not UTF-8, by the encoding that was guessed for them.
    """

    count: int = 0
    messages: list[str] = field(default_factory=list)
    files_read: int = 0
    files_unread: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)

    def add(self, error: InputError) -> None:
        """Count one skipped line or file; the first 20 messages are kept."""
        self.count += 1
        if len(self.messages) < _KEPT:
            self.messages.append(str(error))

    def lines(self) -> list[str]:
        """All of it for a reader, most important first; empty if there is nothing to say."""
        said = []
        if self.count:
            said += [f"skipped {self.count:,}:", *(f"  {message}" for message in self.messages)]
            if self.count > len(self.messages):
                said.append(f"  and {self.count - len(self.messages):,} more")
        unread = self.files_unread.total()
        if unread:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.files_unread.most_common())
            said.append(
                f"left out {unread:,} of {unread + self.files_read:,} files, of kinds that are not read: {kinds}"
            )
        for name, count in self.fields.most_common():
            said.append(f"left out the field {name!r} of {counted(count, 'documents')}: it holds bytes, not text")
        said += [f"left out of {counted(count, 'files')}: {what}" for what, count in self.left_out.most_common()]
        if self.encodings:
            kinds = ", ".join(f"{count:,} as {encoding}" for encoding, count in self.encodings.most_common())
            said.append(f"files that are not UTF-8 were read by a guess: {kinds}")
        return said


class Reporter:
    """As `on_bad`, what a reader tells of bad records, and beyond that of files: it raises, or counts and returns.

    Attributes:
        report: what it has counted.
        stops: whether a file that cannot be read ends the reading of its folder.
        whole_files: whether a file of a folder with one bad record is left out with all of its others.
    """

    def __init__(
        self, report: SkipReport, on_bad: OnBad = stop, on_bad_file: OnBad | None = None, *, whole_files: bool = False
    ) -> None:
        self.report, self.whole_files = report, whole_files
        self._on_bad, self._on_bad_file = on_bad, on_bad if on_bad_file is None else on_bad_file
        self.stops = self._on_bad_file is stop

    @classmethod
    def of(cls, on_bad: OnBad) -> Reporter:
        """`on_bad` itself if it is one; or else one that does with files what `on_bad` does with records."""
        return on_bad if isinstance(on_bad, Reporter) else cls(SkipReport(), on_bad)

    def __call__(self, error: InputError) -> None:
        """A bad record."""
        self._on_bad(error)

    def file(self, error: InputError) -> None:
        """A file of a folder that cannot be read."""
        self._on_bad_file(error)
