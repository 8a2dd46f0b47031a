"""Errors: what is wrong, where, and what would mend it, in the words of whoever tells it."""

from __future__ import annotations

import pickle

import pytest

from lsr.core.errors import InputError, LsrError, OutputExistsError, Remedy, in_plain_words, in_python
from lsr.core.remedies import REPLACE, RESTART, add_part_again


@pytest.mark.parametrize(
    ("remedies", "plainly", "in_code"),
    [
        ([], "x is wrong", "x is wrong"),
        (["look elsewhere"], "x is wrong; look elsewhere", "x is wrong; look elsewhere"),
        ([REPLACE], "x is wrong; replace it", "x is wrong; replace it (force=True)"),
        (
            ["look elsewhere", REPLACE],
            "x is wrong; look elsewhere, or replace it",
            "x is wrong; look elsewhere, or replace it (force=True)",
        ),
        (
            [REPLACE, RESTART, "wait"],
            "x is wrong; replace it, begin again, or wait",
            "x is wrong; replace it (force=True), begin again (restart=True), or wait",
        ),
    ],
)
def test_remedies_follow_the_problem(remedies: list[Remedy | str], plainly: str, in_code: str) -> None:
    error = LsrError("x is wrong", remedies=remedies)
    assert error.message() == error.message(in_plain_words) == plainly
    assert str(error) == error.message(in_python) == in_code
    assert error.message(lambda remedy: remedy.name.upper()).count("REPLACE") == remedies.count(REPLACE)
    assert (error.problem, list(error.remedies)) == ("x is wrong", remedies)


def test_the_place_stands_before_the_problem() -> None:
    error = InputError("is empty", source="a.jsonl", line=3, field="text", remedies=[RESTART])
    assert error.problem == "a.jsonl:3: field 'text': is empty" and error.reason == "is empty"
    assert str(error) == "a.jsonl:3: field 'text': is empty; begin again (restart=True)"
    assert str(InputError("is empty")) == "is empty"


@pytest.mark.parametrize(
    "error",
    [
        OutputExistsError("x exists", remedies=["move", REPLACE]),
        InputError("is empty", source="a", line=1, remedies=[add_part_again("late", "here")]),
    ],
)
def test_errors_survive_the_way_from_another_process(error: LsrError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error) and again.remedies == error.remedies
    assert vars(again) == vars(error)
