"""Building an index on disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import count, kind_of, path_of
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.files import name_path
from lsr.core.progress import in_proportion
from lsr.core.schema import Schema
from lsr.core.vocabulary import Vocabulary
from lsr.index.build.fields import record_fields
from lsr.index.build.quantise import WeightScale
from lsr.index.build.vectors import VectorWriter
from lsr.index.format.columns import SharedColumns
from lsr.index.format.manifest import Manifest, published_segment
from lsr.index.format.output import check_index_output, lock_folder, new_segment, remove_segments, seal
from lsr.index.format.records import PartRecord
from lsr.index.format.settings import IndexSettings
from lsr.index.live.snapshot import Index
from lsr.index.parts.draft import DocumentStream, SegmentDraft
from lsr.index.parts.fields.writer import FieldsDraft
from lsr.index.parts.part import CarriedRows
from lsr.index.parts.registry import added_parts, check_settings, written_parts
from lsr.index.parts.words import WordVocabulary, check_words
from lsr.text.windows import WindowSettings
from lsr.vectors.pruning import Pruning
from lsr.vectors.sparse import SparseVectors


class IndexBuilder:
    """Writes an index into the folder `path`; readers see nothing until `finish`.

    Use as a context manager: leaving it without `finish`, for whatever reason, removes everything it wrote. Memory
    stays bounded: vectors and documents go to disk as they come, except 8 bytes a document for the id table (24 while
        it is sorted) and one batch of documents; `finish` needs what `order_documents` and `write_summaries` state, one
        after the other. Vectors are written twice, so a build needs up to 7 bytes a posting more on disk than the
        index.

    Args:
        path: a new folder, or an empty one. With `force` it may be an lsr index, which stays readable until the new
            one takes its place; other files in that folder are left alone.
        dim: number of terms in the vocabulary.
        vocabulary: stored with the index; its length must be `dim`, less the number of words.
        words: what the last terms stand for, beside those of a vocabulary or alone, all different; by the number of
            documents, descending, since they are taken as `rare_last` says. They are read from disk as they are asked
            for (`Index.parts["words"]`), so there may be very many.
        encoder: the encoder's own description (JSON values), recorded in the manifest.
        settings: see `IndexSettings`.
        windows: the settings that documents were cut with, if windows of documents are added
            (`lsr.text.windows.cut_document`).
        rare_last: whether the last term ids are those of the rarest terms, as where ids go by the number of documents,
            descending. Then two bytes are enough for a term in the index however many terms there are: beyond 65,536,
            rare ones share what bounds are made of. Searches give the same hits and scores.
        schema: the types of documents' fields, by name (`lsr.core.schema`); if not given, they are inferred.

    Attributes:
        prunings, synonyms: to be recorded in the manifest.

    Raises:
        OutputExistsError: `path` exists and is none of the above, or another process is building there.
        InputError: a vocabulary of another length, a word that occurs twice or that a term is named as, more terms than
            can be told apart, or an encoder record that is not JSON.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        dim: int,
        vocabulary: Vocabulary | None = None,
        words: Sequence[str] | None = None,
        encoder: dict[str, Any] | None = None,
        settings: IndexSettings | None = None,
        windows: WindowSettings | None = None,
        rare_last: bool = False,
        schema: Schema | Mapping[str, str] | None = None,
        force: bool = False,
    ) -> None:
        dim, path = count(dim, "dim"), path_of(path, "the path of an index")
        if not 1 <= dim <= 2**32:
            raise InputError(f"dim must lie in 1 … 2³², not {dim}")
        if isinstance(vocabulary, WordVocabulary) and words is None:
            words, vocabulary = vocabulary.words, vocabulary.tokens
        named = [each for each in (vocabulary, words) if each is not None]
        if named and sum(map(len, named)) != dim:
            beside = f" and {len(words):,} words" if words else ""
            raise InputError(
                f"the vocabulary has {len(vocabulary or ()):,} terms{beside}, but the vectors have {dim:,}"
            )
        if words:
            check_words(words, vocabulary)
        try:
            json.dumps(encoder, ensure_ascii=False).encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"the encoder record must be JSON values: {error}") from error
        shared = SharedColumns.of(dim) if rare_last or words else None
        declared = None if schema is None else Schema.of(schema)
        self.path = Path(path)
        self.dim = dim
        self.settings = settings or IndexSettings()
        check_settings(self.settings)
        self.prunings: list[Pruning] = []
        self.synonyms: list[str] | None = None
        self._encoder = encoder
        self._added: dict[str, PartRecord] = {}
        self._streams: list[DocumentStream] = []
        self._vectors: VectorWriter | None = None
        self._finished = False
        self._made_folder = not self.path.exists()
        check_index_output(self.path, force=force)
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(self.path)
        self._draft = SegmentDraft(
            new_segment(self.path),
            dim if shared is None else shared.columns,
            self.settings,
            vocabulary,
            windows,
            shared=shared,
            words=words or None,
        )
        self._parts = [part for part in written_parts() if part.wanted(self._draft)]
        self._fields = FieldsDraft(self._draft.folder, declared, windows=windows is not None)
        try:
            check_index_output(self.path, force=force)  # again: another build may have published since
            remove_segments(self.path, keep=published_segment(self.path))
            self._draft.folder.mkdir()
            self._vectors = VectorWriter(self._draft)
            for part in self._parts:
                stream = part.begin(self._draft)
                if stream is not None:
                    self._streams.append(stream)
            self._streams.append(self._fields)
        except BaseException:
            self.discard()
            raise

    def __repr__(self) -> str:
        state = "finished" if self._finished else f"{len(self):,} documents so far"
        return f"IndexBuilder({str(self.path)!r}, {self.dim:,} terms, {state})"

    def __len__(self) -> int:
        return self._draft.documents

    def add(self, vectors: SparseVectors, documents: Sequence[Document] | None = None) -> None:
        """Append vectors and, if given, the documents to be shown for them.

        InputError if the vectors are malformed or of another `dim`, if the documents' ids are not the vectors' row by
        row, if windows are not in order (`WindowWriter.check`), or if a document cannot be stored (text that is not
        valid Unicode, fields that are not JSON values). A vector without terms is kept but never found.
        """
        if self._finished or self._vectors is None:
            raise InputError("this builder has already finished")
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
        self._draft.documents += len(vectors)

    def count_tokens(self, frequencies: npt.NDArray[np.integer]) -> None:
        """Count tokens: add, for each term, the number of documents just added in whose text it is a token; [dim].

        Stored with the index, they give the collection's IDF to encoders whose queries are a table of weights.
        InputError for a wrong length.
        """
        if frequencies.shape != (self.dim,):
            raise InputError(f"token frequencies must have shape ({self.dim},), not {frequencies.shape}")
        if self._draft.token_frequencies is None:
            self._draft.token_frequencies = np.zeros(self.dim, np.int64)
        self._draft.token_frequencies += frequencies

    def keep_weights(self, index: Index) -> None:
        """Store the weights, which are those of another index, in the same steps as that; before `finish`."""
        if index.manifest.outliers is not None and self._vectors is not None:
            self._vectors.scale = WeightScale.of_record(index.manifest.weight_scale, index.manifest.outliers)

    def carry_parts(self, index: Index) -> None:
        """Copy the added parts of an index of the same documents in the same order.

        IndexFormatError if a file of one is missing or not of the recorded size, or if this lsr does not know it.
        """
        (segment,) = index.segments
        for name, record in segment.record.parts.items():
            source = CarriedRows(segment.part(name), segment.part_folder(name), record)
            folder = self._draft.folder / record.folder
            folder.mkdir()
            self._added[name] = added_parts()[name].carry([source], folder)

    def finish(self, progress: Callable[[int], None] | None = None, threads: int | None = None) -> Index:
        """Sort, publish and open the index.

        Args:
            progress: called with the number of documents just finished; the calls add up to all of them.
            threads: how many to use; default: as many as there are CPUs.

        InputError if no document was added, if an id is used twice (names the id and both rows), or if the heaviest
        weight of all is not within 1e-30 … 1e30.
        """
        if self._finished or self._vectors is None:
            raise InputError("this builder has already finished")
        draft = self._draft
        if not draft.documents:
            raise InputError("no document was added: an index needs at least one")
        self._vectors.close()
        for stream in self._streams:
            stream.finish()
        draft.threads = threads
        # The vectors go through all documents once.
        passes = 1 + sum(part.passes for part in self._parts)
        report = in_proportion(progress, counted=passes * draft.documents, reported=draft.documents)
        scale = self._vectors.finish(report)
        for part in self._parts:
            part.write(draft, report)
        if "fields" not in self._added and self._fields.schema is not None:
            self._added["fields"] = record_fields(self._fields, draft.folder)
        Manifest(
            segment=draft.folder.name,
            documents=draft.documents,
            dim=self.dim,
            postings=len(draft.forward.indices),
            weight_scale=scale.step,
            settings=self.settings.to_record(),
            encoder=self._encoder,
            files=seal(draft.folder),
            parts=self._added,
            prunings=[pruning.to_record() for pruning in self.prunings],
            synonyms=self.synonyms,
            windows=draft.windows_record,
            outliers=scale.record(),
            columns=None if draft.dim == self.dim else draft.dim,
            words=None if draft.words is None else len(draft.words),
            shared_from=None if draft.shared is None else draft.shared.first,
        ).write(self.path)
        self._finished = True
        remove_segments(self.path, keep=draft.folder.name)
        os.close(self._lock)
        return Index.open(self.path)

    def discard(self) -> None:
        """Remove everything that was written, unless the index is published. Called on leaving the context."""
        if self._finished:
            return
        self._finished = True
        for writer in (self._vectors, *self._streams):
            if writer is not None:
                with suppress(Exception):  # a writer that failed may fail to close: its file is removed anyway
                    writer.close()
        # An interrupt may have come between publishing and the end of `finish`.
        if published_segment(self.path) != self._draft.folder.name:
            shutil.rmtree(self._draft.folder, ignore_errors=True)
        if self._made_folder:
            with suppress(OSError):
                self.path.rmdir()
        os.close(self._lock)

    def __enter__(self) -> IndexBuilder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        name_path(error, self.path)
        self.discard()
