"""Messages of the library: no flag and no command of the command line, which words what mends an error itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from source_tree import ROOT, floor, modules

from lsr.cli.remedies import WITHOUT_FLAG, WORDS, in_flags
from lsr.core import remedies
from lsr.core.errors import Remedy

# A flag, but not of pip; a command in backquotes.
FLAG = re.compile(r"(?<![\w-])--[a-z]")
COMMAND = re.compile(r"`lsr [a-z]")
# The card of a model says what made it.
ALLOWED = {("training/averaging.py", "The mean of these models' weights, made by `lsr average`:")}


def literals(tree: ast.Module) -> Iterator[ast.Constant]:
    """Every string of a file but its docstrings."""
    with_docstring = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        for statement in (node.body if isinstance(node, with_docstring) else ())
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def command_lines(source: str) -> list[str]:
    """What names a flag or a command of `lsr` in the strings of a file."""
    return [
        node.value
        for node in literals(ast.parse(source))
        if (FLAG.search(node.value) or COMMAND.search(node.value)) and not node.value.startswith("pip install ")
    ]


def test_no_message_outside_the_command_line_names_its_flags_or_commands() -> None:
    sources = [path for module, path in modules().items() if module == "lsr" or floor(module) != "cli"]
    found = {(path.relative_to(ROOT).as_posix(), text) for path in sources for text in command_lines(path.read_text())}
    assert len(sources) > 200
    assert found == ALLOWED


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise E(f"{path} is there: pass --force")', [" is there: pass --force"]),
        ('"""Says `lsr tune --k`."""\ndef f():\n    """Of --k."""\n    return "run `lsr tune`"', ["run `lsr tune`"]),
        ('def f():\n    "As --k."\n    x = "a -- b, a--b, pip"\n    return "pip install --no-deps x"', []),
    ],
)
def test_what_counts_as_naming_them(source: str, found: list[str]) -> None:
    assert command_lines(source) == found


def known_remedies() -> list[Remedy]:
    """Each remedy that there is, those that are made for a case with values of any kind."""
    made = [
        remedies.add_part("dense", "a"),
        remedies.build_index(None, "a"),
        remedies.add_part_again("late", Path("a")),
        remedies.build_with("bmp", "bmp=BmpSettings()"),
        remedies.name_format(["jsonl", "tsv"], [".jsonl", ".tsv"]),
        remedies.tune(0.9, 10),
        remedies.upgrade("a"),
        remedies.make_key("a"),
        remedies.create_empty("a"),
        remedies.calibrate("a"),
    ]
    functions = [value for name, value in vars(remedies).items() if callable(value) and name.islower()]
    assert len(made) == len([function for function in functions if function.__module__ == remedies.__name__])
    return [*(value for value in vars(remedies).values() if isinstance(value, Remedy)), *made]


def test_the_command_line_has_words_for_every_remedy_and_for_no_other() -> None:
    assert {remedy.name for remedy in known_remedies()} == set(WORDS)


@pytest.mark.parametrize("remedy", known_remedies(), ids=lambda remedy: remedy.name)
def test_the_command_line_words_a_remedy_with_its_values(remedy: Remedy) -> None:
    named = {name for _, name, _, _ in Formatter().parse(WORDS[remedy.name]) if name}
    assert named <= set(remedy.values)
    assert "{" not in in_flags(remedy)
    assert not FLAG.search(remedy.words + remedy.python)


def test_a_remedy_without_words_of_the_command_line_is_said_plainly() -> None:
    assert in_flags(Remedy("stand-on-head", "stand on your head")) == "stand on your head"


def test_a_command_without_the_flag_of_a_remedy_does_not_advise_it() -> None:
    remedy = remedies.name_format(["jsonl", "tsv"], [".jsonl", ".tsv"])
    assert in_flags(remedy, ["--format", "--force"]) == in_flags(remedy) == "choose one of jsonl, tsv with --format"
    assert in_flags(remedy, ["--force"]) == "let its name end in what it is: .jsonl, .tsv"
    assert set(WITHOUT_FLAG) <= set(WORDS)
