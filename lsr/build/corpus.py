"""From text to an index: read, encode, build.

`lsr.index` is imported inside the functions: it lies above this package, and reading or encoding should not load it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lsr.build.shards import SHARD_CHARACTERS, EncodedShards
from lsr.core.arguments import path_of
from lsr.core.chunks import chunks
from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.core.files import check_output
from lsr.core.places import beside
from lsr.core.progress import Stages, silent
from lsr.core.schema import Schema
from lsr.core.vocabulary import Vocabulary
from lsr.encoding.lexical.alone import WordsAlone, lexical_settings
from lsr.encoding.lexical.settings import RECORD as LEXICAL
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.lexical.words import CollectionWords, WordCounter
from lsr.encoding.titles import check_title_weight, recorded
from lsr.text.windows import WindowSettings, cut_corpus, fitting_windows, is_first, whole_document
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index, IndexBuilder, IndexSettings

Progress = Callable[[int], None]


class EncodesQueries(Protocol):
    """A model's encoder, or that of an index."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    def encode_queries(
        self, texts: Sequence[str], ids: Sequence[str] | None = None, *, top_k: int | None = None
    ) -> SparseVectors: ...


_QUERY_BATCH = 1024


def usual(encoder: SparseEncoder) -> dict[str, Any]:
    """What `lsr index` asks of `index_corpus` by default: words beside the model's terms, and documents read whole."""
    return {
        "lexical": LexicalSettings(),
        "windows": fitting_windows(encoder.max_length),
        "only_if_needed": True,
    }


def index_corpus(
    corpus: Iterable[Document],
    path: str | Path,
    encoder: SparseEncoder | WordsAlone,
    *,
    lexical: LexicalSettings | None = None,
    total: int | None = None,
    top_k: int | None = None,
    title_weight: float = 0.0,
    windows: WindowSettings | None = None,
    only_if_needed: bool = False,
    schema: Schema | Mapping[str, str] | None = None,
    settings: IndexSettings | None = None,
    threads: int | None = None,
    force: bool = False,
    restart: bool = False,
    stages: Stages = silent,
) -> Index:
    """Encode a corpus and index it at `path`.

    The encoding is kept in `PATH.encoding/` until the index is published: after an interruption, the same call resumes
    it. `restart` begins again, `force` replaces an existing index, `top_k` keeps only each document's heaviest terms.
    What a title says counts `title_weight` times more (`lsr.encoding.titles`).
    With `lexical`, the words of each document are further terms beside those of the model, weighed by BM25; with
    `WordsAlone` for an encoder, they are all. With `windows`, documents are cut into windows, each in its own row, by
    which they are found; `only_if_needed`, not if each is a single one: the index is as without windows then. `threads`
    build the index (default: one for each CPU). `schema` has the types of the documents' fields (`lsr.core.schema`),
    which are inferred otherwise. `total` is the number of documents, if known, for `stages` to show.

    Raises OutputExistsError, and InputError for an empty corpus, a duplicate id, a document that does not fit the
    schema, or a corpus that changed since the interruption.
    """
    from lsr.index import check_index_output

    if schema is not None:
        schema = Schema.of(schema)
        corpus = schema.checked(corpus)

    lexical = lexical_settings(encoder, lexical)
    record = encoder_record(encoder, top_k, check_title_weight(title_weight))
    check_index_output(path, force=force)
    if not force and (finished := finished_index(path)) is not None:
        return finished
    work, unit = record, "documents"
    if windows is not None:
        work = {**record, "windows": windows.to_record()}
        corpus = cut_corpus(corpus, windows)
        if not only_if_needed:
            unit, total = "windows", None
    with _shards(path, work, restart) as shards:
        with stages("encoding" if encoder.dim else "reading", total, unit) as progress:
            shards.encode(corpus, encoder, top_k=top_k, title_weight=title_weight, progress=_up_to(total, progress))
        if windows is not None and only_if_needed and all(map(is_first, shards.ids())):
            windows, shards.restore = None, whole_document
        with (
            _words(shards, lexical, title_weight, stages, alone=not encoder.dim) as words,
            _builder(path, encoder, record, words, settings, windows, schema, force) as builder,
        ):
            model = None if isinstance(encoder, WordsAlone) else encoder
            return _build(builder, shards.read(encoder.dim), model, shards.documents, threads, stages, words)


