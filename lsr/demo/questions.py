"""The judged questions of the demo: what a programmer might ask, and the names whose documentation answers it.

Written for this project. A name is judged relevant where its own docstring answers the question; candidates came from
knowledge of the library and from the first results of BM25 and of SPLADE, pooled.
"""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from importlib.resources import files

from lsr.core.documents import Query
from lsr.core.errors import InputError

QUESTIONS_FILE = "questions.jsonl"

# The questions that the demo shows. Picked for variety among those that the default model answers, so they do not
# indicate how often it does: the figures over all questions do.
SHOWN = ("q005", "q019", "q024", "q071", "q153")


@dataclass(frozen=True, slots=True)
class JudgedQuestion:
    """A question with the qualified names that answer it."""

    id: str
    text: str
    relevant: tuple[str, ...]


def demo_questions() -> list[Query]:
    """All the questions, in the order of their ids."""
    return [Query(question.id, question.text) for question in judged_questions()]


def shown_questions() -> list[Query]:
    """The few questions whose answers the demo prints."""
    return [query for query in demo_questions() if query.id in SHOWN]


def demo_qrels(documents: Container[str] | None = None) -> dict[str, dict[str, int]]:
    """The judgements: question id -> document id -> 1.

    The names of the standard library differ a little between the versions of Python and between their builds. With
    `documents`, the ids that this Python has, the other names are left out, and so are questions left without any.
    """
    qrels = {
        question.id: {name: 1 for name in question.relevant if documents is None or name in documents}
        for question in judged_questions()
    }
    return {question: judged for question, judged in qrels.items() if judged}


def judged_questions() -> list[JudgedQuestion]:
    """The file of questions, read strictly: InputError names the line of the first that is malformed."""
    lines = files("lsr.demo").joinpath(QUESTIONS_FILE).read_text(encoding="utf-8").splitlines()
    return parse_questions(lines)


def parse_questions(lines: list[str]) -> list[JudgedQuestion]:
    """One question per line, as JSON: `_id`, `text` and `relevant`, a list of qualified names; nothing else.

    Raises InputError for any other line, a duplicate id, or a name judged twice for one question.
    """
    questions: dict[str, JudgedQuestion] = {}
    for number, line in enumerate(lines, 1):
        try:
            question = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"not valid JSON ({error.msg})", source=QUESTIONS_FILE, line=number) from None
        if not isinstance(question, dict) or set(question) != {"_id", "text", "relevant"}:
            message = 'expected {"_id": …, "text": …, "relevant": […]}'
            raise InputError(message, source=QUESTIONS_FILE, line=number)
        id, text, relevant = question["_id"], question["text"], question["relevant"]
        for field, value in (("_id", id), ("text", text)):
            if not isinstance(value, str) or not value.strip():
                raise InputError("expected a non-empty text", source=QUESTIONS_FILE, line=number, field=field)
        if not isinstance(relevant, list) or not relevant or not all(isinstance(name, str) for name in relevant):
            message = "expected a list of at least one name"
            raise InputError(message, source=QUESTIONS_FILE, line=number, field="relevant")
        if len(set(relevant)) < len(relevant):
            raise InputError("a name appears twice", source=QUESTIONS_FILE, line=number, field="relevant")
        if id in questions:
            raise InputError(f"{id!r} appears twice", source=QUESTIONS_FILE, line=number, field="_id")
        questions[id] = JudgedQuestion(id, text, tuple(relevant))
    return list(questions.values())
