"""Manifests, and links and pipes among the files, read by all that reads an index and all that writes to one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.damage import damage_bytes, damage_json
from fuzz.frame import Target
from fuzz.sample import DOCUMENTS, NUMBERS, Sample, copy_of, make_sample, use
from lsr.core.errors import LsrError
from lsr.index import Index, Tuning, add_dense, prune_index, store_tuning, upgrade_index, verify
from lsr.vectors.pruning import TopK

_NAMES = (
    "../../outside/precious", "../../outside", "../../../outside", "/etc/passwd", "/dev/zero", "..", ".", "a/../..", "",
    "segment-x", "\x00", "x" * 300,
)  # fmt: skip


def _prepare(folder: Path) -> Sample:
    sample = make_sample(folder, "flat")
    index = Index.open(sample.path)
    store_tuning(index, Tuning(10, 0.9, "approximate", {"cut": 0.1, "max_blocks": 50}, 0.95, 100.0, 20))
    manifest = (sample.path / "manifest.json").read_bytes()
    sample = Sample(sample.path, sample.segment, manifest, json.loads(manifest), sample.files)
    use(sample.path, np.random.default_rng(0))
    return sample


def _case(sample: Sample, random: np.random.Generator) -> None:
    writing = not random.integers(10)
    path = copy_of(sample, sample.path.with_name("copy")) if writing else sample.path
    manifest = path / "manifest.json"
    made: list[Path] = []
    try:
        kind = int(random.integers(6))
        if kind == 0:
            manifest.write_bytes(damage_bytes(sample.manifest, random))
        elif kind == 1 and writing:
            made.append(_replace_by_link(path, random))
        else:
            record = damage_json(sample.record, random) if kind < 5 else _renamed(sample.record, random)
            Sample(path, sample.segment, sample.manifest, sample.record, {}).write_manifest(record)
        if writing:
            _write(path, random)
        else:
            use(path, random)
    finally:
        if not random.integers(4):
            with suppress(LsrError):
                verify(path)
        if writing:
            for each in (path, path.with_name("out")):
                shutil.rmtree(each, ignore_errors=True)
        else:
            manifest.write_bytes(sample.manifest)


def _renamed(record: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """One of the names that become paths is another."""
    made = json.loads(json.dumps(record))
    name = _NAMES[int(random.integers(len(_NAMES)))]
    match int(random.integers(4)):
        case 0:
            made["segment"] = name
        case 1:
            made["parts"]["dense"]["folder"] = name
        case 2:
            files = made["files"]
            files[name] = files.pop(next(iter(files)))
        case _:
            made["parts"][name] = made["parts"].pop("late")
    return made


def _replace_by_link(path: Path, random: np.random.Generator) -> Path:
    """A file or folder of the index is a link to one outside, a pipe, or a folder."""
    entries = sorted(entry for entry in path.rglob("*"))
    entry = entries[int(random.integers(len(entries)))]
    outside = path.parents[1] / "outside" / "precious"
    match int(random.integers(5)):
        case 0:
            # What a manifest is first written to.
            entry = next(entry for entry in path.iterdir() if entry.is_dir()) / "manifest.json"
            entry.symlink_to(outside)
            return entry
        case 1:
            kept = path.parent / "kept"
            kept.unlink() if kept.is_file() or kept.is_symlink() else shutil.rmtree(kept, ignore_errors=True)
            entry.rename(kept)
            entry.symlink_to(kept)
            return entry
    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    if random.integers(2):
        os.mkfifo(entry)
    else:
        entry.symlink_to(outside)
    return entry


def _write(path: Path, random: np.random.Generator) -> None:
    """One of the things that write to an index, or make another of it."""
    ways: list[Callable[[], Any]] = [
        lambda: prune_index(Index.open(path), path.with_name("out"), TopK(3), threads=1),
        lambda: prune_index(Index.open(path), path, TopK(3), threads=1, force=True),
        lambda: add_dense(Index.open(path), [np.ones((DOCUMENTS, NUMBERS), np.float32)], force=True, threads=1),
        lambda: store_tuning(Index.open(path), Tuning(5, 0.9, "exact", {}, 1.0, 10.0, 20)),
        lambda: upgrade_index(path),
    ]
    ways[int(random.integers(len(ways)))]()


TARGET = Target("manifests by hand, and links among the files of an index", _prepare, _case)
