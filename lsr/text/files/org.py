"""Org mode's files: `#+TITLE:`, headings with stars, drawers."""

from __future__ import annotations

import re
from pathlib import Path

from lsr.text.files.page import Page
from lsr.text.files.raw import read_text

_KEYWORD = re.compile(r"^[ \t]*#\+([A-Za-z_]+):[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_MARKUP = re.compile(
    r"^[ \t]*(?:#\+\w+.*|:PROPERTIES:[ \t]*\n(?:[ \t]*:\S+:.*\n)*[ \t]*:END:[ \t]*|# .*)(?:\n|$)", re.MULTILINE
)
_HEADING = re.compile(r"^\*+[ \t]+(.+?)(?:[ \t]+:[\w@:]+:)?[ \t]*$", re.MULTILINE)
_KEPT = ("date", "author", "filetags", "description", "category")


def read(path: Path) -> Page:
    """The title is `#+TITLE:`'s, or the first heading's; `#+DATE:` and its like are fields."""
    text, guessed = read_text(path)
    said = {name.lower(): value for name, value in reversed(_KEYWORD.findall(text)) if value}
    text = _MARKUP.sub("", text)
    title = said.get("title", "")
    if not title and (heading := _HEADING.search(text)):
        title = heading[1]
        if not text[: heading.start()].strip():
            text = text[heading.end() :]
    text = _HEADING.sub(r"\1", text)
    return Page(text.strip(), title, {name: said[name] for name in _KEPT if name in said}, guessed)
