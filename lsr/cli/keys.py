"""`lsr keys`: the keys that a server asks for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lsr.cli.console import escape, note, output, print_json, print_text
from lsr.cli.options import Json
from lsr.core.errors import InputError, MissingDependencyError, MissingInputError

if TYPE_CHECKING:
    from lsr.service.keys.key import Key
    from lsr.service.keys.store import KeyStore

GROUP = typer.Typer(no_args_is_help=True, add_completion=False)

Root = Annotated[
    Path,
    typer.Argument(help="The folder that is served, or an index in it.", metavar="ROOT", show_default=False),
]
_AFTER = re.compile(r"(\d{1,5})([dh])")


@GROUP.callback()
def keys() -> None:
    """Make, list and revoke the keys that `lsr serve` asks for.

    A running server sees changes at once. Without keys, it answers to its own machine alone.

    Examples:

        lsr keys create my-collections --role write --name "nightly import"

        lsr keys list my-collections

        lsr keys revoke my-collections 4fq8z1c0ab
    """


@GROUP.command()
def create(
    root: Root,
    role: Annotated[
        Literal["read", "write", "admin"],
        typer.Option(help="read: search and fetch; write: also add and delete; admin: also all that is set up."),
    ] = "read",
    collection: Annotated[
        list[str] | None,
        typer.Option(help="A collection that it is for; may be given several times. (default: all)", metavar="NAME"),
    ] = None,
    name: Annotated[str, typer.Option(help="What to call it in lists.")] = "",
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="The most requests in a minute. (default: no limit)", show_default=False)
    ] = None,
    bytes_per_minute: Annotated[
        int | None,
        typer.Option(
            min=1, help="The most bytes of bodies and answers in a minute. (default: no limit)", show_default=False
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            help="When it ends: 90d, 12h, or a date such as 2030-01-31. (default: never)",
            metavar="WHEN",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key, and print it: it is shown once.

    What is kept is its digest, in the folder .service of the root.

    Examples:

        lsr keys create my-collections

        lsr keys create my-collections --role write --collection books --expires 90d
    """
    store = _store(root)
    from lsr.service.keys.key import ROLES

    secret, key = store.create(
        ROLES[role],
        name=name,
        collections=tuple(dict.fromkeys(collection or ())),
        requests_per_minute=requests_per_minute,
        bytes_per_minute=bytes_per_minute,
        expires=None if expires is None else _moment(expires),
    )
    if as_json:
        print_json({"key": secret, **key.to_record()})
    else:
        print_text(secret)
    note("keep it: it is not shown again. Clients send it as Authorization: Bearer KEY")
    for each in key.collections:
        if not (store.root / each).is_dir():
            note(f"there is no collection {each} yet")


@GROUP.command("list")
def list_keys(root: Root, as_json: Json = False) -> None:
    """List the keys, those too that are over.

    The id of each stands in the key itself, after lsr_.

    Examples:

        lsr keys list my-collections --json
    """
    keys = _store(root).read()
    if as_json:
        print_json({"keys": [key.to_record() for key in keys]})
        return
    for key in keys:
        output.print(f"[bold]{key.id}[/]  {escape(_told(key))}")
    if not keys:
        note("there are no keys: a server answers to its own machine, and asks for none")


@GROUP.command()
def revoke(
    root: Root,
    id: Annotated[str, typer.Argument(help="The id that `lsr keys list` shows.", metavar="ID", show_default=False)],
) -> None:
    """Let a key open nothing any more.

    A running server refuses it from the next request on. It stays in the list.

    Examples:

        lsr keys revoke my-collections 4fq8z1c0ab
    """
    key = _store(root).revoke(id)
    note(f"revoked {key.id}{f' ({key.name})' if key.name else ''}")


def _store(root: Path) -> KeyStore:
    try:
        from lsr.service.keys.store import KeyStore
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"keys need {error.name}, which is not installed: pip install 'lsr-engine[service]'"
        ) from error
    if not root.is_dir():
        raise MissingInputError(f"there is no folder {root}")
    return KeyStore.of(root)


def _moment(text: str) -> datetime:
    now = datetime.now(UTC)
    found = _AFTER.fullmatch(text)
    if found:
        return now + int(found[1]) * (timedelta(days=1) if found[2] == "d" else timedelta(hours=1))
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # the latter of what is a date in its own zone, and in no other
        raise InputError(
            f"{text!r} is no moment: give 90d, 12h, or a date such as 2030-01-31", field="expires"
        ) from None
    if moment <= now:
        raise InputError(f"{text} is over", field="expires")
    return moment


def _told(key: Key) -> str:
    """What a key may do, in a line."""
    parts = [key.role.name.lower(), ", ".join(key.collections) or "all collections"]
    parts += [key.name] if key.name else []
    if key.requests_per_minute is not None:
        parts.append(f"{key.requests_per_minute:,} requests a minute")
    if key.bytes_per_minute is not None:
        parts.append(f"{key.bytes_per_minute:,} bytes a minute")
    if key.over:
        parts.append(key.over)
    elif key.expires is not None:
        parts.append(f"until {key.expires:%Y-%m-%d %H:%M} UTC")
    return " · ".join(parts)
