"""Plain text and reStructuredText: the title is a first line that is underlined."""

from __future__ import annotations

import re
from pathlib import Path

from lsr.text.files.page import Page
from lsr.text.files.raw import read_text

# As Markdown (setext) and reStructuredText have it, maybe with a line above it too; three hyphens are front matter.
UNDERLINED = re.compile(
    r"(?!---[ \t]*\n)(?:([=\-~*^#\"'+])\1{2,}[ \t]*\n)?[ \t]*(\S.*?)[ \t]*\n([=\-~*^#\"'+])\3{2,}[ \t]*(?:\n|$)"
)


def read(path: Path) -> Page:
    """A title that opens the file is not in the text as well."""
    text, guessed = read_text(path)
    text = text.lstrip("\n")
    opening = UNDERLINED.match(text)
    if opening is None:
        return Page(text.strip(), encoding=guessed)
    return Page(text[opening.end() :].strip(), opening[2], encoding=guessed)
