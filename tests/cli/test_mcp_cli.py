"""`lsr mcp` with arguments that do not go together."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give either an INDEX, or --server"),
        (["nothing"], "nothing"),
        (["x", "--server", "http://localhost:1"], "give either an INDEX"),
        (["x", "--collection", "birds"], "--collection goes with --server"),
        (["x", "--port", "80"], "--port goes with --http"),
        (["--server", "http://localhost:1", "--device", "cpu"], "--device is of a folder on this machine"),
    ],
)
def test_what_does_not_go_together_is_refused(run: Run, arguments: list[str], words: str) -> None:
    code, out, said = run("mcp", *arguments)
    assert (code, out) == (2, "") and words in said


def test_a_port_in_use_is_an_error_of_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code, _, said = run("mcp", "index", "--http", "--port", port)
    assert code == 2 and f"cannot listen on 127.0.0.1, port {port}: " in said and "choose another port" in said
