"""The registry of commands: a new one is named once, and only the one that is called is loaded."""

from __future__ import annotations

import re
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from lsr.cli.commands import COMMANDS, CommandEntry
from lsr.cli.root import app
from lsr.core.cpus import limit_threads, thread_limit


def test_a_command_from_a_test_s_own_code_is_listed_and_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(name: str, times: int = typer.Option(1, help="How often.")) -> None:
        """Greet someone."""
        print(f"hello {name} " * times)

    module = ModuleType("lsr.cli.greet")
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "greet", CommandEntry("greet", "Manners"))

    def call(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.output

    assert call("greet", "you", "--times", "2") == (0, "hello you hello you \n")
    code, help = call("--help")
    assert code == 0 and "Manners" in help and "Greet someone." in help and "Look after" in help
    assert "How often." in call("greet", "-h")[1]
    assert call("greet")[0] == 2
    code, wrong = call("gret", "you")
    assert code == 2 and "greet" in wrong


@pytest.mark.process
def test_only_the_command_that_is_called_is_loaded() -> None:
    script = """
import sys
from lsr.cli.app import main
sys.argv = ["lsr", "models"]
try:
    main()
except SystemExit:
    print(sorted(name for name in sys.modules if name.startswith("lsr.cli.")), file=sys.stderr)
"""
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr
    assert "'lsr.cli.models'" in loaded and "lsr.cli.train" not in loaded and "lsr.cli.index" not in loaded


def test_every_command_with_a_device_has_threads() -> None:
    """Where models run and on how many threads is said together."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        flags = {
            flag for each in command.get_params(command.context_class(command, info_name=name)) for flag in each.opts
        }
        assert "--device" not in flags or "--threads" in flags, name


def test_no_more_threads_than_there_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.cli.options.allowed_cpus", lambda: 2)
    try:
        for threads, taken in ((999, "2"), (2, "2"), (1, "1")):
            done = CliRunner().invoke(app, ["encode", "absent.jsonl", "-o", "x.parquet", "--threads", str(threads)])
            assert done.exit_code and str(thread_limit()) == taken
            assert ("--threads 999: only 2 processors may be used here, so 2" in done.stderr) == (threads == 999)
        for wrong in ("0", "-1", "some"):
            assert CliRunner().invoke(app, ["encode", "a.jsonl", "-o", "x.parquet", "--threads", wrong]).exit_code == 2
    finally:
        limit_threads(None)


def test_every_command_is_a_module_with_a_docstring() -> None:
    for name in COMMANDS:
        help = CliRunner().invoke(app, [name, "--help"])
        assert help.exit_code == 0 and f"Usage: lsr {name}" in help.output.replace("root", "lsr")


def test_help_shows_brackets_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every text of every command: none is taken for markup."""
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 4000)
    bracketed = 0
    for name in COMMANDS:
        command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
        with command.context_class(command, info_name=name) as context:
            texts = [command.help, *(each.help for each in command.get_params(context) if not each.hidden)]
            shown = " ".join(CliRunner().invoke(app, [name, "--help"]).output.split())
        for text in filter(None, texts):
            written = " ".join(text.replace("\\[", "[").split())
            for part in re.findall(r"\S*\[[^\]]*\]\S*", written):
                bracketed += 1
                assert part in shown, (name, part)
    assert bracketed > 5


@pytest.mark.parametrize(
    ("given", "near"),
    [("serch", "search"), ("indx", "index"), ("evaluate", "eval"), ("moddels", "models"), ("xyz", None)],
)
def test_a_command_that_there_is_not(run: Any, given: str, near: str | None) -> None:
    code, _, errors = run(given)
    assert code == 2 and f"No such command '{given}'" in errors
    assert f"Did you mean '{near}'?" in errors if near else "Did you mean" not in errors
