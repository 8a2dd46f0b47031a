"""Hooks of the documentation site: pages and files from outside docs/, and links to them.

Pages are written so that their links work in the repository. Here a link that leaves docs/ becomes one to a page that
the site makes of that file, or to a copy of it; one to nothing is a warning, which `--strict` makes an error.
"""

from __future__ import annotations

import logging
import posixpath
import re
import shutil
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DOCS = "docs"
PACKAGES = ("index", "training", "service", "eval")  # the subpackages of `lsr` that lie beside it

_LOG = logging.getLogger("mkdocs.plugins.lsr")
_FENCE = re.compile(r"^( *)(`{3,}).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(\[[^\]]*\]\()([^)\s]+)(\))")
_PAGES = {
    **{name: f"project/{name}" for name in sorted(p.name for p in ROOT.glob("*.md") if p.name != "README.md")},
    "README.md": "index.md",
    **{
        str(path.relative_to(ROOT)): f"numbers/results/{path.name}"
        for path in sorted(ROOT.glob("benchmarks/results/*.md"))
    },
    **{
        str(path.relative_to(ROOT)): f"models/{path.parent.name}.md" for path in sorted(ROOT.glob("lsr/shipped/*/*.md"))
    },
}
"""File of the repository, outside docs/: the page that it is on the site."""
_HOMES = {page: file for file, page in _PAGES.items() if file != "README.md"}
_copied: dict[str, File] = {}


def on_startup(**_: Any) -> None:
    """Lay the package out before the reference's plugin looks for it."""
    lay_out()


def on_config(config: MkDocsConfig) -> None:
    """Lay the package out afresh, and forget what an earlier build copied (mkdocs serve)."""
    lay_out()
    _copied.clear()


def lay_out() -> None:
    """Copy the package to where the API reference is read from, as it is when it is installed."""
    target = ROOT / "build" / "site-source" / "lsr"
    shutil.rmtree(target, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__", "shipped", "*.jsonl")
    shutil.copytree(ROOT / "lsr", target, ignore=ignore)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, target / name, ignore=ignore)


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages made of files outside docs/."""
    for page, file in _HOMES.items():
        content = (ROOT / file).read_text(encoding="utf-8")
        if content.startswith("---\n"):  # a model card's metadata
            content = content.split("\n---\n", 1)[1]
        if not re.search(r"^# ", content, re.MULTILINE):
            content = f"# {Path(page).stem.replace('_', ' ').capitalize()}\n\n{content}"
        files.append(File.generated(config, page, content=content))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page, code apart."""
    uri = page.file.src_uri
    home = posixpath.dirname(_HOMES.get(uri, f"{DOCS}/{uri}"))

    def rewrite(match: re.Match[str]) -> str:
        before, link, after = match.groups()
        if re.match(r"[a-z]+:|#|/", link):
            return match[0]
        target, _, anchor = link.partition("#")
        path = posixpath.normpath(posixpath.join(home, target))
        found = _site_path(path, config, files)
        if found is None:
            _LOG.warning("%s links to %s, which is not in the repository", uri, link)
            return match[0]
        relative = posixpath.relpath(found, posixpath.dirname(uri) or ".")
        return f"{before}{relative}{'#' + anchor if anchor else ''}{after}"

    kept = []
    end = 0
    for fence in _FENCE.finditer(markdown):
        kept += [_LINK.sub(rewrite, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join(kept) + _LINK.sub(rewrite, markdown[end:])


def _site_path(path: str, config: MkDocsConfig, files: Files) -> str | None:
    """Where on the site a file of the repository is: as a page, or as a copy; None if there is no such file."""
    if path in _PAGES:
        return _PAGES[path]
    if path.startswith(f"{DOCS}/"):
        inside = path.removeprefix(f"{DOCS}/")
        return inside if files.get_file_from_path(inside) else None
    source = ROOT / path
    if source.is_dir():
        # A folder has no page: its files are read in the repository.
        source /= "__init__.py" if (source / "__init__.py").exists() else "README.md"
    if not source.is_file() or path.startswith(".."):
        return None
    name = f"files/{source.relative_to(ROOT).as_posix()}"
    if name not in _copied:
        _copied[name] = File.generated(config, name, abs_src_path=str(source))
    if files.get_file_from_path(name) is None:
        files.append(_copied[name])
    return name
