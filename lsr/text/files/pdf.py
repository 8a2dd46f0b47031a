"""PDF, by pypdf: the text that a page holds, not that of pictures of text."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from lsr.text.files.extra import load
from lsr.text.files.page import Page, joined

_FIELDS = (("author", "/Author"), ("date", "/CreationDate"))


def read(path: Path) -> Page:
    """All pages; author and dates as fields. ValueError if it needs a password or holds pictures alone."""
    pypdf = load("pypdf", path)
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it remarks on every small fault
    with pypdf.PdfReader(path) as reader:
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError("needs a password")
        about: Any = reader.metadata or {}
        fields = {name: str(about[key]) for name, key in _FIELDS if about.get(key)}
        text = joined((page.extract_text() for page in reader.pages), "\n\n")
        if not text:
            raise ValueError("has no text: pages that are pictures have to go through text recognition first")
        return Page(text, " ".join(str(about.get("/Title") or "").split()), {"pages": len(reader.pages), **fields})
