"""Old names go on working, and say the new ones."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lsr.core.deprecation import MovedMember, moved_member, renamed_keywords


@renamed_keywords(colour="hue", size="length")
def paint(what: str, *, hue: str = "red", length: int = 1) -> tuple[str, str, int]:
    """Paint it."""
    return what, hue, length


@renamed_keywords(share="part")
@dataclass(frozen=True, slots=True)
class Cut:
    """A cut."""

    part: float = 0.5


def test_an_old_keyword_is_taken_for_the_new_one() -> None:
    with pytest.warns(DeprecationWarning, match="^colour of paint is now hue$") as caught:
        assert paint("door", colour="blue") == ("door", "blue", 1)  # type: ignore[call-arg]
    assert caught[0].filename == __file__ and paint.__doc__ == "Paint it."
    with pytest.warns(DeprecationWarning):
        assert paint("door", size=3, colour="blue") == ("door", "blue", 3)  # type: ignore[call-arg]
    with pytest.warns(DeprecationWarning, match="^share of Cut is now part$") as caught:
        assert Cut(share=0.2) == Cut(0.2)  # type: ignore[call-arg]
    assert caught[0].filename == __file__


def test_new_names_are_taken_silently() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paint("door", hue="blue", length=2) == ("door", "blue", 2)
        assert replace(Cut(part=0.1), part=0.3) == Cut(0.3)


def test_both_names_at_once_and_names_that_never_were_are_refused() -> None:
    with pytest.raises(TypeError, match="'hue' twice, once under its old name 'colour'"):
        paint("door", hue="red", colour="blue")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="shade"):
        paint("door", shade="blue")  # type: ignore[call-arg]


class Shelf:
    def __init__(self) -> None:
        self.books = ["a", "b"]

    def __getattr__(self, name: str) -> Any:
        return moved_member(self, name, {"count": MovedMember("len(Shelf.books)", lambda shelf: len(shelf.books))})


def test_a_member_that_has_moved() -> None:
    with pytest.warns(DeprecationWarning, match=r"^Shelf\.count is now len\(Shelf\.books\)$") as caught:
        assert Shelf().count == 2
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="'Shelf' object has no attribute 'counts'"):
        _ = Shelf().counts
    assert not hasattr(Shelf(), "nothing")
