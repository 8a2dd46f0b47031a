"""Makes a corpus of passages of English text, about 100 words each, from what Debian's documentation packages hold.

    python benchmarks/passages.py FOLDER [--passages 300000] [--queries 1000] [--packages NAME...] [--work DIR]

Downloads the packages with `apt-get download` (310 MB), unpacks them with `dpkg-deb` without installing any, and reads
their web pages, texts, manual pages and dictionaries. Passages end where paragraphs do; those of few words, those that
are mostly code, numbers or not English, and repeated ones are dropped. FOLDER then holds corpus.jsonl and queries.jsonl
in BEIR's form, and packages.txt with the packages' versions, which decide all the rest: passages stand in the order of
their hashes, so that a smaller corpus is the beginning of a larger one. Queries are titles and sequences of words
around a passage's rarest, 2 to 6 words each; nothing says what answers them. With --work, packages are kept, and not
downloaded again. Takes three minutes on two cores, 2 GB of memory and 3 GB of disk.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import html
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from script import exit_code

from lsr.cli.console import note, progress_bar
from lsr.core.errors import InputError, LsrError
from lsr.core.files import atomic_file
from lsr.text.files.registry import read_file
from lsr.text.windows import cut_text

# Large ones, of many subjects, that are mostly prose.
# fmt: off
PACKAGES = (
    "apache2-doc", "cmake-doc", "debian-policy", "debian-reference-en", "developers-reference", "dict-foldoc",
    "dict-gcide", "dict-jargon", "erlang-doc", "git-doc", "libboost1.81-doc", "libgtk-4-doc", "libreoffice-help-en-us",
    "linux-doc-6.1", "llvm-14-doc", "manpages", "manpages-dev", "maxima-doc", "nodejs-doc", "octave-doc",
    "openjdk-17-doc", "perl-doc", "postgresql-doc-15", "python-django-doc", "python-scipy-doc", "python-sympy-doc",
    "python3.11-doc", "qtbase5-doc-html", "qtdeclarative5-doc-html", "rust-doc", "sqlite3-doc", "vim-doc", "zsh-doc",
)
# fmt: on
WORDS = 100
LEAST_WORDS = 20
# Of what stands between spaces in a passage, this share is to be words; of these, this share is to be of the following,
# which make up a quarter of English prose, and little of lists and of other languages.
LEAST_PROSE = 0.6
LEAST_ENGLISH = 0.1
ENGLISH = frozenset({"the", "of", "and", "to", "a", "in", "is", "that", "for", "it", "by", "are", "with", "or", "this"})
QUERY_WORDS = (2, 6)
# Larger pages are lists of symbols and whole manuals that other pages hold in parts.
LARGEST_PAGE = 1 << 20

_MANUAL = re.compile(r"\.[1-9][a-z]*$")
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_PROSE = re.compile(r"[(\[\"'“‘]*[A-Za-z]+(?:['’-][A-Za-z]+)*[)\]\"'”’.,;:!?]*")
_TITLE = re.compile(r"<title>([^<]*)</title>", re.IGNORECASE)
_UNSEEN = re.compile(r"<!--.*?-->|<(script|style|nav|head|svg|template)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_BLOCK = re.compile(
    r"</?(?:p|div|h[1-6]|li|ul|ol|dl|dt|dd|table|caption|tr|td|th|pre|br|hr|section|article|main|header|footer|aside|"
    r"blockquote|summary|details|figure|form)\b[^>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^>]*>")
_HEADING_LINE = re.compile(r"([=\-~*^#\"'+.])\1{2,}")
_ROFF_ESCAPE = re.compile(
    r"\\(?:\*(?:\(..|\[[^]]*\]|.)|f(?:\[[^]]*\]|\(..|.)|s[-+]?\d+|[&|^/,%c]|\[([^]]*)\]|\((..)|(.))"
)
_ROFF_WORDS = {"aq": "'", "lq": '"', "rq": '"', "em": " - ", "en": "-", "co": "(c)", "bu": "*", "-": "-", "e": "\\"}
# What parts a page's title from that of its site.
_SITE = re.compile(r" [-–—|·:]+ | \(")
_POD_MARKUP = re.compile(r"[A-Z]<(?:<+ )?([^<>|]*)(?:\|[^<>]*)?(?: >+)?>")


class Passage(NamedTuple):
    """A title, which may be "", and a text."""

    title: str
    text: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--passages", type=int, default=300_000, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--queries", type=int, default=1_000, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--packages", nargs="+", default=PACKAGES, metavar="NAME", help="instead of the usual ones")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the packages here, and reuse them")
    arguments = parser.parse_args()
    return exit_code(lambda: make(arguments))


def make(arguments: argparse.Namespace) -> None:
    """Write the corpus, the queries and the packages' versions."""
    with tempfile.TemporaryDirectory(prefix="lsr-passages-") as temporary:
        work: Path = (arguments.work or Path(temporary)).resolve()
        packages = downloaded(arguments.packages, work)
        files = [file for package in packages for file in unpacked(package, work)]
        found = chosen(read_all(files), arguments.passages)
    if len(found) < arguments.passages:
        note(f"these packages hold {len(found):,} passages only")
    corpus = ({"_id": f"p{i}", "title": passage.title, "text": passage.text} for i, passage in enumerate(found))
    write_lines(arguments.folder / "corpus.jsonl", map(json.dumps, corpus))
    queries = ({"_id": f"q{i}", "text": text} for i, text in enumerate(made_queries(found, arguments.queries)))
    write_lines(arguments.folder / "queries.jsonl", map(json.dumps, queries))
    write_lines(arguments.folder / "packages.txt", (package.name for package in packages))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a file of lines, replacing an old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path, force=True) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def downloaded(names: Sequence[str], work: Path) -> list[Path]:
    """The packages' files, downloaded where they are not there yet, by name."""
    folder = work / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not any(folder.glob(f"{name}_*.deb"))]
    if missing:
        note(f"downloading {len(missing)} packages …")
        called(["apt-get", "download", *missing], folder)
    return [max(folder.glob(f"{name}_*.deb")) for name in sorted(names)]


