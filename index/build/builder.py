"""Building an index on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.arguments import count, path_of
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.files import name_path
from lsr.core.obstacles import make_folder
from lsr.core.schema import Schema
from lsr.core.vocabulary import Vocabulary
from lsr.index.build.quantise import WeightScale, check_step
from lsr.index.build.segment import SegmentBuilder
from lsr.index.format.columns import SharedColumns
from lsr.index.format.manifest import Manifest, published_segments
from lsr.index.format.output import check_index_output, lock_folder, new_segment, remove_segments, remove_shards
from lsr.index.format.settings import IndexSettings
from lsr.index.live.snapshot import Index
from lsr.index.live.versions import remove_collection
from lsr.index.parts.part import CarriedRows
from lsr.index.parts.registry import added_parts, check_settings
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
        by_id: whether rows go by the ids of their documents (in UTF-8, byte by byte), and windows of a document by
            number, so that ties do, however documents are added; as `lsr index` has it. Else rows are documents as they
            are added.
        weight_scale: the step of the stored weights, as where another index has it (`Manifest.weight_scale`), so that
            both give the same vector the same score. Weights above 255 steps are stored as that, and counted in the
            manifest's `outliers`. None for the step that suits the weights.
        rare_last: whether the last term ids are those of the rarest terms, as where ids go by the number of documents,
            descending. Then two bytes are enough for a term in the index however many terms there are: beyond 65,536,
            rare ones share what bounds are made of. Searches give the same hits and scores.
        schema: the types of documents' fields, by name (`lsr.core.schema`); if not given, they are inferred.
        segment: what to call the one segment, which must not be there; else a name by chance.
        created: the time that is recorded, UTC, ISO 8601; default: that of `finish`.

    Attributes:
        prunings, synonyms: to be recorded in the manifest.

    Raises:
        OutputExistsError: `path` exists and is none of the above, or another process is building there.
        InputError: a vocabulary of another length, a word that occurs twice or that a term is named as, more terms than
            can be told apart, an encoder record that is not JSON, or a weight scale that no weights have.
    """

    @as_annotated
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
        by_id: bool = False,
        weight_scale: float | None = None,
        rare_last: bool = False,
        schema: Schema | Mapping[str, str] | None = None,
        segment: str | None = None,
        created: str | None = None,
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
        step = None if weight_scale is None else check_step(weight_scale)
        shared = SharedColumns.of(dim) if rare_last or words else None
        declared = None if schema is None else Schema.of(schema)
        self.path = Path(path)
        self.dim = dim
        self.settings = settings or IndexSettings()
        check_settings(self.settings)
        self.prunings: list[Pruning] = []
        self.synonyms: list[str] | None = None
        self._encoder, self._created = encoder, created
        self._finished = False
        self._made_folder = not self.path.exists()
        check_index_output(self.path, force=force)
        make_folder(self.path)
        self._lock = lock_folder(self.path)
        self._segment = SegmentBuilder(
            new_segment(self.path) if segment is None else self.path / segment,
            dim=dim,
            settings=self.settings,
            vocabulary=vocabulary,
            words=words,
            windows=windows,
            shared=shared,
            by_id=by_id,
            schema=declared,
        )
        try:
            check_index_output(self.path, force=force)  # again: another build may have published since
            remove_segments(self.path, keep=published_segments(self.path))
            self._segment.begin(step)
        except BaseException:
            self.discard()
            raise

    def __repr__(self) -> str:
        state = "finished" if self._finished else f"{len(self):,} documents so far"
        return f"IndexBuilder({str(self.path)!r}, {self.dim:,} terms, {state})"

    def __len__(self) -> int:
        return len(self._segment)

    @as_annotated
    def add(self, vectors: SparseVectors, documents: Sequence[Document] | None = None) -> None:
        """Append vectors and, if given, the documents to be shown for them.

        InputError if the vectors are malformed or of another `dim`, if the documents' ids are not the vectors' row by
        row, if windows are not in order (`WindowWriter.check`), or if a document cannot be stored (text that is not
        valid Unicode, fields that are not JSON values). A vector without terms is kept but never found.
        """
        if self._finished:
            raise InputError("this builder has already finished")
        self._segment.add(vectors, documents)

    @as_annotated
    def count_tokens(self, frequencies: npt.NDArray[np.integer]) -> None:
        """Count tokens: add, for each term, the number of documents just added in whose text it is a token; [dim].

        Stored with the index, they give the collection's IDF to encoders whose queries are a table of weights.
        InputError for a wrong length.
        """
        self._segment.count_tokens(frequencies)

    @as_annotated
    def keep_weights(self, index: Index) -> None:
        """Store the weights, which are those of another index, in the same steps as that; before `finish`."""
        self._segment.keep_scale(WeightScale.of_record(index.manifest.weight_scale, index.manifest.outliers))

    @as_annotated
    def carry_parts(self, index: Index) -> None:
        """Copy the added parts of an index of the same documents in the same rows.

        IndexFormatError if a file of one is missing or not of the recorded size, or if this lsr does not know it.
        """
        (segment,) = index.segments
        for name, record in segment.record.parts.items():
            source = CarriedRows(segment.part(name), segment.part_folder(name), record)
            folder = self._segment.draft.folder / record.folder
            folder.mkdir()
            self._segment.parts[name] = added_parts()[name].carry([source], folder)

    @as_annotated
    def finish(self, progress: Callable[[int], None] | None = None, threads: int | None = None) -> Index:
        """Sort, publish and open the index.

        Args:
            progress: called with the number of documents just finished; the calls add up to all of them.
            threads: how many to use; default: as many as there are CPUs.

        InputError if no document was added, if an id is used twice (names the id and both rows), or if the heaviest
        weight of all is not within 1e-30 … 1e30.
        """
        if self._finished:
            raise InputError("this builder has already finished")
        segment, scale = self._segment.finish(progress, threads)
        Manifest(
            segments=(segment,),
            weight_scale=scale.step,
            encoder=self._encoder,
            prunings=[pruning.to_record() for pruning in self.prunings],
            synonyms=self.synonyms,
            outliers=scale.record(),
            created=self._created or datetime.now(UTC).isoformat(timespec="seconds"),
        ).write(self.path)
        self._finished = True
        remove_segments(self.path, keep={segment.name})
        remove_collection(self.path)
        remove_shards(self.path)
        os.close(self._lock)
        return Index.open(self.path)

    def discard(self) -> None:
        """Remove everything that was written, unless the index is published. Called on leaving the context."""
        if self._finished:
            return
        self._finished = True
        # An interrupt may have come between publishing and the end of `finish`.
        self._segment.discard(keep=self._segment.draft.folder.name in published_segments(self.path))
        if self._made_folder:
            with suppress(OSError):
                self.path.rmdir()
        os.close(self._lock)

    def __enter__(self) -> IndexBuilder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        name_path(error, self.path)
        self.discard()
