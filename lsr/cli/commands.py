"""The commands of `lsr`, each loaded only when it is called or its help is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple

import typer
from rich.markup import escape
from typer.core import TyperGroup

from lsr.cli.streams import meeting_readers_that_go


class CommandEntry(NamedTuple):
    """A command, not loaded yet: its module in `lsr.cli`, and its panel in the help.

    The module has a function `run`, or a Typer application `GROUP` of commands below this one.
    """

    module: str
    panel: str


_SEARCH, _MEASURE, _TRAIN = "Index and search", "Measure and tune", "Train"
_LIVE, _VECTORS, _CARE = "Documents that come and go", "Vectors", "Look after"

# As Typer says it, in this version and earlier ones.
_CHOICE = re.compile(r"'(?P<given>.*)' is not one of (?P<known>.*)", re.DOTALL)

COMMANDS = {
    "demo": CommandEntry("demo", _SEARCH),
    "index": CommandEntry("index", _SEARCH),
    "dense": CommandEntry("dense", _SEARCH),
    "late": CommandEntry("late", _SEARCH),
    "synonyms": CommandEntry("synonyms", _SEARCH),
    "create": CommandEntry("create", _LIVE),
    "add": CommandEntry("add", _LIVE),
    "delete": CommandEntry("delete", _LIVE),
    "watch": CommandEntry("watch", _LIVE),
    "compact": CommandEntry("compact", _LIVE),
    "reindex": CommandEntry("reindex", _LIVE),
    "snapshot": CommandEntry("snapshot", _LIVE),
    "restore": CommandEntry("restore", _LIVE),
    "fields": CommandEntry("fields", _SEARCH),
    "search": CommandEntry("search", _SEARCH),
    "serve": CommandEntry("serve", _SEARCH),
    "keys": CommandEntry("keys", _SEARCH),
    "mcp": CommandEntry("mcp", _SEARCH),
    "eval": CommandEntry("evaluate", _MEASURE),
    "rerank": CommandEntry("rerank", _MEASURE),
    "compare": CommandEntry("compare", _MEASURE),
    "diagnose": CommandEntry("diagnose", _MEASURE),
    "bench": CommandEntry("bench", _MEASURE),
    "reproduce": CommandEntry("reproduce", _MEASURE),
    "plan": CommandEntry("plan", _MEASURE),
    "tune": CommandEntry("tune", _MEASURE),
    "calibrate": CommandEntry("calibrate", _MEASURE),
    "train": CommandEntry("train", _TRAIN),
    "adapt": CommandEntry("adapt", _TRAIN),
    "average": CommandEntry("average", _TRAIN),
    "mine": CommandEntry("mine", _TRAIN),
    "score": CommandEntry("score", _TRAIN),
    "encode": CommandEntry("encode", _VECTORS),
    "export": CommandEntry("export", _VECTORS),
    "prune": CommandEntry("prune", _VECTORS),
    "inspect": CommandEntry("inspect", _CARE),
    "verify": CommandEntry("verify", _CARE),
    "upgrade": CommandEntry("upgrade", _CARE),
    "models": CommandEntry("models", _CARE),
    "warmup": CommandEntry("warmup", _CARE),
}
"""By name, in the order of the help."""


def verbatim(params: Iterable[Any]) -> None:
    """Show the help of parameters as it is written: brackets in it are no markup."""
    for each in params:
        if getattr(each, "help", None):
            each.help = escape(each.help)


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "suggest_commands": False})  # Typer's list three, however far
        self.commands = _Loaded()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is asked for; where there is none, the nearest is named."""
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:
            if args and (near := _nearest_command(args[0])) and isinstance(getattr(error, "message", None), str):
                error.message = f"{error.message.rstrip('.')}. Did you mean '{near}'?"  # type: ignore[attr-defined]
            raise

    def flags_of(self, arguments: Iterable[str]) -> set[str]:
        """The flags of the command that these arguments call; none if they call none."""
        name = next((each for each in arguments if not each.startswith("-")), "")
        if name not in COMMANDS:
            return set()
        command = self.commands[name]
        below = getattr(command, "commands", {}).values()
        each_of = (each.get_params(each.context_class(each)) for each in (command, *below))
        return {flag for params in each_of for param in params for flag in param.opts}

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the arguments; the help of `lsr` itself is printed here."""
        with meeting_readers_that_go():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what is wrong with its arguments is said with the nearest right value."""
        try:
            with meeting_readers_that_go():
                return super().invoke(ctx)
        except Exception as error:
            if type(error).__name__ == "BadParameter" and isinstance(message := getattr(error, "message", None), str):
                error.message = _with_nearest(message)  # type: ignore[attr-defined]
            raise


def _nearest_command(given: str) -> str | None:
    """The command that was probably meant: of which this is a longer or a shorter form, or else the most alike."""
    forms = [
        name
        for name in COMMANDS
        if min(len(name), len(given)) >= 3 and (given.startswith(name) or name.startswith(given))
    ]
    return next(iter(forms or get_close_matches(given, list(COMMANDS), 1)), None)


def _with_nearest(message: str) -> str:
    """The message about a wrong value of a choice, without the words of a library, and with the nearest choice."""
    message = message.removeprefix("Value error, ")
    found = _CHOICE.fullmatch(message)
    if found is None:
        return message
    nearest = get_close_matches(found["given"], re.findall(r"'([^']*)'", found["known"]), 1)
    return f"{message.rstrip('.')}; did you mean '{nearest[0]}'?" if nearest else message


class _Loaded(Mapping[str, Any]):
    """The commands as Typer makes them, by name, each made when it is first looked up."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make(name, COMMANDS[name])
        return self._made[name]

    def _make(self, name: str, entry: CommandEntry) -> Any:
        module = import_module(f"lsr.cli.{entry.module}")
        if (below := getattr(module, "GROUP", None)) is not None:
            group = typer.main.get_group(below)
            group.name, group.help = name, escape(group.help or "")
            group.rich_help_panel = entry.panel
            for command in group.commands.values():
                command.help = escape(command.help or "")
                verbatim(command.params)
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(name, cls=getattr(module, "COMMAND", None), rich_help_panel=entry.panel)(module.run)
        command = typer.main.get_command(alone)
        command.help = escape(command.help or "")
        verbatim(command.params)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)
