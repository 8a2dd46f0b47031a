"""Converting any source to a training set. Texts are read once and never held; candidates by id are read twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.remedies import CANDIDATES_BY_ID
from lsr.text import irds
from lsr.text.qrels import Qrels
from lsr.training.data.assembly import Assembler
from lsr.training.data.fields import Listed, RecordParser, passage_id, passage_text, text_id
from lsr.training.data.id_rows import IdRows
from lsr.training.data.pseudo_queries import Kind, crop, title_query
from lsr.training.data.records import Located, read_listed
from lsr.training.data.score_table import ScoreTable
from lsr.training.data.source import Source
from lsr.training.data.writer import TrainingSetWriter

T = TypeVar("T")
Progress = Callable[[int], None]

EMPTY = "empty candidates"
NOT_IN_CORPUS = "candidates without a text in the corpus"
NOT_IN_QUERIES = "records whose query is not in the collection"
NO_SCORE = "candidates without a score"
NO_QUERY = "documents that make no query"

# As ids are written; of texts, only those of languages without spaces are one word, and not in ASCII.
_WORD = re.compile(r"[!-~]+")
_DIGIT = re.compile(r"\d", re.ASCII)
_AS_OBJECTS = 'if they are texts, give the candidates as objects, {"text": …}, in JSON lines'
_PEEK = 20
_PROGRESS_EVERY = 256


def convert_records(
    writer: TrainingSetWriter, folder: Path, files: list[Path], parser: RecordParser, progress: Progress | None
) -> None:
    """Convert records that hold their texts, each read once; progress counts records."""

    def row(item: Any, field: str) -> int | None:
        id, text = passage_text(item, field)
        if text.strip():
            return writer.add_text(id, text)
        assembler.left_out[EMPTY] += 1
        return None

    with closing(Assembler(writer, row, folder)) as assembler:
        for located in _counted(with_texts(read_listed(files, parser, by_id=False)), progress):
            query = located.listed.query or ""
            assembler.add(located, located.listed.query_id or text_id(query), query)
        parser.check_systems()
        assembler.finish()


def with_texts(records: Iterator[Located]) -> Iterator[Located]:
    """The records; InputError if those at the beginning hold ids in place of texts, as MS MARCO's triples do.

    Where every query and every candidate is one word, they are ids, or so it must be assumed: nobody could tell, and a
    model would learn nothing of them. Texts of one word can be given as objects.
    """
    first = list(islice(records, _PEEK))
    words = [_words(located.listed) for located in first]
    if not first or not all(words):
        return chain(first, records)
    with_digits = all(_DIGIT.search(word) for each in words for word in each)
    shown = ", ".join(map(repr, words[0][:3]))
    raise InputError(
        f"these records hold ids ({shown}) and no texts"
        if with_digits
        else f"these records hold one word each for query and candidates ({shown}), which look like ids, not texts",
        source=first[0].source,
        line=first[0].line,
        remedies=[CANDIDATES_BY_ID, *([] if with_digits else [_AS_OBJECTS])],
    )


def _words(listed: Listed) -> list[str]:
    """Query and candidates, positive first, if each is a word that may be an id; else none."""
    found = [listed.query or "", *(listed.positives or ()), *listed.negatives]
    return found if all(isinstance(each, str) and _WORD.fullmatch(each) for each in found) else []


def convert_source(
    writer: TrainingSetWriter,
    folder: Path,
    source: Source,
    candidates: Callable[[], Iterator[Located]] | None,
    scores: Callable[[], Iterator[Located]] | None,
    all_texts: bool,
    progress: Progress | None,
) -> None:
    """Convert candidates by id, with the texts of a source; progress counts documents, and records on each reading.

    Without candidates, the source's own are used: its pairs, or else its judgements. If records don't say what is
    positive, the judgements do.
    """
    if candidates is None and source.pairs:
        candidates = _pairs(source)
    candidates = _with_judged(source, candidates)
    _add_texts(writer, source, None if all_texts else candidates, progress)
    table = None if scores is None else ScoreTable(_counted(scores(), progress), writer)
    queries = {query.id: query.text for query in source.queries()}

    def row(item: Any, field: str) -> int | None:
        id = passage_id(item, field)
        found = writer.row(id)
        if found is None:
            assembler.leave_out(NOT_IN_CORPUS, id)
        return found

    with closing(Assembler(writer, row, folder)) as assembler:
        for located in _counted(candidates(), progress):
            query_id = located.listed.query_id or ""
            query = queries.get(query_id, located.listed.query)
            if query is None:
                assembler.leave_out(NOT_IN_QUERIES, query_id)
                continue
            if table is not None:
                scored = _scored(located.listed, table.of(query_id), row)
                assembler.left_out[NO_SCORE] += _count(located.listed) - _count(scored)
                located = located._replace(listed=scored)
            assembler.add(located, query_id, query)
        assembler.finish()


def convert_corpus(
    writer: TrainingSetWriter,
    folder: Path,
    documents: Iterable[Document],
    kind: Kind,
    seed: int,
    all_texts: bool,
    progress: Progress | None,
) -> None:
    """Make queries from the documents themselves; documents with the same title answer one query."""
    with closing(Assembler(writer, lambda row, _: row, folder)) as assembler:
        for document in _counted(documents, progress):
            made = title_query(document) if kind == "titles" else crop(document, seed)
            if made is None:
                assembler.left_out[NO_QUERY] += 1
                if all_texts and document.contents.strip():
                    writer.add_text(document.id, document.contents)
                continue
            query, text = made
            listed = Listed(None, None, [writer.add_text(document.id, text)], [], single=kind == "titles")
            query_id = text_id(query) if kind == "titles" else document.id
            assembler.add(Located(document.id, None, listed), query_id, query)
        assembler.finish()


def _pairs(source: Source) -> Callable[[], Iterator[Located]]:
    def pairs() -> Iterator[Located]:
        docpairs = irds.load(source.name).docpairs_iter
        for number, pair in enumerate(irds.iterate(docpairs, source.name), start=1):
            listed = Listed(pair.query_id, None, [pair.doc_id_a], [pair.doc_id_b], single=True)
            yield Located(source.name, number, listed)

    return pairs


def _with_judged(source: Source, candidates: Callable[[], Iterator[Located]] | None) -> Callable[[], Iterator[Located]]:
    """Add the judged documents as candidates, or as positives of candidates that come without."""
    qrels: Qrels | None = None

    def with_judged() -> Iterator[Located]:
        nonlocal qrels
        if candidates is None:
            qrels = qrels or source.qrels()
            for query_id, judged in qrels.items():
                negatives = [id for id, grade in judged.items() if grade <= 0]
                yield Located(source.name, None, Listed(query_id, None, _relevant(judged), negatives))
            return
        for located in candidates():
            if located.listed.positives is None:
                qrels = qrels or source.qrels()
                located = located._replace(listed=_judge(located.listed, qrels.get(located.listed.query_id or "", {})))
            yield located

    return with_judged


def _judge(listed: Listed, judged: dict[str, int]) -> Listed:
    """Put judged positives first; if candidates have scores, those without are left out."""
    ids = [passage_id(item, "candidates") for item in listed.negatives]
    positives = _relevant(judged)
    if listed.scores is None:
        return listed._replace(positives=positives, negatives=ids)
    scores = dict(zip(ids, listed.scores, strict=True))
    positives = [id for id in positives if id in scores]
    negatives = [id for id in scores if judged.get(id, 0) <= 0]
    return listed._replace(
        positives=positives, negatives=negatives, scores=[scores[id] for id in (*positives, *negatives)]
    )


def _relevant(judged: dict[str, int]) -> list[str]:
    """The relevant documents, best grade first."""
    return sorted((id for id, grade in judged.items() if grade > 0), key=lambda id: -judged[id])


def _add_texts(
    writer: TrainingSetWriter,
    source: Source,
    candidates: Callable[[], Iterator[Located]] | None,
    progress: Progress | None,
) -> None:
    """Add the texts of documents that are candidates, or of all."""
    needed: IdRows | None = None
    if candidates is not None:
        needed = IdRows()
        for _, _, listed in _counted(candidates(), progress):
            for item in (*(listed.positives or []), *listed.negatives):
                needed.add(passage_id(item, "candidates"))
    for document in _counted(source.documents(), progress):
        if (needed is None or document.id in needed) and document.contents.strip():
            writer.add_text(document.id, document.contents)


def _scored(listed: Listed, scores: dict[int, float], row: Callable[[Any, str], int | None]) -> Listed:
    """The candidates with a score in the table, with their scores."""

    def of(items: list[Any], field: str) -> list[tuple[Any, float]]:
        return [(item, scores[found]) for item in items if (found := row(item, field)) in scores]

    positives, negatives = of(listed.positives or [], "positives"), of(listed.negatives, "negatives")
    return listed._replace(
        positives=[item for item, _ in positives],
        negatives=[item for item, _ in negatives],
        scores=[score for _, score in (*positives, *negatives)],
        margins=False,
    )


def _count(listed: Listed) -> int:
    return len(listed.positives or []) + len(listed.negatives)


def _counted(items: Iterable[T], progress: Progress | None) -> Iterator[T]:
    count = 0
    for count, item in enumerate(items, start=1):
        yield item
        if progress and count % _PROGRESS_EVERY == 0:
            progress(_PROGRESS_EVERY)
    if progress and count % _PROGRESS_EVERY:
        progress(count % _PROGRESS_EVERY)
