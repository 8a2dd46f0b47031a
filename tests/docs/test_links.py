"""Links between the Markdown files of the repository lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from links import ROOT, anchors, broken_links, markdown_files


@pytest.mark.parametrize("page", markdown_files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_broken(page: Path) -> None:
    assert broken_links(page) == []


def test_broken_links_are_found() -> None:
    page = ROOT / "docs" / "links-test.md"
    page.write_text("# A b: `c`\n[1](index.md) [2](nowhere.md) [3](#a-b-c) [4](#x)\n```\n[5](no.md)\n```\n")
    try:
        assert broken_links(page) == ["nowhere.md", "#x"]
        assert anchors(page) == {"a-b-c"}
    finally:
        page.unlink()
