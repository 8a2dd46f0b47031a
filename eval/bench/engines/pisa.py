"""The engine PISA: document at a time with dynamic pruning, in C++ (Mallia et al., OSIRRC 2019).

Measured through the extension module of pyterrier-pisa alone, which needs neither PyTerrier nor Java: the package and
oneTBB's library are enough (`pip install --no-deps pyterrier-pisa tbb==2020.3.254`). Lists are written in PISA's own
format and compressed by it. Weights become whole numbers from 1 to 255 and those of a query from 1 to 100, so its
search is exact for these, and recall shows what they cost: PISA repeats a term as often as its weight says.

It has no batch call without Python objects.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from lsr.eval.bench.engines.apart import call_apart
from lsr.eval.bench.engines.contract import BuiltIndex, Configuration, Effort, LeftOut, Queries
from lsr.vectors.files import read_vectors

_ENCODING = "block_simdbp"
_SCORER = "quantized"
# Postings a block that has a maximum of its own.
_BLOCK_SIZES = {Effort.quick: (64,), Effort.full: (32, 64, 128)}
_ALGORITHMS = {
    Effort.quick: ("maxscore", "block_max_wand"),
    Effort.full: ("maxscore", "block_max_maxscore", "block_max_wand", "wand"),
}
_MAX_IMPACT = 255
_MAX_QUERY_WEIGHT = 100


class PisaEngine:
    """The engine; see `lsr.eval.bench.engines.contract.Engine`."""

    name = "pisa"
    mean_from_batch = False
    build_input = "inverted lists in its own format"
    reusable = True

    def __init__(self) -> None:
        self.version = metadata.version("pyterrier-pisa")
        metadata.version("tbb")

    def builds(self, effort: Effort) -> list[dict[str, Any]]:
        """Builds with blocks of different sizes."""
        return [{"block_size": size} for size in _BLOCK_SIZES[effort]]

    def build(self, documents: Path, dim: int, folder: Path, settings: Mapping[str, Any], threads: int) -> BuiltIndex:
        """Invert, which is not timed, and build in a separate process."""
        seconds = call_apart(
            f"{__name__}:build_index", threads, documents=documents, dim=dim, folder=folder, **settings
        )
        size = sum(path.stat().st_size for path in folder.iterdir())
        return BuiltIndex(folder, size, seconds, dict(settings))

    def open(self, built: BuiltIndex, queries: Queries) -> OpenPisa:
        """Map the index into memory."""
        return OpenPisa(built, queries)


class OpenPisa:
    """The mapped index."""

    def __init__(self, built: BuiltIndex, queries: Queries) -> None:
        self._pisa = _module()
        self._context = _prepared(self._pisa, built.folder, built.facts["block_size"])
        self._queries = [[(0, _repetitions(terms, weights))] for _, terms, weights in queries.vectors]

    def configurations(self, k: int, effort: Effort) -> list[Configuration]:
        """Its algorithms, all of them exact."""
        return [Configuration("exact", {"algorithm": name}) for name in _ALGORITHMS[effort]]

    def searcher(self, k: int, configuration: Configuration) -> Callable[[int], list[str]]:
        """One query per call; the arrays for an answer are made before."""
        retrieve, context, queries = self._pisa.retrieve, self._context, self._queries
        algorithm, names = configuration.parameters["algorithm"], np.empty(k, object)
        answer = {
            "result_qidxs": np.empty(k, np.int32),
            "result_docnos": names,
            "result_ranks": np.empty(k, np.int32),
            "result_scores": np.empty(k, np.float32),
        }

        def run(query: int) -> list[str]:
            # One thread, terms given as they are, weighted.
            found = retrieve(context, algorithm, queries[query], k, 1, 1, 1, **answer)
            return names[:found].tolist()

        return run

    def rows(self, answer: list[str]) -> list[int]:
        """The documents' names are their row numbers."""
        return [int(name) for name in answer]

    def batch(self, k: int, configuration: Configuration, part: int, threads: int) -> None:
        """None: there is no such call."""
        return


def build_index(documents: Path, dim: int, folder: Path, block_size: int) -> float:
    """Build an index in the empty `folder`; returns the seconds from inverted lists to the compressed ones."""
    matrix = read_vectors(documents, dim=dim).to_scipy().tocsc()
    scale = _MAX_IMPACT / float(matrix.data.max(initial=0) or 1)
    impacts = np.clip(np.rint(matrix.data * scale), 1, _MAX_IMPACT).astype("<u4")
    rows, count = matrix.indices.astype("<u4"), matrix.shape[0]
    # Terms are found by binary search among their names.
    names = sorted(map(str, np.flatnonzero(np.diff(matrix.indptr))))
    lists = [slice(matrix.indptr[int(name)], matrix.indptr[int(name) + 1]) for name in names]
    _write(folder / "inv.docs", [np.array([count]), *(rows[each] for each in lists)])
    _write(folder / "inv.freqs", (impacts[each] for each in lists))
    _write(folder / "inv.sizes", [np.bincount(rows, impacts, count)])
    pisa = _module()
    for source, target, lines in (("terms", "termlex", names), ("documents", "doclex", map(str, range(count)))):
        path = folder / f"fwd.{source}"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
        pisa.build_binlex(str(path), str(folder / f"fwd.{target}"))
        path.unlink()
    started = perf_counter()
    _prepared(pisa, folder, block_size)
    seconds = perf_counter() - started
    # Only what a search reads is kept.
    for path in folder.glob("inv.*"):
        path.unlink()
    return seconds


def _write(path: Path, sequences: Any) -> None:
    """Write sequences of whole numbers in PISA's format: for each its length, then the numbers, in four bytes each."""
    with path.open("wb") as file:
        for numbers in sequences:
            file.write(np.array([len(numbers)], "<u4").tobytes() + numbers.astype("<u4").tobytes())


def _repetitions(terms: Any, weights: Any) -> dict[str, float]:
    """How often each term is repeated."""
    scaled = np.maximum(np.rint(weights * (_MAX_QUERY_WEIGHT / weights.max(initial=0) if len(weights) else 1)), 1)
    return dict(zip(map(str, terms.tolist()), scaled.astype(float).tolist(), strict=True))


def _prepared(pisa: Any, folder: Path, block_size: int) -> Any:
    """The index in `folder`, compressed if it is not yet."""
    context = pisa.RetrievalContext()
    pisa.prepare_index(context, str(folder), _ENCODING, _SCORER, "", block_size=block_size)
    return context


@cache
def _module() -> Any:
    """The extension module, without its package, whose import starts PyTerrier. Raises LeftOut if a file is missing."""
    ctypes.CDLL(str(_file_of("tbb", "libtbb.", ".so.2")), mode=ctypes.RTLD_GLOBAL)
    spec = spec_from_file_location("_pisathon", _file_of("pyterrier-pisa", "_pisathon.", ".so"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _file_of(package: str, start: str, end: str) -> Path:
    """The package's installed file whose name starts and ends so."""
    found: Iterator[Path] = (Path(str(each.locate())) for each in metadata.files(package) or ())
    for path in found:
        if path.name.startswith(start) and path.name.endswith(end) and path.is_file():
            return path
    raise LeftOut(f"{package} is installed without its file {start}*{end}: install it anew with pip")
