"""The order of rows by the ids of their documents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lsr.index.format.arrays import ArrayWriter, OffsetWriter, open_array, open_offsets
from lsr.text.windows import split_window_id

# Kept until rows are put in order, where ids of documents are not those of rows.
_BYTES_NAME, _INDPTR_NAME = "added_document_bytes.npy", "added_document_indptr.npy"


def order_of_names(data: npt.NDArray[np.uint8], indptr: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The numbers of names in the order of their bytes: int64 [names]. `indptr`: where each begins in `data`.

    The bytes may be mapped; memory holds 8 bytes a name.
    """
    names = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(indptr) - 1, [None, pa.py_buffer(indptr), pa.py_buffer(data)]
    )
    return pc.array_sort_indices(names).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)


class WindowOrder:
    """The order of windows by the ids of their documents, and within a document by number.

    Holds 8 bytes a document in memory, 32 while sorting; the ids go to disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes = ArrayWriter(folder / _BYTES_NAME, np.uint8)
        self._indptr = OffsetWriter(folder / _INDPTR_NAME)
        self._starts: list[npt.NDArray[np.int64]] = []
        self._rows = 0

    def append(self, ids: Iterable[str]) -> None:
        """Take the ids of windows as they are added: those of a document follow one another, numbered from 0."""
        starts, documents = [], []
        for id in ids:
            document, number = split_window_id(id)
            if number == 0:
                starts.append(self._rows)
                documents.append(document.encode())
            self._rows += 1
        self._starts.append(np.array(starts, np.int64))
        self._indptr.append(np.fromiter(map(len, documents), np.int64, len(documents)))
        self._bytes.append(np.frombuffer(b"".join(documents), np.uint8))

    def close(self) -> None:
        """Close the files."""
        self._bytes.close()
        self._indptr.close()

    def finish(self) -> npt.NDArray[np.int64]:
        """The numbers of the windows, as they were added, in their order: int64 [windows]; the files are removed."""
        self.close()
        starts = np.concatenate(self._starts)
        data = open_array(self._folder / _BYTES_NAME, np.uint8)
        order = order_of_names(data, open_offsets(self._folder / _INDPTR_NAME, len(starts) + 1, len(data)))
        for name in (_BYTES_NAME, _INDPTR_NAME):
            (self._folder / name).unlink()
        lengths = np.diff(starts, append=self._rows)[order]
        ends = np.cumsum(lengths)
        return np.arange(self._rows) + np.repeat(starts[order] - (ends - lengths), lengths)
