"""`lsr mcp` as assistants start it, and as they reach it over HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from patience import PATIENCE
from served import BIRDS, listening

from lsr import Collection

pytestmark = pytest.mark.process
LSR = [sys.executable, "-c", "from lsr.cli.app import main; main()"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("root") / "birds"
    with Collection.create(path, model="bm25") as collection:
        collection.add(BIRDS)
    return path


async def found(server: Any, query: str) -> list[str]:
    async with Client(server, read_timeout_seconds=PATIENCE) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"search", "fetch"}
        result = await client.call_tool("search", {"query": query})
        assert not result.is_error
        return [each["id"] for each in result.structured_content["results"]]


def started(*arguments: object) -> StdioServerParameters:
    command, *rest = LSR
    return StdioServerParameters(command=command, args=[*rest, "mcp", *map(str, arguments)], env=dict(os.environ))


def test_an_assistant_starts_it(folder: Path) -> None:
    assert asyncio.run(found(started(folder), "owls at night")) == ["owl"]


def test_an_assistant_searches_a_server(folder: Path) -> None:
    with listening(folder.parent) as url:
        arguments = started("--server", url, "--collection", "birds")
        assert asyncio.run(found(arguments, "owls at night")) == ["owl"]


@contextmanager
def over_http(*arguments: object) -> Iterator[str]:
    """The address that the command says it is reached at, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*LSR, "mcp", *map(str, arguments), "--http", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            assert f"http://127.0.0.1:{port}/mcp" in said
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


def test_assistants_reach_it_over_http(folder: Path) -> None:
    with over_http(folder) as address:
        assert asyncio.run(found(address, "owls at night")) == ["owl"]
        # Not a page in a browser, whatever name it gave this machine.
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        accept = {"Accept": "application/json, text/event-stream"}
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            assert httpx.post(address, json=call, headers={**accept, **headers}).status_code in (403, 421)
