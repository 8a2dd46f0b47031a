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
    if page.title:
        page.title.extract()
    for element in page(list(_UNSEEN)):
        element.extract()
    return Page(joined(_lines(page)), title, fields)


def _lines(page: Any) -> Iterator[str]:
    """The text line by line, each with its runs of white space as one space."""
    for element in page(list(_BLOCKS)):
        element.insert_before(_LINE_END)
        element.append(_LINE_END)
    return (" ".join(line.split()) for line in page.get_text().split(_LINE_END))
