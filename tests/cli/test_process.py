"""What needs a process of its own: signals, pipes, what is imported."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import PATIENCE

pytestmark = pytest.mark.process

LSR = [sys.executable, "-c", "from lsr.cli.app import main; main()"]


def test_help_loads_neither_torch_nor_numba() -> None:
    script = "import sys, lsr.cli.app, lsr.index; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
    script = """
import sys
sys.argv = ["lsr", "--help"]
from lsr.cli.app import main
try:
    main()
except SystemExit:
    sys.exit([m for m in ('torch', 'numba', 'pyarrow') if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == "[]\n" and "Look after" in done.stdout
    script = (
        "import sys, lsr.cli.app; print([m for m in ('numpy', 'rich.progress', 'lsr.cli.train') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
def test_a_stopped_run_leaves_no_index_and_goes_on(commands: Path, tmp_path: Path) -> None:
    """Stopped twice, by each of the signals, once a further batch is encoded."""
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"_id": f"d{i}", "text": f"bird {i}"}) + "\n" for i in range(2100)))
    command = [commands / "lsr", "index", corpus, "-o", tmp_path / "index", "--max-length", "16"]
    for number, (kind, code) in enumerate([(signal.SIGTERM, 143), (signal.SIGINT, 130)]):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        shard = tmp_path / "index.encoding" / f"{number:06}.parquet"
        deadline = time.monotonic() + PATIENCE
        while not shard.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(kind)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, errors
        assert "Traceback" not in errors
        assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.jsonl", "index.encoding"]
    assert "run the same command again to resume" in errors

    again = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert again.returncode == 0, again.stderr
    assert "2,100 of 2,100" in again.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.jsonl", "index"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "INDEX", "bird", "--json"],
        ["search", "INDEX", "bird"],
        ["search", "--help"],
        ["--help"],
        ["--version"],
        ["inspect", "INDEX"],
        ["inspect", "INDEX", "-d", "arctic-tern"],
        ["models"],
        ["encode", "--text", "how do birds find their way"],
        ["train", "--list"],
    ],
    ids=" ".join,
)
def test_a_reader_that_goes_away_is_no_failure_of_ours(toy_index: Path, arguments: list[str]) -> None:
    """Nothing is said, and the code is that of tools that the broken pipe ends."""
    command = [*LSR, *(str(toy_index) if each == "INDEX" else each for each in arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=PATIENCE) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_answers_that_cannot_be_written_are_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run([*LSR, "models", "--json"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 2 and process.stderr == "error: stdout: No space left on device\n"


def test_a_server_on_a_device_that_is_not_there_does_not_begin_to_listen(commands: Path, toy_index: Path) -> None:
    for device, message in (("cuda:99", "there is no device 'cuda:99' here"), ("gpu", "there is no device 'gpu'")):
        command = [commands / "lsr", "serve", toy_index, "--port", "1", "--device", device]
        process = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert process.returncode == 2 and process.stderr.startswith(f"error: {message}")
