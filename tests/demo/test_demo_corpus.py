"""The documentation of the running Python, extracted as documents."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.demo import corpus
from lsr.demo.sources import is_public, read_module, source_entries


def test_there_are_several_thousand_in_order_and_none_is_empty(library: list[Document]) -> None:
    assert 5000 < len(library) < 8000
    ids = [document.id for document in library]
    assert ids == sorted(set(ids))
    for document in library:
        assert len(document.text.split()) >= corpus.FEWEST_WORDS
        assert document.title.startswith(document.id)
        assert "\n" not in document.title
        assert set(document.fields) == {"kind", "module"}
    kinds = {document.fields["kind"] for document in library}
    assert kinds == {"module", "class", "function", "method", "property"}


def test_nothing_private_and_no_tests(documents: dict[str, Document]) -> None:
    assert all(is_public(name) for name in documents)
    unwanted = ("test.", "unittest.test.", "idlelib", "lib2to3", "ensurepip", "tkinter", "posixpath", "ntpath", "this")
    assert [name for name in documents if name.startswith(unwanted)] == []


@pytest.mark.parametrize(
    ("name", "kind", "title"),
    [
        ("os.path.splitext", "function", "os.path.splitext(p)"),  # docstring given at run time, module renamed
        (
            "asyncio.gather",
            "function",
            "asyncio.gather(*coros_or_futures, return_exceptions=False)",
        ),  # from its package
        ("collections.abc.Mapping", "class", "collections.abc.Mapping"),  # from a private module
        ("collections.deque.append", "method", None),  # in C
        ("str.removeprefix", "method", "str.removeprefix(prefix)"),  # a built-in has no prefix
        ("random.randint", "function", "random.randint(a, b)"),  # method of a hidden instance
        ("random.random", "function", "random.random()"),  # the same, in C
        ("multiprocessing.Pool", "function", None),  # method of a context
        ("concurrent.futures.ProcessPoolExecutor", "class", None),  # documented in __init__ only
        ("argparse.ArgumentParser.add_argument", "method", None),  # from a private base class
        ("socket.socket.connect", "method", "socket.socket.connect(address)"),  # in C, behind a class in Python
        ("OSError", "class", None),  # also called IOError
        ("struct.pack", "function", None),  # which pickle imports too
        ("math.gcd", "function", "math.gcd(*integers)"),
        ("heapq", "module", "heapq"),
        ("threading.Thread.daemon", "property", "threading.Thread.daemon"),
    ],
)
def test_names_are_those_that_users_know(
    documents: dict[str, Document], name: str, kind: str, title: str | None
) -> None:
    assert documents[name].fields["kind"] == kind
    if title is not None:
        assert documents[name].title == title


@pytest.mark.parametrize(
    "name", ["IOError", "pickle.pack", "os.Mapping", "asyncio.runners.run", "random.Random.randint"]
)
def test_other_names_of_the_same_thing_are_left_out(documents: dict[str, Document], name: str) -> None:
    assert name not in documents


@pytest.mark.process
def test_docstrings_stripped_at_run_time_are_still_read_from_the_sources(documents: dict[str, Document]) -> None:
    code = "from lsr.demo.corpus import *\nfor document in standard_library_documents(): print(document.id)"
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=True)
    # Only docstrings that a module attaches at run time are lost.
    assert len(set(documents) ^ set(done.stdout.split())) < 0.01 * len(documents)


def test_extraction_repeats_itself(library: list[Document]) -> None:
    finished: list[int] = []
    assert list(corpus.standard_library_documents(finished.append)) == library
    assert sum(finished) > 300


def test_a_python_without_sources_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(InputError, match="full installation") as raised:
        list(corpus.standard_library_documents())
    assert raised.value.source == str(tmp_path)


def test_sources_that_are_not_python_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "__init__.py").write_text('"""Package words here."""\nfrom .tool import go\n')
    (tmp_path / "json" / "broken.py").write_text("def (:\n")
    (tmp_path / "json" / "tool.py").write_text(
        "class _Base:\n"
        "    def inherited(self, x, /, y: int = 2, *, key=None, **rest) -> int:\n"
        '        """Of the base."""\n'
        "class Tool(_Base):\n"
        "    def __init__(self, path):\n"
        '        """Make a tool."""\n'
        "    @staticmethod\n"
        "    def plain(a): 'Not bound to it.'\n"
        "    @property\n"
        "    def size(self): 'How large it is.'\n"
        "    @size.setter\n"
        "    def size(self, value): 'Not this one.'\n"
        "try:\n"
        "    def go(*, fast): 'Go somewhere now.'\n"
        "finally:\n"
        "    pass\n"
    )
    assert read_module(tmp_path / "json" / "broken.py", tmp_path) is None
    entries = {(entry.name, entry.kind, entry.signature, entry.doc) for entry in source_entries(tmp_path)}
    assert entries == {
        ("json", "module", None, "Package words here."),
        ("json.tool", "module", None, ""),
        ("json.go", "function", "(*, fast)", "Go somewhere now."),
        ("json.tool.Tool", "class", "(path)", "Make a tool."),
        ("json.tool.Tool.inherited", "method", "(x, y=2, *, key=None, **rest)", "Of the base."),
        ("json.tool.Tool.plain", "method", "(a)", "Not bound to it."),
        ("json.tool.Tool.size", "property", None, "How large it is."),
    }
