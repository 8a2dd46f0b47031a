"""The corpus of the demo: the documentation of the running Python's standard library.

Real text that is available on every machine. It is read from the user's own interpreter each time; none of it is part
of this package.
"""

from __future__ import annotations

import gc
import sysconfig
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.demo.compiled import compiled_entries
from lsr.demo.sources import Entry, source_entries

FEWEST_PASSAGES = 3000  # with its sources, every supported version has more than twice as many
FEWEST_WORDS = 2


def standard_library_documents(
    progress: Callable[[int], None] | None = None, *, modules: Collection[str] | None = None
) -> Iterator[Document]:
    """The documented modules, classes, functions, methods and properties of the running Python's standard library.

    Each is one document: id the qualified name under which users know it ("os.path.splitext"; built-ins without their
    module: "str.split"), title the same with the signature where it is known, text the docstring without its
    indentation, fields `kind` ("module", "class", "function", "method" or "property") and `module`. Ordered by id;
    the same on every run of one interpreter. Tests, private modules and dunder methods are left out.

    `progress` is called with 1 for every source file read. With `modules`, only these are read, which is much faster;
    a docstring that they share with another module then counts as theirs.
    Raises InputError if the interpreter comes without its sources or docstrings.
    """
    library = Path(sysconfig.get_path("stdlib"))
    with _garbage_left():
        entries = [*compiled_entries(), *source_entries(library, progress, modules)]
        if modules is not None:
            entries = [entry for entry in entries if entry.module in modules]
        chosen = one_each(entries)
    if len(chosen) < (FEWEST_PASSAGES if modules is None else len(modules)):
        raise InputError(
            f"only {len(chosen)} documented names found: this Python comes without the sources of its standard "
            "library. Run the demo with a full installation (python.org, Debian's python3, pyenv or uv)",
            source=str(library),
        )
    for entry in chosen:
        yield Document(
            id=entry.name,
            title=entry.name + (entry.signature or ""),
            text=entry.doc,
            fields={"kind": entry.kind, "module": entry.module},
        )


@contextmanager
def _garbage_left() -> Iterator[None]:
    """Within the block no garbage is looked for. The syntax trees of all sources are millions of objects in use.

    Looking through them again and again takes twice as long as all the rest.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def one_each(entries: Iterable[Entry]) -> list[Entry]:
    """The documented entries, one per name and one per docstring, ordered by name.

    A name documented in the sources and in the compiled module keeps the longer docstring. A docstring that several
    names share under the same last part (`bytes.strip` and `bytearray.strip`) stays with the shortest of them.
    """
    longest: dict[str, Entry] = {}
    for entry in entries:
        other = longest.get(entry.name)
        if other is not None:
            best = max(other, entry, key=lambda each: len(each.doc))
            entry = replace(best, signature=other.signature or entry.signature)
        longest[entry.name] = entry
    shared: dict[tuple[str, str], Entry] = {}
    documented = (entry for entry in longest.values() if len(entry.doc.split()) >= FEWEST_WORDS)
    for entry in sorted(documented, key=lambda entry: (entry.name.count("."), len(entry.name), entry.name)):
        shared.setdefault((entry.name.rpartition(".")[2], entry.doc), entry)
    return sorted(shared.values(), key=lambda entry: entry.name)
