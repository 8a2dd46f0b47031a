"""Serve an index over HTTP and call it: readiness, a search, an error, an explanation.

    python docs/examples/serve_and_call.py

The calls use Python's own HTTP client; any other does as well. Needs the extra `service`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from lsr import Document, SparseEncoder
from lsr.build.corpus import index_corpus

DOCUMENTS = [
    Document("arctic-tern", "A seabird that flies from the Arctic to the Antarctic and back each year.", "Arctic tern"),
    Document("sourdough", "Bread leavened by wild yeast kept alive in a starter of flour and water.", "Sourdough"),
    Document("glacier", "A body of dense ice that moves slowly downhill under its own weight.", "Glacier"),
]


def call(url: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON that the server answers to GET, or to POST if there is a body."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=10) as answer:
        return json.load(answer)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    """Return once the server answers 200 to /readyz: until its kernels are warm it says 503."""
    while server.poll() is None:
        try:
            call(f"{address}/readyz")
            return
        except URLError:  # HTTPError, of an answer that is not 2xx, is one
            time.sleep(0.1)
    raise SystemExit("the server stopped")


def main() -> None:
    """Start `lsr serve` on a free port, ask it, and stop it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index_corpus(DOCUMENTS, path, SparseEncoder.load())

        port = free_port()
        address = f"http://127.0.0.1:{port}"
        environment = os.environ | {"LSR_MAX_K": "100", "LSR_LOG_FORMAT": "off"}
        with subprocess.Popen(["lsr", "serve", path, "--port", str(port)], env=environment) as server:
            try:
                wait_until_ready(address, server)
                answer = call(f"{address}/v1/search", {"text": "bird migration", "k": 1, "explain": True})
                best = answer["hits"][0]
                print(f"{best['id']} {best['score']:.2f}, in {answer['timings']['total_ms']:.1f} ms")

                why = call(f"{address}/v1/explain", {"text": "bird migration", "id": "glacier"})
                print("glacier scores", why["score"])

                try:
                    call(f"{address}/v1/search", {"text": "bird migration", "k": 1000})
                except HTTPError as error:
                    problem = json.load(error)
                    print(f"{error.code} {problem['title']}: {problem['detail']}")
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
