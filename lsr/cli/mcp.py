"""`lsr mcp`: a collection as tools of an assistant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note
from lsr.cli.options import Device, EncodingThreads, OtherModel
from lsr.cli.remote import FEW, ServerKey, refuse_key
from lsr.cli.useless import refuse
from lsr.core.errors import MissingDependencyError

if TYPE_CHECKING:
    from lsr.assistants.sources import Source

_OF_HERE = "is of a folder on this machine: leave it out, or --server"


def run(
    context: typer.Context,
    index: Annotated[
        Path | None,
        typer.Argument(help="A collection that `lsr index` or `lsr create` made.", show_default=False),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="Search a collection of `lsr serve` there.", show_default=False),
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option(help="With --server: which collection. (default: the only one)", show_default=False),
    ] = None,
    key: ServerKey = None,
    http: Annotated[
        bool, typer.Option("--http", help="Listen on this machine, in place of talking over stdin and stdout.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="With --http: the port.")] = 8090,
    model: OtherModel = None,
    threads: EncodingThreads = None,
    device: Device = None,
) -> None:
    """Let an assistant search a collection and read its documents, by the Model Context Protocol.

    The assistant starts this command itself, and talks to it over stdin and stdout; with --http it reaches it at
    http://127.0.0.1:8090/mcp, from this machine alone.

    Examples:

        lsr mcp my-index

        lsr mcp my-index --http

        lsr mcp --server http://localhost:8080 --collection birds
    """
    if (index is None) == (server is None):
        fail("give either an INDEX, or --server with the URL of one")
    try:
        from lsr.assistants.server import HOST, PATH, listen, make_server, serve_http, serve_stdio
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"this needs {error.name}, which is not installed: pip install 'lsr-engine[mcp]'"
        ) from error
    if not http:
        refuse(context, "goes with --http", "port")
    listener = listen(port) if http else None
    made = make_server(_source(context, index, server, collection, key, model, device))
    if listener is None:
        serve_stdio(made)
    else:
        note(f"assistants on this machine reach it at http://{HOST}:{port}{PATH}; Ctrl-C ends it")
        serve_http(made, listener)


def _source(
    context: typer.Context,
    index: Path | None,
    server: str | None,
    collection: str | None,
    key: str | None,
    model: str | None,
    device: str | None,
) -> Source:
    from lsr.assistants.sources import LocalSource, RemoteSource

    if index is not None:
        refuse_key(context)
        refuse(context, "goes with --server", "collection")
        return LocalSource(index, model=model, device=device)
    from lsr.client import Client

    refuse(context, _OF_HERE, "model", "threads", "device")
    # Its connections end with the process.
    return RemoteSource(Client(server, key, retries=FEW).collection(collection))
