"""Vectors on their way to the forward index: spilled to disk, quantised, and put in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lsr.index.build.columns import compact_terms
from lsr.index.build.order import order_documents
from lsr.index.build.quantise import WeightScale, weight_scale, write_quantised
from lsr.index.format.arrays import ArrayWriter, OffsetWriter, open_array
from lsr.index.format.postings import Postings, open_postings, term_dtype
from lsr.index.kernels.ordering import gather_documents
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.forward import DEFICITS_NAME, INDPTR_NAME, TERMS_NAME, WEIGHTS_NAME
from lsr.index.parts.order import write_order
from lsr.vectors.sparse import SparseVectors

_GATHER_DOCUMENTS = 1 << 15
# Files of documents in the order in which they came, until they are put in the order of the index.
_ADDED = "added"
_SPILL_NAME = "spilled_weights.npy"


class VectorWriter:
    """Takes the vectors of a draft, and writes its forward index and order. Goes through all documents once.

    Attributes:
        scale: that their weights have already, if it is to stay; None for what suits them.
    """

    def __init__(self, draft: SegmentDraft) -> None:
        self.scale: WeightScale | None = None
        self._draft = draft
        self._indptr = OffsetWriter(draft.folder / f"{_ADDED}_indptr.npy")
        self._terms = ArrayWriter(draft.folder / f"{_ADDED}_terms.npy", term_dtype(draft.dim))
        self._weights = ArrayWriter(draft.folder / _SPILL_NAME, np.float32)
        self._heaviest = 0.0

    def append(self, vectors: SparseVectors) -> None:
        """Append vectors to the spill files."""
        self._indptr.append(np.diff(vectors.indptr))
        self._terms.append(vectors.indices)
        self._weights.append(vectors.weights)
        self._heaviest = max(self._heaviest, float(vectors.weights.max(initial=0)))

    def close(self) -> None:
        """Close the files, after `finish` or instead of it."""
        for writer in (self._indptr, self._terms, self._weights):
            writer.close()

    def finish(self, report: Callable[[int], None]) -> WeightScale:
        """Write the parts and give the draft its forward index; return how its weights became bytes.

        `report` is called with the number of documents just placed. InputError for weights beyond `weight_scale`.
        """
        self.close()
        compact_terms(self._draft, f"{_ADDED}_terms.npy", self._terms.length)
        scale = self._quantise()
        self._draft.forward = self._reorder(report)
        return scale

    def _quantise(self) -> WeightScale:
        """Replace the spilled float weights by uint8 ones; return the scale."""
        folder = self._draft.folder
        spill = folder / _SPILL_NAME
        weights = open_array(spill, np.float32, self._weights.length)
        scale = self.scale or weight_scale(weights, self._heaviest, self._draft.settings.weight_bits)
        fine = self._draft.settings.weight_bits == 16
        deficits = folder / f"{_ADDED}_deficits.npy" if fine else None
        write_quantised(weights, scale.step, folder / f"{_ADDED}_weights.npy", deficits)
        spill.unlink()
        return scale

    def _reorder(self, report: Callable[[int], None]) -> Postings:
        """Put the documents in the order of the index; return the forward index."""
        draft, settings, nnz = self._draft, self._draft.settings, self._terms.length
        folder, dtype = draft.folder, term_dtype(draft.dim)
        added = open_postings(folder, draft.documents, nnz, dtype, _ADDED)
        if settings.reorder:
            order = order_documents(added, draft.dim, settings.seed, draft.threads, report)
        else:
            order = np.arange(draft.documents, dtype=np.uint32)
            report(draft.documents)
        write_order(folder, order)
        lengths = np.diff(added.indptr)[order]
        with OffsetWriter(folder / INDPTR_NAME) as writer:
            writer.append(lengths)
        parts = {TERMS_NAME: added.indices, WEIGHTS_NAME: added.weights}
        if settings.weight_bits == 16:
            parts[DEFICITS_NAME] = open_array(folder / f"{_ADDED}_deficits.npy", np.uint8, nnz)
        for name, values in parts.items():
            with ArrayWriter(folder / name, values.dtype) as writer:
                for start in range(0, draft.documents, _GATHER_DOCUMENTS):
                    part = slice(start, start + _GATHER_DOCUMENTS)
                    gathered = np.empty(int(lengths[part].sum()), values.dtype)
                    gather_documents(added.indptr, values, order[part], gathered)
                    writer.append(gathered)
        _remove_added(folder)
        return open_postings(folder, draft.documents, nnz, dtype)


def _remove_added(folder: Path) -> None:
    for path in folder.glob(f"{_ADDED}_*.npy"):
        path.unlink()
