"""The descriptions of a dataclass's fields, read from its docstring, so that each sentence is written once.

Command-line help and the HTTP service's schema show the same text as the API reference.
"""

from __future__ import annotations

import re
from functools import lru_cache
from inspect import cleandoc
from types import MappingProxyType

_ENTRY = re.compile(r"^    (\w+): (.*)$")


@lru_cache
def attribute_docs(cls: type) -> MappingProxyType[str, str]:
    """The text of each entry in the "Attributes:" section of a class's docstring, each as one line.

    An entry is `name: text`, with continuation lines indented further. Empty if there is no such section, as when
    Python drops docstrings (`-OO`).
    """
    found: dict[str, list[str]] = {}
    lines = iter(cleandoc(cls.__doc__ or "").splitlines())
    name = None
    for line in lines:
        if line == "Attributes:":
            break
    for line in lines:
        entry = _ENTRY.match(line)
        if entry is not None:
            name = entry[1]
            found[name] = [entry[2]]
        elif name is not None and line.startswith(" " * 8):
            found[name].append(line.strip())
        elif line.strip():
            break
    return MappingProxyType({name: " ".join(texts) for name, texts in found.items()})
