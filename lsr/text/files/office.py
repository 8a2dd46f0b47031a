"""What Word, PowerPoint and Excel files say of themselves, in the same words."""

from __future__ import annotations

from typing import Any


def properties(core: Any) -> tuple[str, dict[str, str]]:
    """The title ("" if there is none), and author and date of the last change as fields."""
    fields = {}
    author = getattr(core, "author", None) or getattr(core, "creator", None)
    if author:
        fields["author"] = str(author)
    if core.modified is not None:
        fields["date"] = core.modified.isoformat()
    return str(core.title or "").strip(), fields
