"""Commands that raise their errors, where `lsr` prints them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import typer
from click.testing import Result
from typer.testing import CliRunner

Run = Callable[..., Result]


def raising(**commands: ModuleType) -> Run:
    """Runs the commands of these modules, each by the name that it is given by."""
    app = typer.Typer()
    for name, command in commands.items():
        app.command(name)(command.run)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)

    return call