def unpacked(package: Path, work: Path) -> list[Path]:
    """The readable files of a package, sorted."""
    folder = work / "unpacked" / package.stem
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        called(["dpkg-deb", "--extract", str(package), str(folder)], work)
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    found = {path for path in files if (kind(path) and path.stat().st_size <= LARGEST_PAGE) or path.suffix == ".dz"}
    # Documentation often holds the sources of its pages.
    texts = {path.name.split(".")[0] for path in found if kind(path) == "text"}
    pages = {path for path in found if kind(path) == "page" and path.name.split(".")[0] in texts}
    return sorted(found - pages)


def called(command: list[str], folder: Path) -> None:
    """Run in a folder. LsrError with what the command said if it fails."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except OSError as error:
        raise LsrError(f"{command[0]} cannot be run, which systems like Debian have: {error}") from None
    if done.returncode:
        raise LsrError(f"{command[0]} failed: {done.stderr.strip()}")


def kind(path: Path) -> str | None:
    """What a file is: "page", "text", "manual", "perl", "dictionary"; None for what is not read."""
    name = path.name.lower().removesuffix(".gz")
    if "changelog" in name or "license" in name:
        return None
    endings = {".html": "page", ".txt": "text", ".rst": "text", ".md": "text", ".pod": "perl", ".dz": "dictionary"}
    found = endings.get(Path(name).suffix)
    return "manual" if found is None and "man" in path.parts and _MANUAL.search(name) else found


def read_all(files: Sequence[Path]) -> Iterator[Passage]:
    """The passages of files, in their order."""
    with ProcessPoolExecutor() as pool, progress_bar("reading", len(files), "files") as progress:
        for found in pool.map(passages_of, files, chunksize=32):
            progress(1)
            yield from found


def passages_of(path: Path) -> list[Passage]:
    """The passages of one file; none of one that cannot be read."""
    try:
        title, paragraphs = READERS[kind(path) or ""](path)
    except (InputError, UnicodeError):
        return []
    title = " ".join(title.split())[:200]
    return [Passage(title, text) for text in cut(paragraphs) if is_prose(text)]


def read_page(path: Path) -> tuple[str, list[str]]:
    """A web page, whose blocks are paragraphs. `lsr.text` reads pages more exactly, at a twentieth of the pace."""
    page = text_of(path)
    titled = _TITLE.search(page)
    text = _TAG.sub("", _BLOCK.sub("\n", " ".join(_UNSEEN.sub(" ", page).split())))
    return html.unescape(titled[1]) if titled else "", html.unescape(text).split("\n")


def read_plain(path: Path) -> tuple[str, list[str]]:
    """A text, whose paragraphs are apart; lines below headings are dropped."""
    page = read_file(path)
    return page.title, paragraphs_of(line for line in page.text.split("\n") if not _HEADING_LINE.fullmatch(line))


def read_manual(path: Path) -> tuple[str, list[str]]:
    """A manual page: its words without roff's requests, `.SH` and `.PP` and the like being ends of paragraphs."""
    lines = []
    for line in text_of(path).split("\n"):
        request, _, rest = line.partition(" ")
        if request in (".B", ".I", ".BR", ".BI", ".IR", ".RB", ".IB", ".RI", ".SM"):
            lines.append(rest.replace('"', ""))
        elif request in (".SH", ".SS"):
            lines += ["", rest.replace('"', ""), ""]
        elif line.startswith((".", "'")):
            lines += [] if line.startswith(('.\\"', "'")) else [""]
        else:
            lines.append(line)
    plain = (
        _ROFF_ESCAPE.sub(lambda found: _ROFF_WORDS.get(found[1] or found[2] or found[3] or "", ""), line)
        for line in lines
    )
    return path.name.split(".")[0], paragraphs_of(plain)


