"""The server that assistants start, or reach over HTTP on this machine."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import ValidationError

import lsr
from lsr.assistants.arguments import unfit, unknown
from lsr.assistants.sources import Source
from lsr.assistants.tools import Tools
from lsr.core.errors import LsrError

HOST, PATH = "127.0.0.1", "/mcp"

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


class _Server(MCPServer):
    """A server that says in plain words what is wrong with arguments, and lets none pass unseen."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        schemas = {tool.name: tool.input_schema for tool in await self.list_tools()}
        for problem in unknown(arguments, schemas[name]) if name in schemas else ():
            raise ToolError(problem.message())
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            problems = unfit(error.__cause__.errors(), schemas[name])
            raise ToolError("; ".join(each.message() for each in problems)) from None


def make_server(source: Source) -> MCPServer:
    """A server with the tools of a collection. Raises what the source raises."""
    tools = Tools(source)
    server = _Server(
        "lsr",
        title=f"Search in {tools.about.name}",
        instructions=f"Search and read the documents of the collection {tools.about.name!r}.",
        version=lsr.__version__,
        log_level="WARNING",
    )
    for tool, title, description in (
        (tools.search, "Search", tools.search_description),
        (tools.fetch, "Read a document", tools.fetch_description),
    ):
        server.add_tool(tool, title=title, description=description, annotations=_READS)
    return server


def serve_stdio(server: MCPServer) -> None:
    """Talk to the assistant that started this process, until it closes stdin."""
    server.run("stdio")


def listen(port: int) -> socket.socket:
    """Listen on this machine alone; port 0 is any free one. LsrError if something else does."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise LsrError(
            f"cannot listen on {HOST}, port {port}: {error.strerror or error}", remedies=["choose another port"]
        ) from error


def serve_http(server: MCPServer, listener: socket.socket) -> None:
    """Answer assistants on this machine over streamable HTTP, until interrupted.

    A page in a browser is not answered: requests have to be addressed to this machine, and come from no other origin.
    """
    app = server.streamable_http_app(streamable_http_path=PATH, host=HOST, stateless_http=True, json_response=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
