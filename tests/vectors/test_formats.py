"""A format of vector files from a test's own code: named once, and then read and written everywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import atomic_file
from lsr.vectors import SparseVectors, iter_vectors, read_vocabulary, write_vectors
from lsr.vectors.files import recorded_scale
from lsr.vectors.formats import FORMATS, FormatEntry, VectorFormat, reported


class Numpy:
    """Vectors as a .toy file, which holds term ids."""

    def vocabulary(self, path: Path) -> None:
        return

    def read(self, path: Path, **options: Any) -> Iterator[SparseVectors]:
        with np.load(path) as held:
            yield SparseVectors(
                held["indptr"], held["indices"], held["weights"], held["ids"].tolist(), int(held["dim"])
            )

    def write(
        self, path: Path, batches: Iterable[SparseVectors], *, dim: int, force: bool, progress: Any, **options: Any
    ) -> int:
        whole = SparseVectors.concatenate(list(reported(batches, progress)))
        arrays = {name: getattr(whole, name) for name in ("indptr", "indices", "weights", "ids")}
        with atomic_file(path, force=force) as temporary, temporary.open("wb") as file:
            np.savez(file, dim=dim, **arrays)
        return len(whole)

    def scale(self, path: Path) -> None:
        return


@pytest.fixture
def numpy_format(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("toy_numpy_format")
    format: VectorFormat = Numpy()
    module.FORMAT = format  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(FORMATS, ".toy", FormatEntry(module.__name__, "NumPy", holds_terms=False, compressible=False))


VECTORS = SparseVectors.from_rows([([0, 3], [1.5, 2]), ([], []), ([2], [0.25])], ["a", "b", "c"], dim=5)


def same(left: SparseVectors, right: SparseVectors) -> bool:
    arrays = all(np.array_equal(getattr(left, name), getattr(right, name)) for name in ("indptr", "indices", "weights"))
    return arrays and left.ids == right.ids and left.dim == right.dim


@pytest.mark.usefixtures("numpy_format")
def test_a_format_of_one_s_own_is_read_and_written(tmp_path: Path) -> None:
    path, counts = tmp_path / "v.toy", []
    assert write_vectors(path, [VECTORS[:2], VECTORS[2:]], progress=counts.append) == 3 and counts == [2, 1]
    assert same(SparseVectors.load(path), VECTORS) and same(next(iter_vectors(path)), VECTORS)
    assert read_vocabulary(path) is None and recorded_scale(path) is None
    with pytest.raises(OutputExistsError):
        VECTORS.save(path)
    VECTORS[:1].save(path, force=True)
    assert len(SparseVectors.load(path)) == 1
    with pytest.raises(InputError, match=r"a scale is only for CIFF, which stores integers; \.toy stores the weights"):
        write_vectors(path, [VECTORS], scale=2, force=True)
    with pytest.raises(InputError, match=r"\.csv, \.ciff or \.toy, \.jsonl and \.csv and \.ciff also with \.gz"):
        VECTORS.save(tmp_path / "v.toy.gz")


def test_without_it_the_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"the name of a vector file must end in \.parquet, \.jsonl, \.npz, \.csv or \.ciff, "
    ):
        VECTORS.save(tmp_path / "v.toy")