def _up_to(most: int | None, progress: Progress) -> Progress:
    """Progress through documents, of which there are `most`, by windows, of which there may be more."""
    done = 0

    def count(finished: int) -> None:
        nonlocal done
        told = finished if most is None else max(0, min(finished, most - done))
        done += told
        if told:
            progress(told)

    return count


@contextmanager
def _words(
    shards: EncodedShards, lexical: LexicalSettings | None, title_weight: float, stages: Stages, *, alone: bool
) -> Iterator[CollectionWords | None]:
    """The words of the documents in the shards. InputError if there are none where they would stand alone."""
    if lexical is None:
        yield None
        return
    with WordCounter(lexical, shards.folder, title_weight=title_weight) as counter:
        with stages("counting words", shards.documents, "documents") as progress:
            for documents in shards.read_documents():
                counter.add([each.contents for each in documents], [each.title for each in documents])
                progress(len(documents))
        found = counter.finish()
        if alone and not found.words:
            shards.begun = False  # nothing to go on with
            raise InputError("the documents hold no words, and there is no model to find them by anything else")
        yield found


def _builder(
    path: str | Path,
    encoder: SparseEncoder | WordsAlone,
    record: dict[str, Any],
    words: CollectionWords | None,
    settings: IndexSettings | None,
    windows: WindowSettings | None,
    schema: Schema | None,
    force: bool,
) -> IndexBuilder:
    from lsr.index import IndexBuilder

    if words is not None:
        record = {**record, LEXICAL: words.record().to_record()}
    named = [] if words is None else words.words
    return IndexBuilder(
        path,
        dim=encoder.dim + len(named),
        vocabulary=encoder.vocabulary,
        words=named or None,
        encoder=record,
        settings=settings,
        windows=windows,
        by_id=True,
        schema=schema,
        force=force,
    )


def finished_index(path: str | Path) -> Index | None:
    """The index at `path` if this same command published it before it was killed; what that left is cleared away."""
    from lsr.core.unfinished import is_unfinished
    from lsr.core.work import clear_work
    from lsr.index import Index
    from lsr.index.format.manifest import index_identity

    if not is_unfinished(path, index_identity):
        return None
    clear_work(work_folder(path))
    return Index.open(path)


def index_vectors(
    batches: Iterable[SparseVectors],
    path: str | Path,
    *,
    encoder: SparseEncoder | None = None,
    vocabulary: Vocabulary | None = None,
    documents: Iterable[Document] | None = None,
    schema: Schema | Mapping[str, str] | None = None,
    settings: IndexSettings | None = None,
    by_id: bool = True,
    threads: int | None = None,
    force: bool = False,
    stages: Stages = silent,
) -> Index:
    """Index existing vectors.

    With `encoder`, the one that made them, the index can be searched by text; else `vocabulary`, if given, names the
    terms. `documents`, in the order of the vectors, provide the texts of hits. Rows go by id; without `by_id` they are
    the vectors as they come. `threads` and `stages` are those of `index_corpus`.
    terms. `documents`, in the order of the vectors, provide the texts of hits. `schema`, `threads` and `stages` are
    those of `index_corpus`.

    Raises InputError if ids of vectors and documents disagree, if a document does not fit the schema, or if there are
    no vectors.
    """
    from lsr.index import IndexBuilder

    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise InputError("there are no vectors to index")
    with IndexBuilder(
        path,
        dim=first.dim,
        vocabulary=encoder.vocabulary if encoder else vocabulary,
        encoder=encoder_record(encoder, None) if encoder else None,
        schema=schema,
        settings=settings,
        by_id=by_id,
        force=force,
    ) as builder:
        return _build(builder, with_documents(chain([first], batches), documents), encoder, None, threads, stages)


def encode_corpus(
    corpus: Iterable[Document],
    path: str | Path,
    encoder: SparseEncoder,
    *,
    top_k: int | None = None,
    force: bool = False,
    restart: bool = False,
    progress: Progress | None = None,
) -> int:
    """Encode a corpus into a vector file (.parquet, .jsonl, .jsonl.gz, .jsonl.zst); return the number of documents.

    An interrupted run can be resumed as with `index_corpus`.
    """
    from lsr.core.unfinished import file_identity, is_unfinished
    from lsr.core.work import clear_work
    from lsr.vectors.files import check_written, iter_vectors, write_vectors

    check_written(path_of(path, "the path of a file of vectors"))
    check_output(path, force=force)
    if not force and is_unfinished(path, file_identity):
        clear_work(work_folder(path))
        return sum(map(len, iter_vectors(path, vocabulary=encoder.vocabulary)))
    with _shards(path, encoder_record(encoder, top_k), restart) as shards:
        shards.encode(corpus, encoder, top_k=top_k, progress=progress)
        batches = (vectors for vectors, _ in shards.read(encoder.dim))
        return write_vectors(path, batches, vocabulary=encoder.vocabulary, force=force)


