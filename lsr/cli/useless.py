"""Flags that are given where they have no use: refused, since what is silently ignored is taken for done."""

from __future__ import annotations

import typer

from lsr.cli.console import fail
from lsr.encoding.lexical.settings import WORDS_ALONE

OF_SPARSE = "is of the terms of a sparse query, and mode dense asks for none"
"""Why a flag has no use in a search of dense vectors alone."""


def refuse(context: typer.Context, why: str, *names: str) -> None:
    """Exit with 2 if one of these parameters of the running command was given: its flag, and why it has no use."""
    for param in context.command.params:
        source = context.get_parameter_source(param.name) if param.name in names else None
        if source is not None and source.name == "COMMANDLINE":
            # --no-lexical is the other name of --lexical.
            names_given = param.secondary_opts if context.params.get(param.name) is False else param.opts
            option = param.param_type_name == "option"
            fail(f"{max(names_given or param.opts, key=len) if option else (param.name or '').upper()} {why}")


def refuse_of_models(context: typer.Context, *, encodes: bool) -> None:
    """The same for what has no use with `--model bm25`, the words alone. `encodes`: whether another model runs."""
    why = f"is of models: {WORDS_ALONE} is none, and counts all words"
    refuse(context, why, "max_length", "window_overlap", "top_k", "query_idf", *(() if encodes else ("device",)))
    why = f"is of words beside a model's terms: with {WORDS_ALONE}, words are all that there is"
    refuse(context, why, "lexical", "lexical_weight")
