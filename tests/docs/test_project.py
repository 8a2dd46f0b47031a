"""The project's own pages agree with the code and with one another."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
import yaml
from docs_pages import DOCS, ROOT

import lsr
from lsr.core.moved import MOVED

PACKAGES = ("lsr", "lsr.index", "lsr.eval", "lsr.service", "lsr.client", "lsr.text", "lsr.vectors", "lsr.training.data")


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == lsr.__version__
    released = re.search(r"^## (\S+) — (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released is not None
    assert released.groups() == (lsr.__version__, str(citation["date-released"]))


def test_the_changelog_names_what_is_deprecated() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [old for old in MOVED if f"`{old}`" not in text] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_is_in_the_reference(package: str) -> None:
    """By its own entry, or by that of the module that it comes from."""
    text = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    entries = set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))
    module = import_module(package)
    missing = []
    for name in module.__all__:
        home = getattr(getattr(module, name), "__module__", None)  # constants do not know theirs
        if home and home.startswith("lsr") and not entries & {home, f"{home}.{name}"}:
            missing.append(f"{home}.{name}")
    assert missing == []


def test_every_page_of_the_site_is_in_its_menu() -> None:
    """As `mkdocs build --strict` asks too; pages made of other files apart."""
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    listed = set(re.findall(r"([\w/-]+\.md)$", menu, re.MULTILINE))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert pages - listed == set()
    made = {page for page in listed - pages if page.startswith("project/")}
    assert listed - pages - made == set()
    assert [page for page in made if not (ROOT / page.removeprefix("project/")).exists()] == []


def test_what_is_registered_is_explained() -> None:
    """Modes of search, objectives, penalties and commands, each by the page that should have it."""
    from lsr.index.fusion.settings import modes
    from lsr.training.losses.registry import OBJECTIVES
    from lsr.training.penalties.registry import PENALTIES

    pages = {name: (DOCS / name).read_text(encoding="utf-8") for name in ("guide/searching.md", "training.md")}
    assert [name for name in modes() if f"`{name}`" not in pages["guide/searching.md"]] == []
    assert [name for name in OBJECTIVES if not re.search(rf"\b{name}\b", pages["training.md"])] == []
    assert [name for name in PENALTIES if f"`{name}`" not in pages["training.md"]] == []


def test_every_command_is_in_readme_or_guide() -> None:
    from lsr.cli.commands import COMMANDS

    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *(DOCS / "guide").glob("*.md")))
    assert len(COMMANDS) > 20
    assert [name for name in COMMANDS if not re.search(rf"lsr {name}\b|`{name}`", text)] == []
