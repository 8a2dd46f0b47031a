"""Docstrings of the modules written in C, which have no source to read: imported and inspected."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

from lsr.demo.sources import HOMES, LONGEST_SIGNATURE, Entry

# Modules with parts in C whose import has no visible effect.
COMPILED = (
    "array atexit binascii builtins bz2 cmath codecs collections contextvars csv ctypes datetime decimal errno "
    "faulthandler fcntl functools gc grp hashlib hmac io itertools json locale lzma marshal math mmap msvcrt operator "
    "os os.path pickle pwd queue random re resource select selectors signal socket sqlite3 ssl statistics string "
    "struct sys syslog tempfile termios threading time tracemalloc types unicodedata uuid warnings weakref winreg "
    "xml.etree.ElementTree zlib"
)
# Modules whose parts in C have neither the module's name nor that name with an underscore.
BUILT_IN = {
    "_blake2": "hashlib",
    "_hashlib": "hmac",
    "_operator": "hmac",
    "_thread": "threading",
    "builtins": "types",
    "nt": "os",
    "posix": "os",
}


def compiled_entries() -> Iterator[Entry]:
    """The documented compiled names of the modules above that this Python has; those of builtins without a prefix."""
    for module in COMPILED.split():
        try:
            members = vars(importlib.import_module(module))
        except ImportError:
            continue  # for another system, or left out when Python was built
        yield Entry(module, "module", module, docstring(members))
        for name, member in sorted(members.items()):
            if not name.startswith("_") and belongs(member, module):
                name = better_known(member, name, members)
                public = name if module == "builtins" else f"{module}.{name}"
                doc = docstring(member)
                if isinstance(member, type):
                    yield Entry(public, "class", module, doc, signature_of(member, name, doc))
                    yield from method_entries(member, public, module)
                else:
                    yield Entry(public, "function", module, doc, signature_of(member, name, doc))


def belongs(member: object, module: str) -> bool:
    """Whether the module defines this class or function itself, rather than importing it from another public module."""
    home = str(getattr(member, "__module__", None) or module)
    if home not in (module, f"_{module}") and module not in (BUILT_IN.get(home), HOMES.get(home)):
        return False
    if isinstance(member, type):
        # Those with methods in Python are read from the source, which has their signatures.
        return not any(inspect.isfunction(each) for each in vars(member).values())
    return inspect.isroutine(member)


def better_known(member: object, name: str, members: dict[str, Any]) -> str:
    """The name of a member; for an alias of a class (IOError, socket.SocketType), the class's (OSError, socket)."""
    if isinstance(member, type):
        front = members.get(member.__name__)
        if isinstance(front, type) and issubclass(front, member):
            return member.__name__
    return name


def method_entries(owner: type, public: str, module: str) -> Iterator[Entry]:
    for name, member in sorted(vars(owner).items()):
        if name.startswith("_"):
            continue
        doc = docstring(member)
        if inspect.isdatadescriptor(member):
            yield Entry(f"{public}.{name}", "property", module, doc)
        elif isinstance(member, classmethod | staticmethod) or inspect.isroutine(member):
            yield Entry(f"{public}.{name}", "method", module, doc, signature_of(member, name, doc))


def docstring(member: object) -> str:
    """The docstring without its indentation; empty if the member only has that of its type."""
    doc = member.get("__doc__") if isinstance(member, dict) else getattr(member, "__doc__", None)
    return inspect.cleandoc(doc) if isinstance(doc, str) else ""


def signature_of(member: object, name: str, doc: str) -> str | None:
    """The parameters in brackets, from the signature in C or else from the first line of the docstring."""
    text = getattr(member, "__text_signature__", None)
    if text is None:
        written = re.match(rf"(?:\w+\.)*{re.escape(name)}(\([^\n]*?\))(?: *$| *-|:| *=)", doc, re.MULTILINE)
        text = written[1] if written else None
    if text is None:
        return None
    text = re.sub(r"\$\w+(, )?", "", text)
    text = re.sub(r"(, )?/(?=[,)])", "", text).replace("(, ", "(").replace("<unrepresentable>", "...")
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_SIGNATURE else "(...)"