def encode_queries(
    queries: Iterable[Query],
    path: str | Path,
    encoder: EncodesQueries,
    *,
    top_k: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> int:
    """Encode queries into a vector file, as `encode_corpus` does for documents; return the number of queries."""
    from lsr.vectors.files import check_written, write_vectors

    check_written(path_of(path, "the path of a file of vectors"))
    check_output(path, force=force)
    stream = iter(queries)

    def batches() -> Iterator[SparseVectors]:
        while batch := list(islice(stream, _QUERY_BATCH)):
            yield encoder.encode_queries([query.text for query in batch], [query.id for query in batch], top_k=top_k)
            if progress:
                progress(len(batch))

    return write_vectors(path, batches(), vocabulary=encoder.vocabulary, force=force)


def check_work(
    path: str | Path,
    encoder: SparseEncoder | WordsAlone,
    *,
    top_k: int | None = None,
    title_weight: float = 0.0,
    windows: WindowSettings | None = None,
    restart: bool = False,
) -> None:
    """OutputExistsError if interrupted work for `path` cannot go on with these settings; nothing is written."""
    record = encoder_record(encoder, top_k, title_weight)
    if windows is not None:
        record["windows"] = windows.to_record()
    _shards(path, record, restart).check()


def _shards(path: str | Path, record: dict[str, Any], restart: bool) -> EncodedShards:
    return EncodedShards(work_folder(path), record, restart=restart)


def work_folder(path: str | Path) -> Path:
    """Where the encoding for an index at `path` is kept until it is published."""
    return beside(path, "encoding")


def encoder_record(encoder: SparseEncoder | WordsAlone, top_k: int | None, title_weight: float = 0.0) -> dict[str, Any]:
    """What an index says of the encoder of its documents."""
    return {**encoder.settings(), "top_k": top_k, **recorded(title_weight)}


def _build(
    builder: IndexBuilder,
    batches: Iterable[tuple[SparseVectors, list[Document] | None]],
    encoder: SparseEncoder | None,
    total: int | None,
    threads: int | None,
    stages: Stages,
    words: CollectionWords | None = None,
) -> Index:
    with stages("reading", total, "vectors") as progress:
        for vectors, documents in batches:
            builder.add(vectors if words is None else words.beside(vectors, len(builder)), documents)
            if documents is not None and encoder is not None and encoder.inference_free:
                count_tokens(builder, encoder, documents)
            progress(len(vectors))
    with stages("building", len(builder), "documents") as progress:
        return builder.finish(progress=progress, threads=threads)


def count_tokens(builder: IndexBuilder, encoder: SparseEncoder, documents: Sequence[Document]) -> None:
    """Count the tokens of texts, the basis of the collection's IDF: see `SparseEncoder.with_query_idf`."""
    frequencies = encoder.token_frequencies([document.contents for document in documents])
    builder.count_tokens(np.pad(frequencies, (0, builder.dim - len(frequencies))))


def with_documents(
    batches: Iterable[SparseVectors], documents: Iterable[Document] | None
) -> Iterator[tuple[SparseVectors, list[Document] | None]]:
    """Pair each batch with the documents of its vectors."""
    if documents is None:
        yield from ((vectors, None) for vectors in batches)
        return
    stream = iter(documents)
    for vectors in batches:
        first = 0
        for part in _matching(vectors, stream):
            yield vectors[first : first + len(part)], part
            first += len(part)
    if (extra := next(stream, None)) is not None:
        raise InputError(f"the corpus has more documents than there are vectors, from id {extra.id!r} on")


def _matching(vectors: SparseVectors, stream: Iterator[Document]) -> Iterator[list[Document]]:
    """The documents of the vectors, row by row, as many at a time as memory should hold."""

    def matched() -> Iterator[Document]:
        for row, id in enumerate(vectors.ids):
            document = next(stream, None)
            if document is None or document.id != id:
                found = "the corpus has ended" if document is None else f"the corpus has {document.id!r}"
                raise InputError(
                    f"vectors and corpus disagree: vector {row} of this batch is for {id!r}, where {found}"
                )
            yield document

    return chunks(matched(), len(vectors), SHARD_CHARACTERS, attrgetter("size"))
