"""Text of other people's files on a terminal: what it would obey is shown, and not done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters but tab and line feed; what turns the direction of writing; halves of surrogate pairs, as in names
# of files that are not UTF-8.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """The text with what a terminal obeys written out: an escape character as `\\x1b`."""
    return _COMMANDS.sub(_written, text)


def harmless_json(text: str) -> str:
    """A JSON text that says the same, with what a terminal obeys as JSON's own escapes."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class HarmlessConsole(Console):
    """A console whose own colours reach the terminal, and whose texts do not command it."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """See `Console.render`."""
        for segment in super().render(renderable, options):
            if segment.control or not _COMMANDS.search(segment.text):
                yield segment
            else:
                yield Segment(harmless(segment.text), segment.style)


def print_text(text: str, **options: Any) -> None:
    """As `print`, of text that may come from a file."""
    print(harmless(text), **options)
