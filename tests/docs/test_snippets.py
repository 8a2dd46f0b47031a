"""What README and guides tell a reader to type works, in the order in which it stands there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from docs_pages import DOCS, ROOT, RUNNABLE, Session, blocks, pages, runnable

from lsr.training.losses.registry import OBJECTIVES
from lsr.training.penalties.registry import PENALTIES

pytestmark = [pytest.mark.process, pytest.mark.slow]

NOT_RUN = 23
"""At most so many blocks say why they are not run."""


@pytest.fixture(autouse=True)
def registries_as_they_were() -> Iterator[None]:
    """Pages register losses of their own."""
    with patch.dict(OBJECTIVES), patch.dict(PENALTIES):
        yield


@pytest.mark.parametrize("page", [page for page in pages() if runnable(page)], ids=lambda p: str(p.relative_to(ROOT)))
def test_snippets_run(page: Path, commands: Path, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, or beside the demo's where the page uses that."""
    if "lsr-demo/" in page.read_text(encoding="utf-8"):
        shutil.copytree(demo, tmp_path / "lsr-demo")
    monkeypatch.chdir(tmp_path)
    session = Session(page, tmp_path, commands)
    try:
        for block in runnable(page):
            session.run(block)
    finally:
        session.close()


def test_every_guide_has_something_to_run() -> None:
    guides = [page for page in (DOCS / "guide").glob("*.md") if page.name != "index.md"]
    assert len(guides) >= 10
    assert [page.name for page in guides if not runnable(page)] == []


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    left_out = [block for page in pages() for block in blocks(page) if block.language in RUNNABLE and block.reason]
    assert len(left_out) <= NOT_RUN
    assert all(len(str(block.reason).split()) >= 3 for block in left_out)
