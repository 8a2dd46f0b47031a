"""The flags of a search, made from the fields of a plan.

They are made when a command that has them is called, not when `lsr` starts: the plan's classes are slow to load.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from lsr.cli.commands import verbatim
from lsr.cli.console import fail

if TYPE_CHECKING:
    from lsr.search.flat import FlatOption
    from lsr.search.plan import SearchPlan

_META = "lsr.asked"
_PANEL = "How to search"


@dataclass(frozen=True, slots=True)
class Asked:
    """How to search, as given by the flags of a command.

    Attributes:
        mode: the mode, or None if it was not given.
        flat: the plan's fields that were given, by their keywords.
        file: a file with a whole plan, or None.
        show: print the plan instead of searching.
    """

    mode: str | None = None
    flat: dict[str, Any] = field(default_factory=dict)
    file: Path | None = None
    show: bool = False

    def plan(self, default_mode: str = "auto") -> SearchPlan:
        """The plan; exits with 2 if both a file and flags are given. InputError for values that make no sense."""
        from lsr.search.flat import plan_of
        from lsr.search.reading import read_plan

        if self.file is None:
            mode = self.mode or ("auto" if "recall" in self.flat else default_mode)
            return plan_of(mode, **self.flat)
        if (given := self.first_flag) != "--plan":
            fail(f"--plan already says how to search: leave out {given}")
        return read_plan(self.file)

    @property
    def first_flag(self) -> str | None:
        """One of the flags that were given, --plan only where no other was; None if none was."""
        if self.mode is not None:
            return "--mode"
        if self.flat:
            return _flag(next(iter(self.flat)))
        return None if self.file is None else "--plan"


def asked(context: typer.Context) -> Asked:
    """How to search, according to the flags of the running command."""
    found = context.meta[_META]
    assert isinstance(found, Asked)
    return found


def refuse_asked(context: typer.Context, why: str, *names: str) -> None:
    """As `lsr.cli.useless.refuse`, for flags of a search: those of these fields of a plan."""
    for name in names:
        if name in asked(context).flat:
            fail(f"{_flag(name)} {why}")


def search_command(*only: str, default_mode: str = "auto", why: str = "") -> type[TyperCommand]:
    """The class of a command that searches: its callback gets the flags by `asked(context)`.

    `only` names the fields that get flags; without it, all of them do, and there are --mode, --parameter, --plan and
    --show-plan. `default_mode` and the reason for it are shown in the help.
    """

    class SearchCommand(TyperCommand):
        def get_params(self, ctx: Any) -> list[Any]:
            if _META not in ctx.meta:
                ctx.meta[_META] = _flags(only, default_mode, why)
            own = super().get_params(ctx)
            if twice := {param.name for param in own} & {param.name for param in ctx.meta[_META]}:
                raise TypeError(f"parameters of a search have the same names as other flags of `{self.name}`: {twice}")
            return [*own, *ctx.meta[_META]]

        def invoke(self, ctx: Any) -> Any:
            given = {param.name: ctx.params.pop(param.name) for param in ctx.meta[_META]}
            ctx.meta[_META] = _read(given)
            return super().invoke(ctx)

    return SearchCommand


def _flags(only: Iterable[str], default_mode: str, why: str) -> list[Any]:
    """Typer's parameters for the fields of a plan."""
    from lsr.search.flat import flat_options

    known = flat_options()
    made = [_parameter(known[name]) for name in only or known]
    if not only:
        made = [*made, *_whole(known)]
        made.insert(0, _mode(default_mode, why))
    maker = typer.Typer(add_completion=False)
    maker.command()(_with_signature(made))
    params = list(typer.main.get_command(maker).params)
    verbatim(params)
    return params


def _mode(default_mode: str, why: str) -> inspect.Parameter:
    from lsr.index.fusion.settings import modes

    titles = "; ".join(f"{name}: {title}" for name, title in modes().items())
    default = default_mode + (f", {why}" if why else "")
    info = typer.Option(help=f"{titles}. (default: {default})", show_default=False, rich_help_panel=_PANEL)
    return _option("mode", _enumeration(modes()), info)


