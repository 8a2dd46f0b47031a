"""Web pages, by Beautiful Soup and Python's own HTML parser, which take the worst markup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsr.text.encodings import byte_order
from lsr.text.files.extra import load
from lsr.text.files.page import Page, joined
from lsr.text.files.raw import read_raw

_UNSEEN = ("script", "style", "template", "noscript", "svg", "nav")
# What ends a line; other elements stand within one.
# fmt: off
_BLOCKS = (
    "address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "div", "dl", "dt", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "legend", "li",
    "main", "ol", "option", "p", "pre", "section", "summary", "table", "td", "th", "title", "tr", "ul",
)
# fmt: on
_TEXTS = ("NavigableString", "CData")  # and not comments or declarations
_LINE_END = "\x1e"  # a separator that no page holds


def read(path: Path) -> Page:
    """What a reader sees, without scripts, styles and menus; the title is the page's, or else its first heading."""
    soup = load("bs4", path).BeautifulSoup
    raw = read_raw(path)
    encoding, mark = byte_order(raw[:4])
    # Without a mark, Beautiful Soup reads the page's own declaration, and guesses where there is none.
    page = soup(raw[mark:], "html.parser", from_encoding=encoding if mark or encoding != "utf-8" else None)
    titled = page.title or page.h1
    title = " ".join(titled.get_text(" ").split()) if titled else ""
    fields = {}
    for name in ("description", "author", "date"):
        said = page.find("meta", attrs={"name": name})
        if said and isinstance(said.get("content"), str):
            fields[name] = said["content"]
    return Page(joined(_lines(page)), title, fields)


def _lines(page: Any) -> Iterator[str]:
    """The text line by line, each with its runs of white space as one space."""
    return (" ".join(line.split()) for line in "".join(_pieces(page)).split(_LINE_END))


def _pieces(page: Any) -> Iterator[str]:
    """The texts, with ends of lines around what ends one. Walks the tree, which changing it would search each time."""
    title, around = page.title, [(page, iter(page.contents))]
    while around:
        element, inside = around[-1]
        child = next(inside, None)
        if child is None:
            around.pop()
            if element.name in _BLOCKS:
                yield _LINE_END
        elif child.name is None:
            if type(child).__name__ in _TEXTS:
                yield child
        elif child.name not in _UNSEEN and child is not title:
            if child.name in _BLOCKS:
                yield _LINE_END
            around.append((child, iter(child.contents)))
