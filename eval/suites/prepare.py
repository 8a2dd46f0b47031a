"""The index that an evaluation searches: opened if it fits the collection, built if there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.core.counted import counted
from lsr.core.documents import Document
from lsr.core.errors import InputError, ModelError, NotFoundError
from lsr.core.progress import Stages, silent
from lsr.core.remedies import CHOOSE_FOLDER, REPLACE_INDEX
from lsr.encoding.lexical.alone import WordsAlone, lexical_settings
from lsr.encoding.lexical.settings import RECORD, LexicalRecord, LexicalSettings
from lsr.encoding.titles import recorded
from lsr.eval.collections import TestCollection
from lsr.eval.matching import check_relevant
from lsr.search.retriever import Retriever
from lsr.text import count_documents
from lsr.text.windows import WindowSettings, cut_document
from lsr.vectors.pruning import Pruning

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index

_OTHERWISE = (CHOOSE_FOLDER, REPLACE_INDEX)


def open_or_index(
    collection: TestCollection,
    path: str | Path,
    encoder: SparseEncoder | WordsAlone | None = None,
    *,
    lexical: LexicalSettings | None = None,
    top_k: int | None = None,
    title_weight: float = 0.0,
    windows: WindowSettings | None = None,
    only_if_needed: bool = False,
    query_idf: float | None = None,
    dense: DenseEncoder | None = None,
    force: bool = False,
    device: str | None = None,
    stages: Stages = silent,
) -> Retriever:
    """Open the index of the collection's documents at `path`, or build it.

    An existing index is reused if it was made with `encoder`, `lexical`, `top_k`, `title_weight` and `windows` (without
    encoder: with any; without windows: with any windows), and holds exactly the documents of the collection; every text
    is compared.
    `force` builds it again. An interrupted build continues where it stopped. `encoder` defaults to the default model if
    there is no index yet; `only_if_needed` is that of `index_corpus`, and `query_idf` that of `Retriever`. With
    `dense`, dense vectors of that encoder are added to the index, unless it already has them. `device` is where a model
    runs that is loaded here.

    Raises ModelError or InputError if an existing index does not fit, and InputError, before anything is encoded, for a
    corpus that has none of the documents judged relevant.
    """
    from lsr.build.corpus import finished_index, index_corpus
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index.format.output import is_vacant

    if not force:
        finished_index(path)
    if not is_vacant(Path(path)) and not force:
        retriever = Retriever.open(path, query_idf=query_idf, device=device)
        if encoder is not None:
            _check_encoder(retriever.index, encoder, lexical, {"top_k": top_k, **recorded(title_weight)}, path)
            _use(retriever, encoder)
        if (encoder is not None or windows is not None) and not (
            only_if_needed and retriever.index.documents.windows is None
        ):
            _check_windows(retriever.index, windows, path)
        with stages("comparing corpus and index", len(retriever.index.documents), "documents") as progress:
            check_corpus(retriever.index, collection.documents(), path, progress)
        return _with_dense(retriever, encoder, dense, query_idf, stages)
    check_relevant(collection)
    encoder = encoder or SparseEncoder.load(device=device)
    total = count_documents(collection.source)
    index = index_corpus(
        collection.documents(),
        path,
        encoder,
        lexical=lexical,
        total=total,
        top_k=top_k,
        title_weight=title_weight,
        windows=windows,
        only_if_needed=only_if_needed,
        force=force,
        stages=stages,
    )
    retriever = Retriever(index, query_idf=query_idf)
    _use(retriever, encoder)
    return _with_dense(retriever, encoder, dense, query_idf, stages)


def _with_dense(
    retriever: Retriever,
    encoder: SparseEncoder | WordsAlone | None,
    dense: DenseEncoder | None,
    query_idf: float | None,
    stages: Stages,
) -> Retriever:
    """A retriever of the index with dense vectors of this encoder, added if missing."""
    if dense is None:
        return retriever
    index = retriever.index
    if "dense" not in index.parts or index.parts["dense"].record.encoder != json.loads(json.dumps(dense.settings())):
        from lsr.build.dense import add_dense_vectors

        index = add_dense_vectors(index, dense, force=True, stages=stages)
        retriever = Retriever(index, query_idf=query_idf)
        if encoder is not None:
            _use(retriever, encoder)
    retriever.dense_encoder = dense
    return retriever


def _use(retriever: Retriever, encoder: SparseEncoder | WordsAlone) -> None:
    """Encode queries with what encoded the documents, which is loaded already."""
    if not isinstance(encoder, WordsAlone):
        retriever.encoder = encoder


def check_corpus(
    index: Index, documents: Iterable[Document], path: str | Path, progress: Callable[[int], None]
) -> None:
    """Raise InputError unless the index holds exactly these documents, with these titles and texts.

    An index of windows holds a document if its windows are the pieces of the text, of which it may keep only the first.
    `path` is named in the message.
    """
    other = f"the index at {path} was made from another corpus"
    count = 0
    for document in documents:
        try:
            stored = index.documents.get(document.id)
        except NotFoundError:
            raise InputError(f"document {document.id!r} is not in the index; {other}", remedies=_OTHERWISE) from None
        # An index made of vectors alone has no texts to compare.
        if (stored.title or stored.text) and (stored.title, stored.text) != (document.title, _kept(document, index)):
            raise InputError(f"document {document.id!r} has another text in the index; {other}", remedies=_OTHERWISE)
        count += 1
        progress(1)
    if count != len(index.documents):
        counts = f"the corpus has {counted(count, 'documents')}, the index {len(index.documents):,}"
        raise InputError(f"{counts}; {other}", remedies=_OTHERWISE)


def _kept(document: Document, index: Index) -> str:
    """The document's text, or the part of it that an index of first windows keeps."""
    if index.documents.windows is None or index.documents.windows.settings.score != "first":
        return document.text
    return cut_document(document, index.documents.windows.settings)[0].text


