"""Long documents as windows: passages that are each encoded and found separately.

A window is stored as a row of the index, under the id `DOCUMENT#NUMBER`, numbered from 0. The part before the last `#`
is the document's id, so document ids may contain `#` too.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from lsr.core.annotated import as_annotated
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.options import check_options

SCORES = ("max", "first", "sum")
SEPARATOR = "#"
_WORDS_A_TOKEN = 0.65
_STRIDE_SHARE = 0.8

# Two characters of a script written without spaces count as a word, and so do 40 of anything else without a space.
_CJK = "\u2e80-\u2fff\u3021-\u9fff\uf900-\ufaff"
_MARKS = "\u3002\uff01\uff1f"  # its full stop, exclamation mark and question mark
_QUOTES = "\"'\u201d\u2019\u00bb)\\]\u300d\u300f"
_WORD = re.compile(rf"[{_CJK}]{{1,2}}[{_MARKS}{_QUOTES}]*|[^\s{_CJK}]{{1,40}}")
_SENTENCE_END = re.compile(rf"[.!?\u2026{_MARKS}][{_QUOTES}]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """How documents are cut into windows, and how a document's score follows from its windows' scores.

    Attributes:
        score: MaxP, FirstP and SumP of Dai and Callan (SIGIR 2019, arXiv:1905.09217), which Nguyen et al. (SIGIR 2023,
            arXiv:2305.18494) studied for learned sparse vectors. "max": the best window's score; "first": only the
            first window is kept; "sum": the sum of the `top` best.
        words: the most words of a window, not counting its title.
        stride: the most words from the start of a window to the start of the next; less than `words` lets them overlap.
        top: how many windows "sum" adds up.
    """

    score: str = "max"
    words: int = 150
    stride: int = 120
    top: int = 3

    def __post_init__(self) -> None:
        check_options(self)
        if self.score not in SCORES:
            raise InputError(f"windows must be one of {', '.join(SCORES)}, not {self.score!r}")
        if not 1 <= self.stride <= self.words:
            raise InputError(
                f"a window must begin 1 to {self.words} words (window_words) after the previous one, not {self.stride}"
            )
        if self.top < 1:
            raise InputError(f"top_windows must be at least 1, not {self.top}")

    @classmethod
    @as_annotated
    def of(
        cls, score: str, words: int | None = None, stride: int | None = None, top: int | None = None
    ) -> WindowSettings:
        """Settings of which only some are given: the stride follows from the words."""
        usual = cls()
        words = words or usual.words
        stride = stride or max(1, round(_STRIDE_SHARE * words))
        return cls(score=score, words=words, stride=stride, top=top or usual.top)

    @property
    def added(self) -> int:
        """How many of a document's best windows add up to its score."""
        return self.top if self.score == "sum" else 1

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@as_annotated
def fitting_windows(max_length: int) -> WindowSettings:
    """Windows of what a model of so many tokens reads at once: a document that fits is one, whole.

    Of English words, a word takes 1.4 to 1.6 tokens, title included.
    """
    words = max(1, round(_WORDS_A_TOKEN * max_length))
    return WindowSettings(words=words, stride=max(1, round(_STRIDE_SHARE * words)))


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a document: its number, from 0, and its characters, start … stop - 1, in the text.

    `of`: how many windows of the document are kept; 1 for a document that is one window, whole.
    """

    number: int
    start: int
    stop: int
    of: int = 1


@as_annotated
def cut_text(text: str, words: int, stride: int) -> list[tuple[int, int]]:
    """The (start, stop) characters of a text's windows, in order; each begins at or before the end of the previous one.

    A window ends at the last sentence end in its second half, if there is one. The next begins at the last sentence
    start at most `stride` words further on, if that is more than half as many. A text of at most `words` words is one
    window.
    """
    # Of long texts, pairs of Python's numbers would take a hundred bytes a word.
    starts, stops = array("q"), array("q")
    for match in _WORD.finditer(text):
        starts.append(match.start())
        stops.append(match.end())
    if len(starts) <= words:
        return [(0, len(text))]
    # ends[i]: whether a sentence ends before word i.
    ends = bytearray(len(starts))
    for i in range(1, len(starts)):
        ends[i] = _ends_sentence(text, (starts[i - 1], stops[i - 1]), starts[i])
    windows: list[tuple[int, int]] = []
    first = 0
    while True:
        start = starts[first] if first else 0
        if first + words >= len(starts):
            return [*windows, (start, len(text))]
        last = _last_end(ends, first + words // 2, first + words)
        windows.append((start, starts[last]))
        first = _last_end(ends, first + stride // 2, min(first + stride, last))


def _last_end(ends: bytearray, least: int, most: int) -> int:
    """The last sentence end in least + 1 … most, or `most`."""
    return next((at for at in range(most, least, -1) if ends[at]), most)


def _ends_sentence(text: str, word: tuple[int, int], following: int) -> bool:
    gap = text[word[1] : following]
    if "\n" in gap:
        return True
    ended = _SENTENCE_END.search(text[word[0] : word[1]])
    # Without a space after it, only a mark of such a script ends a sentence.
    return ended is not None and (bool(gap) or ended.group()[0] in _MARKS)


def window_id(document: str, number: int) -> str:
    """The id of a document's window."""
    return f"{document}{SEPARATOR}{number}"


