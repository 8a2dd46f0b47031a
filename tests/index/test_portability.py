"""No instruction is assumed: on a processor without AVX, kernels build the same index and give the same answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr.build.warmup import kinds_of_index
from lsr.core.files import crc32
from lsr.index import Index, IndexBuilder, LateVectors, LateWriter
from lsr.vectors.sparse import SparseVectors

DIM = 3000


def vectors(rows: int, terms: int, seed: int) -> SparseVectors:
    """Rows of about so many terms, of which the first are in many rows and the last in few."""
    random = np.random.default_rng(seed)
    drawn = [np.unique((DIM * random.random(terms) ** 3).astype(np.uint32)) for _ in range(rows)]
    return SparseVectors.from_rows([(each, random.exponential(1.0, len(each)) + 0.01) for each in drawn], dim=DIM)


def build_and_search(folder: Path) -> list[dict[str, Any]]:
    """What indexes of made vectors consist of, and their hits by mode: rows and the bits of the scores."""
    made = []
    for number, settings in enumerate(kinds_of_index()[-1:]):  # of 16 bits, which compute the most
        with IndexBuilder(folder / str(number), dim=DIM, settings=settings) as builder:
            builder.add(vectors(1500, 60, seed=0))
            index = builder.finish()
        files = {name: record.crc32 for name, record in index.manifest.segments[0].files.items()}
        made.append({"files": files, "hits": search(index)})
    return made


def search(index: Index) -> dict[str, list[Any]]:
    """Rows and score bits of some queries in every mode, with and without a filter."""
    allow = np.random.default_rng(2).random(len(index)) < 0.3
    queries = vectors(15, 20, seed=1)
    return {
        mode: [
            [found.rows.tolist(), found.scores.view(np.uint32).tolist()]
            for k in (1, 10, 2000)
            for chosen in (None, allow)
            for found in index.search_batch(queries, k, mode=mode, allow=chosen, threads=1)
        ]
        for mode in index.sparse.modes
    }


def late_scores(folder: Path) -> list[dict[str, Any]]:
    """What made token vectors consist of on disk, and the bits of their scores for a query."""
    random = np.random.default_rng(3)
    lengths, query = random.integers(0, 9, 50), random.normal(size=(7, 133)).astype(np.float32)
    made = []
    for bits in (8, 4):
        place = folder / f"late-{bits}"
        place.mkdir()
        with LateWriter(place, 133, bits) as writer:
            vectors = random.normal(size=(lengths.sum(), 133)).astype(np.float32)
            writer.append(np.cumsum([0, *lengths]), vectors)
            record = writer.finish({})
        scores = LateVectors.open(place, record).scores(query, np.arange(50)[::-1])
        files = {path.name: crc32(path) for path in place.iterdir()}
        made.append({"files": files, "scores": scores.view(np.uint32).tolist()})
    return made


def compiled_kernels() -> dict[str, bool]:
    """The kernels compiled, not loaded, by this process: whether they use AVX's registers, or name x86 instructions."""
    from numba.core.registry import CPUDispatcher

    modules = [module for name, module in sys.modules.items() if name.startswith("lsr.")]
    kernels = {each for module in modules for each in vars(module).values() if isinstance(each, CPUDispatcher)}
    found: dict[str, bool] = {}
    for kernel in kernels:
        for signature in set(kernel.signatures) - set(kernel.stats.cache_hits):
            code = kernel.inspect_asm(signature) + kernel.inspect_llvm(signature)
            # LLVM itself writes llvm.x86.atomic for reference counts.
            bound = re.search(r"%[yz]mm|llvm\.x86\.(?!atomic)", code) is not None
            found[kernel.__name__] = found.get(kernel.__name__, False) or bound
    return found


@pytest.mark.process
@pytest.mark.slow
def test_a_plain_processor_gives_the_same_index_and_answers(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """What was compiled for it is kept, once it has passed: no later run compiles it, before its source changes."""
    assert pytestconfig.cache is not None
    kept = pytestconfig.cache.mkdir("plain-processor")
    shutil.copytree(kept, tmp_path / "cache")
    script = (
        "import json, pathlib, test_portability as here\n"
        f"folder = pathlib.Path({str(tmp_path / 'plain')!r})\n"
        "made = [here.build_and_search(folder), here.late_scores(folder)]\n"
        "print(json.dumps([*made, here.compiled_kernels()]))"
    )
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "LSR_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    process = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    made, late, compiled = json.loads(process.stdout)
    assert compiled or any(kept.iterdir())
    assert [name for name, bound in compiled.items() if bound] == []
    (tmp_path / "here").mkdir()
    assert late == late_scores(tmp_path / "here")
    for plain, here in zip(made, build_and_search(tmp_path / "here"), strict=True):
        assert plain["files"] == here["files"]
        assert plain["hits"].keys() == here["hits"].keys() >= {"exact", "approximate", "exhaustive", "seismic"}
        for mode, hits in here["hits"].items():
            assert plain["hits"][mode] == hits, mode
            assert all(rows for rows, _ in hits), mode
    if compiled:
        shutil.rmtree(kept)
        shutil.copytree(tmp_path / "cache", kept)
