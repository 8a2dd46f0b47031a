"""Building a segment: from vectors and documents to files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

import lsr
from lsr.core.arguments import kind_of
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.progress import in_proportion
from lsr.core.schema import Schema
from lsr.core.vocabulary import Vocabulary
from lsr.index.build.fields import record_fields
from lsr.index.build.quantise import WeightScale
from lsr.index.build.vectors import VectorWriter
from lsr.index.format.columns import SharedColumns
from lsr.index.format.output import seal
from lsr.index.format.records import PartRecord, SegmentRecord
from lsr.index.format.settings import IndexSettings
from lsr.index.parts.draft import DocumentStream, SegmentDraft
from lsr.index.parts.fields.part import NAME as FIELDS
from lsr.index.parts.fields.writer import FieldsDraft
from lsr.index.parts.part import WrittenPart
from lsr.index.parts.registry import written_parts
from lsr.text.windows import WindowSettings
from lsr.vectors.sparse import SparseVectors


class SegmentBuilder:
    """Writes the files of a segment into a new folder; nobody reads them before a manifest names them.

    Call `finish` or `discard` at the end. For the arguments see `lsr.index.build.builder.IndexBuilder`.

    Attributes:
        draft: what is known so far.
        dim: number of terms.
        parts: records of the parts that were added to it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dim: int,
        settings: IndexSettings,
        vocabulary: Vocabulary | None = None,
        words: Sequence[str] | None = None,
        windows: WindowSettings | None = None,
        shared: SharedColumns | None = None,
        by_id: bool = False,
        schema: Schema | None = None,
    ) -> None:
        self.dim = dim
        self.parts: dict[str, PartRecord] = {}
        self.draft = SegmentDraft(
            folder,
            dim if shared is None else shared.columns,
            settings,
            vocabulary,
            windows,
            shared=shared,
            words=words or None,
            compact=bool(words),
            by_id=by_id,
        )
        self._fields = FieldsDraft(folder, schema, windows=windows is not None)
        self._written: list[WrittenPart] = [part for part in written_parts() if part.wanted(self.draft)]
        self._streams: list[DocumentStream] = []
        self._vectors: VectorWriter | None = None

    def begin(self, step: float | None = None) -> None:
        """Make the folder; `step`: what weights are stored in, if that is given."""
        self.draft.folder.mkdir()
        self._vectors = VectorWriter(self.draft, step)
        for part in self._written:
            stream = part.begin(self.draft)
            if stream is not None:
                self._streams.append(stream)
        self._streams.append(self._fields)

    def __len__(self) -> int:
        return self.draft.documents

    def keep_scale(self, scale: WeightScale) -> None:
        """Store weights in these steps."""
        assert self._vectors is not None
        self._vectors.scale = scale

    def add(self, vectors: SparseVectors, documents: Sequence[Document] | None = None) -> None:
        """See `lsr.index.build.builder.IndexBuilder.add`."""
        assert self._vectors is not None
        if not isinstance(vectors, SparseVectors):
            raise InputError(f"an index is made of SparseVectors, not {kind_of(vectors)}")
        if vectors.dim != self.dim:
            raise InputError(f"the index has {self.dim:,} terms, but these vectors have {vectors.dim:,}")
        rows = len(self)
        # Kernels trust the term ids, so they are checked before they reach the disk, whoever made them.
        vectors = SparseVectors(
            vectors.indptr, vectors.indices, vectors.weights, vectors.ids, vectors.dim, first_row=rows
        )
        if documents is None:
            documents = [Document(id, "") for id in vectors.ids]
        if len(documents) != len(vectors):
            raise InputError(f"{len(vectors)} vectors were added with {len(documents)} documents")
        for row, (document, id) in enumerate(zip(documents, vectors.ids, strict=True), start=rows):
            if document.id != id:
                raise InputError(f"row {row}: the vector has id {id!r}, but the document has id {document.id!r}")
        if rows + len(vectors) >= 2**32:
            raise InputError("an index holds fewer than 2³² documents")
        for stream in self._streams:
            stream.check(documents)
        self._vectors.append(vectors)
        for stream in self._streams:
            stream.append(documents)
        self.draft.documents += len(vectors)

    def count_tokens(self, frequencies: npt.NDArray[np.integer]) -> None:
        """See `lsr.index.build.builder.IndexBuilder.count_tokens`."""
        if not isinstance(frequencies, np.ndarray) or frequencies.dtype.kind not in "iu":
            raise InputError(f"token frequencies are an array of whole numbers, not {kind_of(frequencies)}")
        if frequencies.shape != (self.dim,):
            raise InputError(f"token frequencies must have shape ({self.dim},), not {frequencies.shape}")
        if self.draft.token_frequencies is None:
            self.draft.token_frequencies = np.zeros(self.dim, np.int64)
        self.draft.token_frequencies += frequencies

    def finish(
        self, progress: Callable[[int], None] | None = None, threads: int | None = None
    ) -> tuple[SegmentRecord, WeightScale]:
        """Write all files, and return what a manifest is to say of them, and how weights became bytes.

        Raises as `lsr.index.build.builder.IndexBuilder.finish`.
        """
        draft = self.draft
        if not draft.documents:
            raise InputError("no document was added: an index needs at least one")
        assert self._vectors is not None
        self._vectors.close()
        for stream in self._streams:
            stream.finish()
        draft.threads = threads
        # The vectors go through all documents once.
        passes = 1 + sum(part.passes for part in self._written)
        report = in_proportion(progress, counted=passes * draft.documents, reported=draft.documents)
        scale = self._vectors.finish(report)
        for part in self._written:
            part.write(draft, report)
        if FIELDS not in self.parts and self._fields.schema is not None:
            self.parts[FIELDS] = record_fields(self._fields, draft.folder, draft.arrivals)
        record = SegmentRecord(
            name=draft.folder.name,
            documents=draft.documents,
            ids=self.dim,
            postings=len(draft.forward.indices),
            weight_scale=scale.step,
            settings=draft.settings,
            files=seal(draft.folder),
            parts=self.parts,
            windows=draft.windows_record,
            library_version=lsr.__version__,
            columns=None if draft.dim == self.dim else draft.dim,
            shared_from=None if draft.shared is None else draft.shared.first,
            words=0 if draft.words is None else len(draft.words),
        )
        return record, scale

    def discard(self, *, keep: bool = False) -> None:
        """Close all files and, unless it is to be kept, remove the folder."""
        for writer in (self._vectors, *self._streams):
            if writer is not None:
                with suppress(Exception):  # a writer that failed may fail to close: its file is removed anyway
                    writer.close()
        if not keep:
            shutil.rmtree(self.draft.folder, ignore_errors=True)
