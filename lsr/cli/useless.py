"""Flags that are given where they have no use: refused, since what is silently ignored is taken for done."""

from __future__ import annotations

import typer

from lsr.cli.console import fail


def refuse(context: typer.Context, why: str, *names: str) -> None:
    """Exit with 2 if one of these parameters of the running command was given: its flag, and why it has no use."""
    for param in context.command.params:
        source = context.get_parameter_source(param.name) if param.name in names else None
        if source is not None and source.name == "COMMANDLINE":
            flag = max(param.opts, key=len) if param.param_type_name == "option" else (param.name or "").upper()
            fail(f"{flag} {why}")
