"""Reading scores published as a pickled dictionary, {query id: {text id: score}}, without running code.

Python's own unpickler calls whatever a file names. This one knows dictionaries, numbers and strings, and refuses the
rest; it yields one query at a time, so that 160 million scores (sentence-transformers' msmarco-hard-negatives) are
never all in memory.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from lsr.core.errors import InputError
from lsr.text.lines import open_bytes
from lsr.text.records import parse_id

_VALUES = {
    *("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT"),
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"),
}
_MEMO_STORE = {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}
_MEMO_LOAD = {"GET", "BINGET", "LONG_BINGET"}
_MARK = object()
_CONVERT = (
    "if you trust it, convert it: for each q, scores of pickle.load(file).items(), a line of a .jsonl file, "
    "json.dumps({'query_id': q, 'scores': {d: float(s) for d, s in scores.items()}})"
)


def read_score_pickle(path: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield query ids with the scores of their texts by id, in the file's order; it may be compressed (.gz, .zst).

    Raises InputError if the file is cut short, or holds anything but dictionaries of numbers; nothing in it is ever
    run.
    """
    try:
        with open_bytes(path) as file:
            for key, scores in _outer_entries(file, str(path)):
                if not isinstance(scores, dict) or not all(isinstance(score, int | float) for score in scores.values()):
                    raise _refuse(f"query {key!r} has no dictionary of numbers", str(path))
                yield parse_id(key), {parse_id(id): float(score) for id, score in scores.items()}
    except (ValueError, IndexError, AttributeError, TypeError) as error:  # pickletools; opcodes that make no sense
        raise InputError(f"not a pickle of {{query id: {{text id: score}}}}: {error}", source=str(path)) from error


def _outer_entries(file: IO[bytes], source: str) -> Iterator[tuple[Any, Any]]:
    """Run the pickle's stack machine; the entries of the first dictionary are yielded and not kept."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    outer: dict[Any, Any] | None = None
    # Without `tell`, which pickletools would call at every step and a decompressing stream refuses.
    stream: Any = SimpleNamespace(read=file.read, readline=file.readline)
    for opcode, argument, _ in pickletools.genops(stream):
        name = opcode.name
        if name in _VALUES:
            stack.append(argument)
        elif name == "EMPTY_DICT":
            stack.append({})
            outer = stack[0]
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("SETITEM", "SETITEMS", "DICT"):
            start = len(stack) - 2 if name == "SETITEM" else _last_mark(stack)
            items = stack[start:] if name == "SETITEM" else stack[start + 1 :]
            del stack[start:]
            if name == "DICT":
                stack.append({})
                outer = stack[0]
            pairs = zip(items[::2], items[1::2], strict=True)
            if stack[-1] is outer:
                yield from pairs
            else:
                stack[-1].update(pairs)
        elif name in _MEMO_STORE:
            # Strings are shared as keys; dictionaries would stay in memory.
            key = len(memo) if argument is None else argument
            memo[key] = stack[-1] if isinstance(stack[-1], str) else None
        elif name in _MEMO_LOAD:
            if memo.get(argument) is None:
                raise _refuse("a value that is used twice", source)
            stack.append(memo[argument])
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise _refuse(f"something other than a dictionary, number or string ({name})", source)
    if outer is None:
        raise _refuse("no dictionary", source)


def _last_mark(stack: list[Any]) -> int:
    place = len(stack) - 1
    while stack[place] is not _MARK:  # IndexError if there is none
        place -= 1
    return place


def _refuse(what: str, source: str) -> InputError:
    return InputError(
        f"this pickle contains {what}, and code in a pickle is never run; {_CONVERT}",
        source=source,
    )
