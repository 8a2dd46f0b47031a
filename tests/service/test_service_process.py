"""`serve` as a process of its own, over the packaged model: start, answer, stop."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest
from patience import PATIENCE


def get(url: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.process
@pytest.mark.slow
def test_serve(toy_index: Path) -> None:
    code = (
        "import sys; from lsr.service import ServiceSettings, serve;"
        "serve(sys.argv[1], ServiceSettings(log_format='json'), port=0)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(toy_index)], stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            first = json.loads(server.stderr.readline())
            found = re.search(r"http://127\.0\.0\.1:\d+", first["message"])
            assert found
            base = found[0]
            assert get(f"{base}/healthz") == (200, {"status": "ok"})
            deadline = time.monotonic() + PATIENCE
            while get(f"{base}/readyz")[0] != 200 and time.monotonic() < deadline:
                time.sleep(0.05)
            status, answer = get(f"{base}/v1/search?q=birds+that+migrate&k=1")
            assert status == 200
            assert [hit["id"] for hit in answer["hits"]] == ["arctic-tern"]  # type: ignore[attr-defined]
        finally:
            server.send_signal(signal.SIGTERM)
        lines = [json.loads(line) for line in server.stderr]
        server.wait(PATIENCE)
    assert server.returncode == -signal.SIGTERM
    searches = [line for line in lines if line.get("path") == "/v1/search"]
    assert [(line["method"], line["status"], line["level"]) for line in searches] == [("GET", 200, "info")]
    assert any(line["message"].startswith("ready after") for line in lines)
    assert not any("traceback" in line for line in lines)
