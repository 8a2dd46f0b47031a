"""Building an index on disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.files import sync
from lsr.index.format.arrays import ArrayWriter, OffsetWriter, open_array, write_array
from lsr.index.parts.bmp.blocks import write_bmp_blocks
from lsr.index.parts.documents import DocumentWriter, check_storable
from lsr.index.parts.ids import IdWriter
from lsr.index.build.inversion import write_inverted
from lsr.index.kernels.inversion import count_terms
from lsr.index.kernels.ordering import gather_documents
from lsr.index.format.manifest import Manifest, Part, published_segment
from lsr.index.build.order import order_documents
from lsr.index.format.output import check_index_output, lock_folder, new_segment, remove_segments, seal
from lsr.index.parts.part import part_folder
from lsr.index.parts.forward import Postings, open_postings, term_dtype
from lsr.index.live.snapshot import Index
from lsr.index.parts.segment import DEFICITS_NAME, DOCUMENTS_NAME, POSITIONS_NAME, ROWS_NAME, TOKENS_NAME, VOCABULARY_NAME
from lsr.index.parts.seismic.blocks import write_seismic_blocks
from lsr.index.parts.settings import IndexSettings
from lsr.index.parts.summaries.blocks import write_summaries
from lsr.index.parts.vocabulary import write_vocabulary
from lsr.index.parts.windows import WindowWriter
from lsr.vectors.pruning import Pruning
from lsr.vectors.sparse import SparseVectors
from lsr.core.vocabulary import Vocabulary
from lsr.text.windows import WindowSettings

_SPILL_NAME = "spilled_weights.npy"
_QUANTISE_AT_A_TIME = 1 << 22
_GATHER_DOCUMENTS = 1 << 15
_COUNT_AT_A_TIME = 1 << 26
_MAX_WEIGHT = 255
# Files of documents in the order in which they came, until they are put in the order of the index.
_ADDED = "added"
# Beyond, the scale or the scores of usual queries would leave the range of float32.
_HEAVIEST = (float(np.float32(1e-30)), float(np.float32(1e30)))


class IndexBuilder:
    """Writes an index into the folder `path`; nothing is there for readers until `finish`.

    Use as a context manager: leaving it without `finish`, by whatever exception, removes everything it wrote. Memory
    stays bounded: vectors and documents go to disk as they come, except 8 bytes a document for the id table (24 while
    it is sorted) and one batch of documents; `finish` takes what `order_documents` and `write_summaries` say, one after
    the other. Vectors are written twice, so a build needs up to 7 bytes a posting more on disk than the index.

    Args:
        path: a new folder, or an empty one. With `force` it may be an lsr index, which stays readable until the new
            one takes its place; other files in that folder are left alone.
        dim: number of terms in the vocabulary.
        vocabulary: stored with the index; its length must be `dim`.
        encoder: what the encoder says of itself (JSON values), recorded in the manifest.
        settings: see `IndexSettings`.
        windows: what is added are windows of documents (`lsr.text.windows.cut_document`), cut with these settings.

    Attributes:
        prunings: to be recorded in the manifest.

    Raises:
        OutputExistsError: `path` is there and is not one of the above, or another process is building there.
        InputError: a vocabulary of another length, or an encoder record that is not JSON.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        dim: int,
        vocabulary: Vocabulary | None = None,
        encoder: dict[str, Any] | None = None,
        settings: IndexSettings | None = None,
        windows: WindowSettings | None = None,
        force: bool = False,
    ) -> None:
        if not 1 <= dim < 2**32:
            raise InputError(f"dim must lie in 1 … 2³² − 1, not {dim}")
        if vocabulary is not None and len(vocabulary) != dim:
            raise InputError(f"the vocabulary has {len(vocabulary):,} terms and the vectors {dim:,}")
        try:
            json.dumps(encoder, ensure_ascii=False).encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"the encoder record must be JSON values: {error}") from error
        self.path = Path(path)
        self.dim = dim
        self.settings = settings or IndexSettings()
        self.prunings: list[Pruning] = []
        self.window_settings = windows
        self._windows: WindowWriter | None = None
        self._vocabulary = vocabulary
        self._token_frequencies: npt.NDArray[np.int64] | None = None
        self._encoder = encoder
        self._parts: dict[str, Part] = {}
        self._finished = False
        self._rows = 0
        self._largest_weight = 0.0
        self._made_folder = not self.path.exists()
        check_index_output(self.path, force=force)
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(self.path)
        self._segment = new_segment(self.path)
        try:
            check_index_output(self.path, force=force)  # again: another build may have published since
            remove_segments(self.path, keep=published_segment(self.path))
            self._segment.mkdir()
            self._indptr = OffsetWriter(self._segment / f"{_ADDED}_indptr.npy")
            self._terms = ArrayWriter(self._segment / f"{_ADDED}_terms.npy", term_dtype(dim))
            self._weights = ArrayWriter(self._segment / _SPILL_NAME, np.float32)
            self._ids = IdWriter(self._segment)
            self._documents = DocumentWriter(self._segment / DOCUMENTS_NAME)
            if windows is not None:
                self._windows = WindowWriter(self._segment)
        except BaseException:
            self.discard()
            raise

    def __len__(self) -> int:
        return self._rows

    def add(self, vectors: SparseVectors, documents: Sequence[Document] | None = None) -> None:
        """Append vectors and, if given, the documents to be shown for them.

        InputError if the vectors are malformed or of another `dim`, if the documents' ids are not the vectors' row by
        row, if windows are not in order (`WindowWriter.append`), or if a document cannot be stored (text that is not
        valid Unicode, fields that are not JSON values). A vector without terms is kept, and is never found.
        """
        if self._finished:
            raise InputError("this builder has finished")
        if vectors.dim != self.dim:
            raise InputError(f"the index has {self.dim:,} terms and these vectors {vectors.dim:,}")
        # Kernels trust the term ids, so what reaches the disk is checked even if its maker did not.
        vectors = SparseVectors(
            vectors.indptr, vectors.indices, vectors.weights, vectors.ids, vectors.dim, first_row=self._rows
        )
        if documents is None:
            documents = [Document(id, "") for id in vectors.ids]
        if len(documents) != len(vectors):
            raise InputError(f"{len(vectors)} vectors came with {len(documents)} documents")
        for row, (document, id) in enumerate(zip(documents, vectors.ids, strict=True)):
            if document.id != id:
                raise InputError(f"row {self._rows + row}: vector {id!r} came with document {document.id!r}")
            check_storable(document)
        if self._rows + len(vectors) >= 2**32:
            raise InputError("an index holds fewer than 2³² documents")
        if self._windows is not None:
            self._windows.append(vectors.ids)
        self._indptr.append(np.diff(vectors.indptr))
        self._terms.append(vectors.indices)
        self._weights.append(vectors.weights)
        self._ids.append(vectors.ids)
        self._documents.append(documents)
        self._largest_weight = max(self._largest_weight, float(vectors.weights.max(initial=0)))
        self._rows += len(vectors)

    def count_tokens(self, frequencies: npt.NDArray[np.integer]) -> None:
        """Add to the number of documents in whose text each term is a token: [dim], for the batch just added.

        Kept with the index, they give the collection's IDF to encoders whose queries are a table of weights. InputError
        for another length.
        """
        if frequencies.shape != (self.dim,):
            raise InputError(f"token frequencies of shape {frequencies.shape} for {self.dim:,} terms")
        if self._token_frequencies is None:
            self._token_frequencies = np.zeros(self.dim, np.int64)
        self._token_frequencies += frequencies

    def carry_parts(self, index: Index) -> None:
        """Take over the optional parts (`lsr.index.parts.part`) of an index of the same documents in the same order.

        IndexFormatError if a file of one is missing or not of the recorded size.
        """
        for name, part in index.manifest.parts.items():
            copy = self._segment / part.folder
            shutil.copytree(part_folder(index.path, index.manifest, name), copy)
            for entry in (*copy.iterdir(), copy):
                sync(entry)
            self._parts[name] = part

    def finish(self, progress: Callable[[int], None] | None = None, threads: int | None = None) -> Index:
        """Sort, publish and open the index.

        Args:
            progress: called with the number of documents just finished; the calls add up to all of them.
            threads: how many work at once; default: as many as there are CPUs.

        InputError if no document was added, if an id stands twice (names the id and both rows), or if the heaviest
        weight of all is not within 1e-30 … 1e30.
        """
        if self._finished:
            raise InputError("this builder has finished")
        if not self._rows:
            raise InputError("no document was added: an index needs at least one")
        for writer in (self._indptr, self._terms, self._weights):
            writer.close()
        self._documents.finish()
        if self._windows is not None:
            self._windows.close()
        self._ids.finish()
        scale = self._quantise()
        folder, postings, settings = self._segment, self._terms.length, self.settings
        passes = 2 + (settings.seismic is not None) + (settings.bmp is not None)
        stages = _Stages(progress, self._rows, passes)
        forward = self._reorder(threads, stages.report)
        block_size, dense_share = settings.choose_block_size(self._rows), settings.choose_dense_share(self._rows)
        write_summaries(folder, forward, self.dim, block_size, dense_share, threads, stages.report)
        if settings.seismic is not None:
            write_inverted(folder, forward, self.dim)
            inverted = open_postings(folder, self.dim, postings, np.uint32, "inverted", "rows")
            report = _as_documents(stages.report, self._rows, postings)
            write_seismic_blocks(folder, forward, inverted, settings.seismic, settings.seed, threads, report)
            _remove(folder, "inverted")
        if settings.bmp is not None:
            write_bmp_blocks(folder, forward, self.dim, settings.bmp, dense_share, threads, stages.report)
        if self._token_frequencies is not None:
            write_array(folder / TOKENS_NAME, self._token_frequencies)
        if self._vocabulary is not None:
            write_vocabulary(folder / VOCABULARY_NAME, self._vocabulary)
        Manifest(
            segment=folder.name,
            documents=self._rows,
            dim=self.dim,
            postings=postings,
            weight_scale=scale,
            settings=self.settings.to_record(),
            encoder=self._encoder,
            files=seal(folder),
            parts=self._parts,
            prunings=[pruning.to_record() for pruning in self.prunings],
            windows=self._windows_record(),
        ).write(self.path)
        self._finished = True
        remove_segments(self.path, keep=folder.name)
        os.close(self._lock)
        return Index.open(self.path)

    def discard(self) -> None:
        """Remove everything that was written, unless the index is published. Called on leaving the context."""
        if self._finished:
            return
        self._finished = True
        for name in ("_indptr", "_terms", "_weights", "_ids", "_documents", "_windows"):
            if getattr(self, name, None) is not None:
                with suppress(Exception):  # a writer that failed may fail to close: its file is removed anyway
                    getattr(self, name).close()
        # An interrupt may have come between publishing and the end of `finish`.
        if published_segment(self.path) != self._segment.name:
            shutil.rmtree(self._segment, ignore_errors=True)
        if self._made_folder:
            with suppress(OSError):
                self.path.rmdir()
        os.close(self._lock)

    def __enter__(self) -> IndexBuilder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.discard()

    def _windows_record(self) -> dict[str, Any] | None:
        if self._windows is None or self.window_settings is None:
            return None
        return {**self.window_settings.to_record(), "documents": self._windows.documents}

    def _quantise(self) -> float:
        """Replace the spilled float weights by uint8 ones; return the weight that 1 stands for."""
        heaviest = self._largest_weight
        if heaviest and not _HEAVIEST[0] <= heaviest <= _HEAVIEST[1]:
            least, most = _HEAVIEST
            raise InputError(
                f"the heaviest weight must lie in {least:g} … {most:g}, not {heaviest:g}: scale the vectors"
            )
        scale = heaviest / _MAX_WEIGHT or 1.0
        spill = self._segment / _SPILL_NAME
        weights = open_array(spill, np.float32, self._weights.length)
        with ExitStack() as stack:
            weights_file = stack.enter_context(ArrayWriter(self._segment / f"{_ADDED}_weights.npy", np.uint8))
            if self.settings.weight_bits == 16:
                deficits_file = stack.enter_context(ArrayWriter(self._segment / f"{_ADDED}_deficits.npy", np.uint8))
            for start in range(0, len(weights), _QUANTISE_AT_A_TIME):
                exact = weights[start : start + _QUANTISE_AT_A_TIME] / scale
                if self.settings.weight_bits == 8:
                    # A positive weight stays positive, or a match would be lost.
                    weights_file.append(np.clip(np.rint(exact), 1, _MAX_WEIGHT))
                else:
                    # The first byte is rounded up, so that it bounds the weight; the second says by how much.
                    fine = np.clip(np.rint(exact * 256), 1, _MAX_WEIGHT * 256).astype(np.int64)
                    coarse = (fine + 255) // 256
                    weights_file.append(coarse)
                    deficits_file.append(coarse * 256 - fine)
        spill.unlink()
        return scale

    def _reorder(self, threads: int | None, report: Callable[[int], None]) -> Postings:
        """Put the documents in the order of the index; return the forward index."""
        folder, nnz, dtype = self._segment, self._terms.length, term_dtype(self.dim)
        added = open_postings(folder, self._rows, nnz, dtype, _ADDED)
        if self.settings.reorder:
            order = order_documents(added, self.dim, self.settings.seed, threads, report)
        else:
            order = np.arange(self._rows, dtype=np.uint32)
            report(self._rows)
        positions = np.empty_like(order)
        positions[order] = np.arange(self._rows, dtype=np.uint32)
        write_array(folder / ROWS_NAME, order)
        write_array(folder / POSITIONS_NAME, positions)
        lengths = np.diff(added.indptr)[order]
        with OffsetWriter(folder / "forward_indptr.npy") as writer:
            writer.append(lengths)
        parts = {"forward_terms.npy": added.indices, "forward_weights.npy": added.weights}
        if self.settings.weight_bits == 16:
            parts[DEFICITS_NAME] = open_array(folder / f"{_ADDED}_deficits.npy", np.uint8, nnz)
        for name, values in parts.items():
            with ArrayWriter(folder / name, values.dtype) as writer:
                for start in range(0, self._rows, _GATHER_DOCUMENTS):
                    part = slice(start, start + _GATHER_DOCUMENTS)
                    gathered = np.empty(int(lengths[part].sum()), values.dtype)
                    gather_documents(added.indptr, values, order[part], gathered)
                    writer.append(gathered)
        counts = np.zeros(self.dim, np.int64)
        for start in range(0, nnz, _COUNT_AT_A_TIME):
            count_terms(added.indices[start : start + _COUNT_AT_A_TIME], counts)
        write_array(folder / "term_documents.npy", counts)
        _remove(folder, _ADDED)
        return open_postings(folder, self._rows, nnz, dtype)


class _Stages:
    """Reports documents to `progress` as if each of so many passes over all of them finished its share of them."""

    def __init__(self, progress: Callable[[int], None] | None, documents: int, passes: int) -> None:
        self._progress, self._passes = progress, passes
        self._done = self._reported = 0

    def report(self, documents: int) -> None:
        """Some documents more are through a pass."""
        self._done += documents
        reached = self._done // self._passes
        if self._progress is not None and reached > self._reported:
            self._progress(reached - self._reported)
        self._reported = reached


def _remove(folder: Path, prefix: str) -> None:
    """Remove the files PREFIX_*.npy."""
    for path in folder.glob(f"{prefix}_*.npy"):
        path.unlink()


def _as_documents(progress: Callable[[int], None], documents: int, postings: int) -> Callable[[int], None]:
    """Count postings, report the documents that they amount to."""
    done = reported = 0

    def count(finished: int) -> None:
        nonlocal done, reported
        done += finished
        reached = documents * done // postings if postings else documents
        progress(reached - reported)
        reported = reached

    return count
