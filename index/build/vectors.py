"""Vectors on their way to the forward index: spilled to disk, quantised, and put in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.index.build.columns import compact_terms
from lsr.index.build.order import order_documents
from lsr.index.build.quantise import WeightScale, given_scale, weight_scale, write_quantised
from lsr.index.format.arrays import ArrayWriter, OffsetWriter, open_array, open_offsets
from lsr.index.format.columns import SharedColumns
from lsr.index.format.postings import Postings, deficit_dtype, open_postings, term_dtype
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.forward import DEFICITS_NAME, INDPTR_NAME, TERMS_NAME, WEIGHTS_NAME
from lsr.index.parts.gathering import write_gathered, write_gathered_offsets
from lsr.index.parts.order import inverse, write_order
from lsr.index.parts.rare_terms.turns import INDPTR_NAME as RARE_INDPTR_NAME
from lsr.index.parts.rare_terms.turns import TURNS_NAME, RareTerms
from lsr.vectors.sparse import SparseVectors

# Files of documents in the order in which they came, until they are put in the order of the index.
_ADDED = "added"
_SPILL_NAME = "spilled_weights.npy"


class VectorWriter:
    """Takes the vectors of a draft, and writes its forward index and order. Goes through all documents once.

    Attributes:
        scale: that their weights have already, if it is to stay; None for that of `step`.
    """

    def __init__(self, draft: SegmentDraft, step: float | None = None) -> None:
        """`step`: of the stored weights; None for what suits them."""
        self.scale: WeightScale | None = None
        self._step = step
        self._draft = draft
        self._indptr = OffsetWriter(draft.folder / f"{_ADDED}_indptr.npy")
        self._terms = ArrayWriter(draft.folder / f"{_ADDED}_terms.npy", term_dtype(draft.dim))
        self._weights = ArrayWriter(draft.folder / _SPILL_NAME, np.float32)
        self._heaviest = 0.0
        self._rare: list[ArrayWriter] = []
        if draft.shared is not None:
            self._rare.append(OffsetWriter(draft.folder / f"{_ADDED}_{RARE_INDPTR_NAME}"))
            self._rare.append(ArrayWriter(draft.folder / f"{_ADDED}_{TURNS_NAME}", np.uint16))

    def append(self, vectors: SparseVectors) -> None:
        """Append vectors to the spill files."""
        self._indptr.append(np.diff(vectors.indptr))
        terms, weights = vectors.indices, vectors.weights
        if self._draft.shared is not None:
            rare = self._draft.shared.arrange(vectors.indptr, terms)
            terms, weights = terms.copy(), weights.copy()
            terms[rare.places], weights[rare.places] = rare.columns, vectors.weights[rare.sources]
            lengths, turns = self._rare
            lengths.append(np.diff(np.searchsorted(rare.places, vectors.indptr)))
            turns.append(rare.turns)
        self._terms.append(terms)
        self._weights.append(weights)
        self._heaviest = max(self._heaviest, float(vectors.weights.max(initial=0)))

    def close(self) -> None:
        """Close the files, after `finish` or instead of it."""
        for writer in (self._indptr, self._terms, self._weights, *self._rare):
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
        bits = self._draft.settings.weight_bits
        if self.scale is not None:
            scale = self.scale
        elif self._step is not None:
            scale = given_scale(weights, self._heaviest, self._step, bits)
        else:
            scale = weight_scale(weights, self._heaviest, bits)
        coarse, deficits = folder / f"{_ADDED}_weights.npy", folder / f"{_ADDED}_deficits.npy"
        write_quantised(weights, scale.step, coarse, deficits, deficit_dtype(bits))
        spill.unlink()
        return scale

    def _reorder(self, report: Callable[[int], None]) -> Postings:
        """Put the documents in the order of the index; return the forward index."""
        draft, settings, nnz = self._draft, self._draft.settings, self._terms.length
        folder, dtype = draft.folder, term_dtype(draft.dim)
        added = open_postings(folder, draft.documents, nnz, dtype, _ADDED)
        # Of documents as they were added: the one at each position.
        if settings.reorder:
            order = order_documents(added, draft.dim, settings.seed, draft.threads, report, rows=draft.arrivals)
        else:
            order = np.arange(draft.documents, dtype=np.uint32) if draft.arrivals is None else draft.arrivals
            report(draft.documents)
        write_order(folder, order if draft.arrivals is None else inverse(draft.arrivals)[order])
        write_gathered_offsets(added.indptr, order, folder / INDPTR_NAME)
        parts = {TERMS_NAME: added.indices, WEIGHTS_NAME: added.weights}
        dtype_of_deficits = deficit_dtype(settings.weight_bits)
        if dtype_of_deficits is not None:
            parts[DEFICITS_NAME] = open_array(folder / f"{_ADDED}_deficits.npy", dtype_of_deficits, nnz)
        for name, values in parts.items():
            write_gathered(added.indptr, values, order, folder / name)
        if draft.shared is not None:
            self._reorder_rare(draft.shared, order)
        _remove_added(folder)
        return open_postings(folder, draft.documents, nnz, dtype)

    def _reorder_rare(self, shared: SharedColumns, order: npt.NDArray[np.uint32]) -> None:
        """Put the documents' rare terms in the order of the index; give them to the draft."""
        folder, documents = self._draft.folder, self._draft.documents
        turns = open_array(folder / f"{_ADDED}_{TURNS_NAME}", np.uint16)
        indptr = open_offsets(folder / f"{_ADDED}_{RARE_INDPTR_NAME}", documents + 1, len(turns))
        write_gathered_offsets(indptr, order, folder / RARE_INDPTR_NAME)
        write_gathered(indptr, turns, order, folder / TURNS_NAME)
        self._draft.rare_terms = RareTerms.open(folder, shared, documents)


def _remove_added(folder: Path) -> None:
    for path in folder.glob(f"{_ADDED}_*.npy"):
        path.unlink()