def read_perl(path: Path) -> tuple[str, list[str]]:
    """Perl's documentation, without its markup and what is indented, which is code."""
    lines = (re.sub(r"^=\w+ ?\d*", "", line) for line in text_of(path).split("\n") if not line.startswith((" ", "\t")))
    return path.name.split(".")[0], paragraphs_of(_POD_MARKUP.sub(r"\1", line) for line in lines)


def read_dictionary(path: Path) -> tuple[str, list[str]]:
    """A dictionary of dictd: its entries are apart."""
    return "", paragraphs_of(text_of(path).split("\n"))


READERS = {
    "page": read_page,
    "text": read_plain,
    "manual": read_manual,
    "perl": read_perl,
    "dictionary": read_dictionary,
}


def text_of(path: Path) -> str:
    """A file's text, decompressed."""
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix in (".gz", ".dz") else raw).decode("utf-8", "replace")


def paragraphs_of(lines: Iterable[str]) -> list[str]:
    """Lines between blank ones, joined."""
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if words := line.split():
            paragraphs[-1] += words
        elif paragraphs[-1]:
            paragraphs.append([])
    return [" ".join(words) for words in paragraphs if words]


def cut(paragraphs: Iterable[str]) -> Iterator[str]:
    """Passages of about WORDS words; only paragraphs that are longer by half end within, at a sentence's end."""
    passage: list[str] = []
    length = 0
    for paragraph in paragraphs:
        for start, stop in cut_text(paragraph, WORDS * 3 // 2, WORDS * 3 // 2):
            text = paragraph[start:stop].strip()
            words = len(text.split())
            if passage and length + words - WORDS > WORDS - length:
                yield "\n".join(passage)
                passage, length = [], 0
            if text:
                passage.append(text)
                length += words
    yield "\n".join(passage)


def is_prose(text: str) -> bool:
    """Whether it has enough words, most of what stands between its spaces are words, and they are English."""
    parts = text.lower().split()
    words = sum(_PROSE.fullmatch(part) is not None for part in parts)
    english = sum(part in ENGLISH for part in parts)
    return words >= max(LEAST_WORDS, LEAST_PROSE * len(parts)) and english >= LEAST_ENGLISH * words


def chosen(passages: Iterable[Passage], count: int) -> list[Passage]:
    """The first so many different texts by their hashes."""
    found: dict[bytes, Passage] = {}
    for passage in passages:
        found.setdefault(hashlib.blake2b(passage.text.encode("utf-8", "replace"), digest_size=16).digest(), passage)
    return [found[key] for key in sorted(found)[:count]]


def made_queries(passages: Sequence[Passage], count: int) -> list[str]:
    """Different queries, in turn the title of a passage and the words around the rarest of one that others hold too."""
    holders = Counter(word for passage in passages for word in set(_WORD.findall(passage.text.lower())))
    queries: dict[str, None] = {}
    for number, passage in enumerate(passages):
        if len(queries) >= count:
            break
        least, most = QUERY_WORDS
        if len(queries) % 2 == 0:
            words = _WORD.findall(_SITE.split(passage.title)[0])
        else:
            words = around_rarest(passage.text, holders, least + number % (most - least + 1))
        if least <= len(words) <= most:
            queries.setdefault(" ".join(words))
    return list(queries)


def around_rarest(text: str, holders: Counter[str], length: int) -> list[str]:
    """So many words in a row of one sentence, the rarest one that at least three passages hold in their middle."""
    best, found = sys.maxsize, []
    for sentence in re.split(r"[.,;:!?()\n]", text):
        words = _WORD.findall(sentence)
        for at, word in enumerate(words):
            held = holders[word.lower()]
            if len(words) >= length and 3 <= held < best:
                start = min(max(0, at - length // 2), len(words) - length)
                best, found = held, words[start : start + length]
    return found


if __name__ == "__main__":
    sys.exit(main())