def _whole(known: dict[str, FlatOption]) -> list[inspect.Parameter]:
    """The flags that set more than one field."""
    parameter = typer.Option(
        "--parameter",
        "-p",
        metavar="NAME=VALUE",
        help=f"Another parameter; repeat for more. {_listed(known)}. Each is a flag, too: --heap-factor 0.9.",
        show_default=False,
        rich_help_panel=_PANEL,
    )
    plan = typer.Option(
        "--plan",
        metavar="FILE",
        help="A whole plan in JSON or YAML, in place of all these.",
        show_default=False,
        rich_help_panel=_PANEL,
    )
    show = typer.Option(
        "--show-plan",
        help="Print the plan that the flags amount to, in the form that --plan takes.",
        rich_help_panel=_PANEL,
    )
    return [
        _option("parameters", list[str], parameter),
        _option("plan_file", Path, plan),
        inspect.Parameter("show_plan", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, show]),
    ]


def _listed(known: dict[str, FlatOption]) -> str:
    """The names of all parameters that the help does not show as flags, grouped by what they belong to."""
    groups: dict[str, list[str]] = {}
    for each in known.values():
        if not each.option.shown:
            choices = f" ({', '.join(each.option.choices)})" if each.option.choices else ""
            for group in each.modes or (each.stage,):
                groups.setdefault(group, []).append(each.name + choices)
    return "; ".join(f"{group}: {', '.join(names)}" for group, names in groups.items())


def _parameter(each: FlatOption) -> inspect.Parameter:
    """The flag for one field."""
    option = each.option
    kind: Any = option.kind if option.choices is None else _enumeration(option.choices)
    info = typer.Option(
        _flag(each.name),
        help=_help(each),
        hidden=not option.shown,
        min=option.bounds.get("ge", option.bounds.get("gt")) if option.kind in (int, float) else None,
        max=option.bounds.get("le") if option.kind in (int, float) else None,
        show_default=False,
        rich_help_panel=_PANEL,
    )
    return _option(each.name, kind, info)


def _help(each: FlatOption) -> str:
    """The help of a field, preceded by what its stage does if the field is the one that requests it."""
    from lsr.core.attributes import attribute_docs
    from lsr.search.plan import ON_DEMAND, SearchPlan

    asks = each.name == each.stage and len(each.path) > 1
    parts = [attribute_docs(SearchPlan)[each.stage].split(". ")[0].rstrip(".") + "." if asks else "", each.help]
    if each.option.titles:
        parts[-1] = f"{each.help.rstrip('.')}: {each.option.titles}."
    if each.option.default is not None and not (asks and each.stage in ON_DEMAND):
        parts.append(f"(default: {each.option.default})")
    return " ".join(part for part in parts if part)


def _enumeration(names: Iterable[str]) -> Any:
    """An enumeration of these values, which is how Typer takes choices."""
    return StrEnum("Choice", {name: name for name in names})


def _option(name: str, kind: Any, info: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, info]
    )


def _with_signature(parameters: list[inspect.Parameter]) -> Any:
    def derived() -> None:
        """A stub, never called: Typer reads its signature."""

    derived.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return derived


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _read(given: dict[str, Any]) -> Asked:
    """Read the values of the flags."""
    mode, file, show = given.pop("mode", None), given.pop("plan_file", None), given.pop("show_plan", False)
    flat = _named(given.pop("parameters", None) or ())
    for name, value in given.items():
        if value is not None:
            if name in flat:
                fail(f"{_flag(name)} and --parameter {name} are the same: give only one of the two")
            flat[name] = getattr(value, "value", value)
    return Asked(mode and str(getattr(mode, "value", mode)), flat, file and Path(file), bool(show))


def _named(given: Iterable[str]) -> dict[str, Any]:
    """The values of --parameter; exits with 2 for a malformed one. Unknown names are left for the plan to refuse."""
    from lsr.search.flat import flat_options

    known, values = flat_options(), {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals:
            fail(f"--parameter takes NAME=VALUE, not {item!r}")
        kind = known[name].option.kind if name in known else str
        try:
            values[name] = (kind or str)(value)
        except ValueError:
            fail(f"--parameter {name} must be a {'whole number' if kind is int else 'number'}, not {value!r}")
    return values
