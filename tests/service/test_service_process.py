"""`serve` as a process of its own, over the packaged model: start, answer, stop."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

import pytest
from patience import PATIENCE

from lsr import Collection


def get(url: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.process
@pytest.mark.slow
def test_serve(commands: Path, toy_index: Path) -> None:
    code = (
        "import sys; from lsr.service import ServiceSettings, serve;"
        "serve(sys.argv[1], ServiceSettings(log_format='json'), port=0)"
    )
    with subprocess.Popen([commands / "python", "-c", code, toy_index], stderr=subprocess.PIPE, text=True) as server:
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
    assert any(" is ready after " in line["message"] for line in lines)
    assert not any("traceback" in line for line in lines)


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted as on Linux")
def test_a_server_that_runs_out_of_descriptors_goes_on_and_recovers(tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96));"
        "from lsr.service import ServiceSettings, serve;"
        "serve(sys.argv[1], ServiceSettings(head_timeout=600, keep_alive_timeout=600), port=0)"
    )
    with Collection.create(tmp_path / "words", model="bm25") as collection:
        collection.add({"_id": "tern", "text": "terns migrate from pole to pole"})
    log = tmp_path / "log"
    with log.open("wb") as stream:
        server = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "words")], stderr=stream)

    def until(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def descriptors() -> int:
        return sum(1 for _ in Path(f"/proc/{server.pid}/fd").iterdir())

    silent: list[socket.socket] = []
    try:
        until(lambda: "too few open files" in log.read_text())
        said = re.search(r"at most (\d+) connections at once, not 2048: ", log.read_text())
        found = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())
        assert said and found
        most, base = int(said[1]), f"http://127.0.0.1:{found[1]}"
        assert 1 <= most < 96
        until(lambda: get(f"{base}/readyz")[0] == 200)
        before = descriptors()
        for _ in range(3 * 96):
            silent.append(socket.create_connection(("127.0.0.1", int(found[1])), timeout=PATIENCE))
            # Every one of them is taken, so that none but the latest are left.
            if len(silent) % 16 == 0:
                assert get(f"{base}/healthz")[0] == 200 and descriptors() <= 96
        until(lambda: descriptors() > before + most // 2)
        status, _ = get(f"{base}/v1/search?q=birds+that+migrate&k=1")
        assert status == 200
        while silent:
            silent.pop().close()
        until(lambda: descriptors() <= before)
        assert get(f"{base}/healthz")[0] == 200
    finally:
        for connection in silent:
            connection.close()
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE)
    assert log.read_text().count("\n") < 40 and "Traceback" not in log.read_text()