def _check_windows(index: Index, windows: WindowSettings | None, path: str | Path) -> None:
    made = None if index.documents.windows is None else index.documents.windows.settings
    if made != windows:
        raise InputError(
            f"the index at {path} was made with {_in_words(made)}, not {_in_words(windows)}",
            remedies=_OTHERWISE,
        )


def _in_words(windows: WindowSettings | None) -> str:
    if windows is None:
        return "no windows"
    return "windows of " + ", ".join(f"{name} {value}" for name, value in windows.to_record().items())


def _check_encoder(
    index: Index,
    encoder: SparseEncoder | WordsAlone,
    lexical: LexicalSettings | None,
    chosen: dict[str, Any],
    path: str | Path,
) -> None:
    if index.manifest.prunings:
        raise ModelError(
            f"the index at {path} was pruned ({Pruning.from_record(index.manifest.prunings[-1])})",
            remedies=["evaluate it as it is, without naming a model", *_OTHERWISE],
        )
    # Through JSON, like the record in the index.
    recorded, wanted = index.encoder or {}, json.loads(json.dumps({**encoder.settings(), **chosen}))
    # Of what is recorded of words, the settings were chosen, and the rest was counted.
    words = LexicalRecord.of_encoder(index.encoder)
    recorded = {name: value for name, value in recorded.items() if name != RECORD}
    made, asked = None if words is None else words.settings, lexical_settings(encoder, lexical)
    if _counting(made) != _counting(asked):
        raise ModelError(
            f"the index at {path} was made {_words_in_words(made)}, not {_words_in_words(asked)}",
            remedies=_OTHERWISE,
        )
    differing = sorted(key for key in recorded.keys() | wanted.keys() if recorded.get(key) != wanted.get(key))
    if not differing:
        return
    if not recorded:
        problem = f"the index at {path} does not say which model made it"
    elif "model" in differing and recorded.get("model") is not None:
        problem = f"the index at {path} was made by {recorded['model']}, not {wanted['model']}"
    else:
        details = _in_few_words(recorded, wanted, differing)
        problem = f"the index at {path} was made with other encoder settings ({details})"
    raise ModelError(problem, remedies=_OTHERWISE)


def _counting(lexical: LexicalSettings | None) -> LexicalSettings | None:
    """What decides the words of documents: all but their weight in queries."""
    return None if lexical is None else replace(lexical, weight=0.0)


def _words_in_words(lexical: LexicalSettings | None) -> str:
    if lexical is None:
        return "without words beside the model's terms"
    said = {**asdict(lexical), "never_split": counted(len(lexical.never_split), "terms")}  # there may be thousands
    return f"with words ({', '.join(f'{name} {value}' for name, value in said.items())})"


def _in_few_words(recorded: Mapping[str, Any], wanted: Mapping[str, Any], differing: Sequence[str]) -> str:
    """The settings that differ; of what describes a side of the model, that it does."""
    parts = []
    for key in differing:
        before, now = recorded.get(key), wanted.get(key)
        if isinstance(before, Mapping) or isinstance(now, Mapping):
            parts.append(f"other weights or configuration of its {key} side")
        else:
            parts.append(f"{key} {before!r}, not {now!r}")
    return ", ".join(parts)
