"""The judged questions of the demo."""

from __future__ import annotations

import json
import re

import pytest

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.demo.questions import SHOWN, demo_qrels, demo_questions, judged_questions, parse_questions, shown_questions

# Judged names that some supported version or build of Python does not document.
VERSION_DEPENDENT = {
    "asyncio.TaskGroup",  # without docstring before 3.11.4
    "asyncio.Timeout",
    "xml.etree.ElementTree.fromstring",  # only where pyexpat was built
}
# Formats whose name is also that of a module or function: no way to ask without it.
FORMATS = {"json", "xml"}


def test_there_are_enough_and_their_ids_and_texts_are_unique() -> None:
    questions = demo_questions()
    assert len(questions) >= 100
    assert len({question.id for question in questions}) == len(questions)
    assert len({question.text for question in questions}) == len(questions)


def test_every_judged_name_is_a_document(documents: dict[str, Document]) -> None:
    judged = {name for question in judged_questions() for name in question.relevant}
    assert judged - set(documents) <= VERSION_DEPENDENT
    assert len({documents[name].fields["module"] for name in judged & set(documents)}) >= 40
    assert set(demo_qrels(documents)) == {question.id for question in demo_questions()}


def test_no_question_gives_its_answer_away() -> None:
    # The last part of the name, as a word of its own, would let any search engine find it.
    for question in judged_questions():
        words = set(re.findall(r"\w+", question.text.lower())) - FORMATS
        answers = {name.rpartition(".")[2].lower() for name in question.relevant}
        assert not words & answers, question


def test_qrels_keep_only_names_that_exist() -> None:
    whole = demo_qrels()
    question, judged = next((key, names) for key, names in whole.items() if len(names) > 1)
    kept = next(iter(judged))
    assert demo_qrels({kept})[question] == {kept: 1}
    assert demo_qrels(set()) == {}
    assert set(whole) == {query.id for query in demo_questions()}


def test_the_shown_questions_are_among_them() -> None:
    assert [query.id for query in shown_questions()] == sorted(SHOWN)
    assert len(SHOWN) == 5


GOOD = {"_id": "q1", "text": "How?", "relevant": ["os.walk"]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":2: not valid JSON"),
        ("[]", "expected {"),
        (json.dumps({**GOOD, "_id": "q2", "extra": 1}), "expected {"),
        (json.dumps({"_id": "q2", "text": "How?"}), "expected {"),
        (json.dumps({**GOOD, "_id": ""}), "'_id': expected a non-empty text"),
        (json.dumps({**GOOD, "_id": "q2", "text": 3}), "'text': expected a non-empty text"),
        (json.dumps({**GOOD, "_id": "q2", "relevant": []}), "at least one name"),
        (json.dumps({**GOOD, "_id": "q2", "relevant": "os.walk"}), "at least one name"),
        (json.dumps({**GOOD, "_id": "q2", "relevant": ["a", "a"]}), "a name appears twice"),
        (json.dumps(GOOD), "'q1' appears twice"),
    ],
)
def test_a_malformed_line_is_named(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        parse_questions([json.dumps(GOOD), line])
    assert raised.value.line == 2
