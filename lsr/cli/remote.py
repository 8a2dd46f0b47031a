"""What the commands share that can be run against a server in place of a folder: `--server URL`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.useless import refuse

if TYPE_CHECKING:
    from lsr.client import RemoteCollection

SERVER_PANEL = "On a server"
ServerUrl = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Ask `lsr serve` there in place of a folder here; the first argument is then the name of a collection, or "
        "an alias.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]
ServerKey = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="The key that the server asks for. Others on this machine may see it here: better set LSR_KEY.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]


FEW, MANY = 2, 8
"""How often a request is sent again where somebody waits for the answer: a wrong address is told within a second;
and where a long import goes on by itself, over a restart of the server."""


@contextmanager
def connected(
    context: typer.Context, server: str, key: str | None, collection: Path, *useless: str, retries: int = FEW
) -> Iterator[RemoteCollection]:
    """Give a collection of a server; exits with 2 if one of the parameters was given that are of this machine alone."""
    from lsr.client import Client

    refuse(context, "is of a folder on this machine: leave it out, or --server", *useless)
    with Client(server, key, retries=retries) as client:
        yield client.collection(str(collection))


def refuse_key(context: typer.Context) -> None:
    """Exit with 2 if a key was given, and no server."""
    refuse(context, "goes with --server, which asks for it", "key")
