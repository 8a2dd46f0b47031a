"""Links between the Markdown files of the repository lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from links import ROOT, anchors, broken_links, markdown_files


@pytest.mark.parametrize("page", markdown_files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_broken(page: Path) -> None:
    assert broken_links(page) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# Other\n", encoding="utf-8")
    page.write_text(
        "# A b: `c`\n[1](other.md#other) [2](nowhere.md) [3](#a-b-c) [4](#x) [5](../..)\n```\n[6](no.md)\n```\n",
        encoding="utf-8",
    )
    assert broken_links(page, tmp_path) == ["nowhere.md", "#x", "../.."]
    assert anchors(page) == {"a-b-c"}