@as_annotated
def split_window_id(id: str) -> tuple[str, int]:
    """The document's id and the window's number. InputError if the id is not a window's."""
    document, separator, number = id.rpartition(SEPARATOR)
    if not separator or not (number.isascii() and number.isdigit()):
        raise InputError(f"{id!r} is not the id of a window, which has the form DOCUMENT{SEPARATOR}NUMBER")
    return document, int(number)


@as_annotated
def cut_document(document: Document, settings: WindowSettings) -> list[Document]:
    """The windows of a document as rows of an index store them.

    Each has the title; `fields` contains where in the text it starts and, for the first, the document's own fields.
    """
    spans = cut_text(document.text, settings.words, settings.stride)
    if settings.score == "first":
        spans = spans[:1]
    rows = []
    for number, (start, stop) in enumerate(spans):
        fields: dict[str, Any] = {"start": start}
        if number == 0 and document.fields:
            fields["fields"] = document.fields
        rows.append(Document(window_id(document.id, number), document.text[start:stop], document.title, fields))
    return rows


@as_annotated
def only_window(document: Document) -> Document:
    """The row of a document that is stored as a single window, whatever its length."""
    fields: dict[str, Any] = {"start": 0, **({"fields": document.fields} if document.fields else {})}
    return Document(window_id(document.id, 0), document.text, document.title, fields)


@as_annotated
def cut_corpus(corpus: Iterable[Document], settings: WindowSettings) -> Iterator[Document]:
    """The windows of all documents, in order."""
    for document in corpus:
        yield from cut_document(document, settings)


@as_annotated
def join_windows(rows: Sequence[Document]) -> Document:
    """Restore the document that `cut_document` cut; for "first", as much of it as was kept."""
    if not rows or not all("start" in row.fields for row in rows):
        raise InputError("the windows of a document are those of `cut_document`, at least one")
    starts = [row.fields["start"] for row in rows]
    parts = [row.text[: after - start] for row, (start, after) in zip(rows, pairwise(starts), strict=False)]
    first = rows[0]
    return Document(
        split_window_id(first.id)[0], "".join([*parts, rows[-1].text]), first.title, first.fields.get("fields", {})
    )


@as_annotated
def is_first(id: str) -> bool:
    """Whether an id is that of a document's first window."""
    return split_window_id(id)[1] == 0


@as_annotated
def whole_document(row: Document) -> Document:
    """The document that has a single window, from its row."""
    return join_windows([row])


def window_passage(row: Document, first: Document, of: int) -> tuple[Document, Window]:
    """The document with the text of one of its `of` windows, and that window; `first` is the row of the first one."""
    id, number = split_window_id(row.id)
    start = row.fields["start"]
    fields = first.fields.get("fields", {})
    return Document(id, row.text, row.title, fields), Window(number, start, start + len(row.text), of)
