"""What a command left, file by file, with what differs by chance made alike."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

# Of collections: how often they were opened decides how many files their log has had, how often a command was given how
# many records (the sequence), and who holds a lock is chance.
_LOG = re.compile(r"log-[0-9]{10}")
# Times, checksums of a manifest in which there are such names and times, and transformers' mean loss, which is of the
# steps since a run was last resumed. Sizes, for a manifest is as long as its times are; files are compared as they are.
_SIZES = ("bytes", "bytes_per_document", "manifest", "total")
_CHANCE = (
    *_SIZES,
    "created",
    "crc32",
    "identity",
    "log",
    "seconds",
    "sequence",
    "before",
    "after",
    "median_us",
    "p95_us",
    "train_loss",
)
_TIMED = re.compile(r"runtime|per_second|seconds|_ms$|_time$|^time|^stages$|_joules$")


def snapshot(folder: Path) -> dict[str, str]:
    """A digest of each file below the folder, and "" for each folder."""
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        # TensorBoard's files, named by the time: each run begins one.
        if "checkpoints/runs" not in str(path):
            found.setdefault(_alike(str(path.relative_to(folder))), []).append(_digest(path))
    # Of several segments, it is chance which is the first.
    return {name: " ".join(sorted(found[name])) for name in sorted(found)}


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """What is missing, too much, or of another content."""
    return [
        *(f"missing: {name}" for name in sorted(expected.keys() - found.keys())),
        *(f"left over: {name}" for name in sorted(found.keys() - expected.keys())),
        *(f"other content: {name}" for name in sorted(expected.keys() & found.keys()) if expected[name] != found[name]),
    ]


def _digest(path: Path) -> str:
    if path.is_dir():
        return ""
    content = b"" if path.name == "writer.lock" else path.read_bytes()  # which names a process
    if path.name == "keys.json":
        content = _keys(content.decode())
    elif path.name == "manifest.json" or path.suffix in (".json", ".jsonl"):
        content = _without_chance(content.decode())
    elif path.name == "report.md":
        content = re.sub(rb"\d+\.\d+", b"X", content)  # times among them; what is measured stands in report.json
    elif path.suffix == ".sqlite":
        content = _known_of_a_folder(path)
    elif path.name in ("report.html", "costs.csv"):
        content = b""  # of times; what is measured stands in results.json
    elif path.suffix == ".safetensors":
        content = _in_order(content)
    elif path.name in ("training_args.bin", "state.json") or path.suffix in (".pt", ".pth"):
        content = b""  # pickles, which hold times
    elif _LOG.fullmatch(path.name) or path.name == "writer.lock":
        # All is in segments: what a log has beside its header would be more.
        content = str(len(content)).encode() if path.name != "writer.lock" else b""
    return sha256(content).hexdigest()


def _keys(text: str) -> bytes:
    """Which kinds of keys there are: each is another, and nobody was told one whose command was killed."""
    kinds = {
        json.dumps({**key, "id": "", "digest": "", "created": "", "revoked": bool(key["revoked"])}, sort_keys=True)
        for key in json.loads(text)["keys"]
    }
    return "\n".join(sorted(kinds)).encode()


def _known_of_a_folder(path: Path) -> bytes:
    """What a collection knows of a watched folder, but for the moment of it, which is in its log's sequence."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return "\n".join(line for line in connection.iterdump() if 'INTO "facts"' not in line).encode()


def _in_order(content: bytes) -> bytes:
    """A safetensors file with its header's entries in order: which weights are shared is written in that of a hash."""
    size = int.from_bytes(content[:8], "little")
    return json.dumps(json.loads(content[8 : 8 + size]), sort_keys=True).encode() + content[8 + size :]


def _without_chance(text: str) -> bytes:
    try:
        values = [json.loads(text)]
    except ValueError:
        values = [json.loads(line) for line in text.splitlines() if line.strip()]
    return _alike(json.dumps([_timeless(value) for value in values], sort_keys=True)).encode()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            # What tuning chooses depends on how long its trials take.
            key: [tuning["recall"] for tuning in each] if key == "tunings" else _timeless(each)
            for key, each in value.items()
            if not (key in _CHANCE and not isinstance(each, dict)) and not _TIMED.search(key)
        }
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _alike(text: str) -> str:
    text = re.sub(r"segment-[0-9a-f]{16}", "segment-X", _LOG.sub("log-X", text))
    return re.sub(r"\b(dense|late|fields|deleted)-[0-9a-f]{8}\b", r"\1-X", text)
