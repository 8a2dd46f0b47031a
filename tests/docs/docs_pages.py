"""Markdown pages: their code blocks, and how those that a reader would run are run."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from patience import PATIENCE

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUNNABLE = ("sh", "console", "python")

_PORT = "8080"
_FENCE = re.compile(r"^( *)(`{3,})(\w*)[^\n]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_NEEDS = re.compile(r"<!-- needs: (\w+) -->\s*\Z")
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z")
_SERVE = re.compile(r"^(lsr serve [^\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        reason: why it is not run, from the comment `<!-- not run: … -->` above it; or None.
        needs: the module without which it cannot be run, from `<!-- needs: … -->` above it; or None.
    """

    language: str
    text: str
    line: int
    reason: str | None
    needs: str | None = None


def pages() -> list[Path]:
    """The README and every page of docs/."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        indent, _, language, body = match.groups()
        reason = _NOT_RUN.search(text, 0, match.start())
        needs = _NEEDS.search(text, 0, match.start())
        code = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        found.append(
            Block(language, code, text.count("\n", 0, match.start()) + 1, reason and reason[1], needs and needs[1])
        )
    return found


def runnable(page: Path) -> list[Block]:
    """The blocks of shell lines and of Python that are not marked as not run, and whose packages are installed."""
    return [
        block
        for block in blocks(page)
        if block.language in RUNNABLE and block.reason is None and (block.needs is None or find_spec(block.needs))
    ]


class Session:
    """Runs the blocks of one page in one folder: shell lines in bash, Python in one namespace.

    A line `lsr serve …` starts a server, which runs until the session is closed. Port 8080 stands for a free one.
    """

    def __init__(self, page: Path, folder: Path, commands: Path) -> None:
        self._page = page
        self._folder = folder
        (commands / ".curlrc").write_text(
            "fail-with-body\nno-progress-meter\n", encoding="utf-8"
        )  # an answer of 4xx or 5xx is a failure
        path = f"{commands}{os.pathsep}{os.environ['PATH']}"
        self._environment = os.environ | {"PATH": path, "COLUMNS": "120", "CURL_HOME": str(commands)}
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, block: Block) -> None:
        """Run one block; AssertionError says where it is and what it printed, if it fails."""
        text = block.text.replace(_PORT, str(self._port))
        if block.language == "python":
            # As a reader's file would be: without this file's own imports from __future__.
            exec(compile("\n" * block.line + text, str(self._page), "exec", dont_inherit=True), self._names)
            return
        if block.language == "console":
            text = "".join(line[2:] for line in text.splitlines(keepends=True) if line.startswith("$ "))
        before, *rest = _SERVE.split(text)
        self._bash(before, block)
        for command, after in zip(rest[::2], rest[1::2], strict=True):
            self._serve(command)
            self._bash(after, block)

    def close(self) -> None:
        """Stop the server, if there is one."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(timeout=PATIENCE)
            # What listens is a fork of another process, and may be at its last requests yet.
            while _answers(self._port):
                time.sleep(0.05)

    def _bash(self, text: str, block: Block) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        where = f"{self._page.name}:{block.line}"
        assert done.returncode == 0, f"{where}: exit code {done.returncode} of\n{text}\n{done.stdout}"

    def _serve(self, command: str) -> None:
        self.close()  # a page that starts another has done with the one before
        self._server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self._folder, env=self._environment, stderr=subprocess.DEVNULL
        )
        while True:
            assert self._server.poll() is None, f"{self._page.name}: {command!r} ended"
            try:
                with urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5):
                    return
            except URLError:
                time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
