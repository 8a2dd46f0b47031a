"""Links of Markdown files to files and headings of this repository.

python tests/docs/links.py          say which lead nowhere, and exit with 1 if any does
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^( *)(`{3,}).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)


def markdown_files() -> list[Path]:
    """The Markdown files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in sorted(set(listed.stdout.splitlines())) if (path := ROOT / name).exists()]


def broken_links(page: Path, root: Path = ROOT) -> list[str]:
    """The links of a page to a file that is not there, or not below `root`, or to a heading that its file lacks."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return [link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link) and _is_broken(page, link, root)]


def _is_broken(page: Path, link: str, root: Path) -> bool:
    target, _, anchor = link.partition("#")
    path = (page.parent / target).resolve() if target else page
    if not path.exists() or not path.is_relative_to(root):
        return True
    return bool(anchor) and (path.suffix != ".md" or anchor not in anchors(path))


@cache
def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub and the site make anchors of them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in _HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in plain}


def main() -> int:
    """Check every file."""
    found = [f"{page.relative_to(ROOT)}: {link}" for page in markdown_files() for link in broken_links(page)]
    print("\n".join(found), end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
