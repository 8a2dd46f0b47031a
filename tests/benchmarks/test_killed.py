"""Commands killed before some of their file-system calls, and given again; benchmarks/killed.py takes them all."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from kills.compare import differences, snapshot  # noqa: E402


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="ptrace as on Linux on x86-64"
)
def test_a_killed_command_ends_as_if_nothing_had_been_when_it_is_given_again(commands: Path, tmp_path: Path) -> None:
    """Some commands in one process, which takes longer to import all that they need than to run one."""
    given = ["dense", "encode", "upgrade", "verify --repair", "reindex", "create", "add", "keys create", "snapshot"]
    output = ["--output", tmp_path]
    script = [commands / "python", BENCHMARKS / "killed.py", *given, "--stride", "23", "--first", "5", *output]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"^([\w -]+): \d+ calls, [1-9]\d* kills, 0 failures", done.stdout, re.MULTILINE)
    assert found == given, done.stdout
    assert list(json.loads((tmp_path / "killed.json").read_text())["values"]) == given


def test_what_is_compared(tmp_path: Path) -> None:
    def made(segment: str, created: str, content: str) -> dict[str, str]:
        folder = tmp_path / segment / "index"
        (folder / f"segment-{segment * 8}").mkdir(parents=True)
        (folder / f"segment-{segment * 8}" / "ids.npy").write_text(content)
        (folder / "manifest.json").write_text(f'{{"segment": "segment-{segment * 8}", "created": "{created}"}}')
        return snapshot(tmp_path / segment)

    first = made("ab", "today", "1")
    assert differences(first, made("cd", "tomorrow", "1")) == []
    other = made("ef", "today", "2")
    assert differences(first, other) == ["other content: index/segment-X/ids.npy"]
    (tmp_path / "ef" / ".index.tmp").touch()
    (tmp_path / "ef" / "index" / "manifest.json").unlink()
    assert differences(first, snapshot(tmp_path / "ef"))[:2] == [
        "missing: index/manifest.json",
        "left over: .index.tmp",
    ]


def test_the_order_of_what_a_file_of_weights_says_of_itself_is_chance(tmp_path: Path) -> None:
    def made(name: str, header: str, weights: bytes = b"\0\1") -> dict[str, str]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode() + weights)
        return snapshot(tmp_path / name)

    first = made("first", '{"__metadata__": {"a": "b", "c": "d"}}')
    assert differences(first, made("second", '{"__metadata__": {"c": "d", "a": "b"}}')) == []
    assert differences(first, made("third", '{"__metadata__": {"a": "b", "c": "e"}}')) != []
    assert differences(first, made("fourth", '{"__metadata__": {"a": "b", "c": "d"}}', b"\0\2")) != []
