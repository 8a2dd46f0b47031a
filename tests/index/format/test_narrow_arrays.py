"""Counts and offsets in as few bytes as they need, in segments with words: older versions read the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr.core.errors import IndexFormatError
from lsr.core.vocabulary import Vocabulary
from lsr.index import BmpSettings, IndexBuilder, IndexSettings, verify
from lsr.index.format.arrays import OffsetWriter, narrow, open_array, open_offsets, write_array
from lsr.index.parts.terms import DOCUMENTS_NAME, TOKENS_NAME
from lsr.vectors.sparse import SparseVectors

# Of a segment: file and how many bytes a number takes in it, without words and with them.
NARROWED = {
    DOCUMENTS_NAME: (8, 1),
    TOKENS_NAME: (8, 1),
    "summary_list_starts.npy": (8, 4),
    "bmp_list_starts.npy": (8, 4),
}


@pytest.mark.parametrize(
    ("most", "dtype"), [(0, "u1"), (255, "u1"), (256, "u2"), (65_536, "u4"), (2**32 - 1, "u4"), (2**32, "i8")]
)
def test_numbers_take_what_they_need(most: int, dtype: str) -> None:
    values = np.array([0, most], np.int64)
    assert narrow(values).dtype == dtype and narrow(values).tolist() == [0, most]
    assert narrow(values[:0]).dtype == "u1"


@pytest.mark.parametrize(("end", "dtype"), [(None, "i8"), (7, "u4"), (2**32 - 1, "u4"), (2**32, "i8")])
def test_offsets_are_read_as_ever(tmp_path: Path, end: int | None, dtype: str) -> None:
    with OffsetWriter(tmp_path / "a.npy", end=end) as writer:
        writer.append(np.array([3, 0]))
        writer.append(np.array([4]))
    for as_stored in (False, True):
        offsets = open_offsets(tmp_path / "a.npy", 4, 7, as_stored=as_stored)
        assert offsets.tolist() == [0, 3, 3, 7] and offsets.dtype == (dtype if as_stored else "i8")
    write_array(tmp_path / "b.npy", np.array([0, 3, 2], np.uint32))
    with pytest.raises(IndexFormatError, match="offsets do not ascend"):
        open_offsets(tmp_path / "b.npy", 3)
    with pytest.raises(IndexFormatError, match="expected 3 int64 values, found float32"):
        write_array(tmp_path / "b.npy", np.zeros(3, np.float32))
        open_array(tmp_path / "b.npy", np.int64, 3, or_else=[np.uint8])


@pytest.mark.parametrize("with_words", [False, True])
def test_segments_with_words_take_less(tmp_path: Path, with_words: bool) -> None:
    random = np.random.default_rng(0)
    rows = [np.sort(random.choice(40, 6, replace=False)) for _ in range(50)]
    indptr = np.arange(0, 301, 6)
    ids = [f"d{number:02}" for number in range(50)]
    vectors = SparseVectors(indptr, np.concatenate(rows), random.uniform(0.1, 2, 300).astype(np.float32), ids, 40)
    words = [f"w{number}" for number in range(30)]
    settings = IndexSettings(bmp=BmpSettings())
    tokens = Vocabulary(f"t{number}" for number in range(10 if with_words else 40))
    with IndexBuilder(
        tmp_path / "index", dim=40, vocabulary=tokens, words=words if with_words else None, settings=settings
    ) as builder:
        builder.add(vectors)
        builder.count_tokens(np.arange(40) % 5)
        index = builder.finish()
    assert verify(index.path) == []
    folder = index.path / index.segments[0].record.name
    for name, widths in NARROWED.items():
        assert np.load(folder / name).itemsize == widths[with_words], name
    counts = index.parts["terms"]
    expected = np.bincount(vectors.indices, minlength=40)
    assert counts.documents.tolist() == expected.tolist() == counts.of(np.arange(40)).tolist()
    assert counts.of(np.arange(2)).dtype == np.int64 and counts.documents.dtype == np.int64
    if with_words:
        table = index.parts["words"].table
        assert (table.hashes.itemsize, table.indptr.itemsize) == (4, 1)
        assert [index.parts["words"].find(word) for word in words] == list(range(10, 40))
        assert index.parts["words"].find("t1") is None
    else:
        assert counts.tokens is not None and counts.tokens.tolist() == (np.arange(40) % 5).tolist()
