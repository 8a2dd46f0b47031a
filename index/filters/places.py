"""Where in the text of a filter something is wrong."""

from __future__ import annotations

from lsr.core.errors import InputError

_BEFORE, _AFTER = 60, 20


def problem_at(problem: str, text: str, place: int) -> InputError:
    """An error that shows the text around the place, with `^` beneath it."""
    start, stop = max(0, place - _BEFORE), min(len(text), max(place, 0) + _AFTER)
    shown = "".join(letter if letter.isprintable() else " " for letter in text[start:stop])
    before, after = "… " * (start > 0), " …" * (stop < len(text))
    return InputError(f"{problem}\n  {before}{shown}{after}\n  {' ' * (len(before) + place - start)}^")
