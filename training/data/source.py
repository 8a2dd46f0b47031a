"""What ids refer to: the documents, queries and judgements of a BEIR folder, an MS MARCO folder or ir_datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.text import irds, open_corpus, open_queries
from lsr.text.compression import COMPRESSIONS
from lsr.text.qrels import Qrels, qrels_file, read_irds_qrels, read_qrels

_ENDINGS = ("", *COMPRESSIONS)


@dataclass(frozen=True)
class Source:
    """Documents and queries by id.

    Attributes:
        name: its name in messages.
        files: what it is read from; none for ir_datasets.
        documents, queries, qrels: read them from the beginning; `qrels` raises InputError if there are none.
        pairs: whether it comes with pairs of a better and a worse document (docpairs of ir_datasets).
    """

    name: str
    files: list[Path]
    documents: Callable[[], Iterator[Document]]
    queries: Callable[[], Iterator[Query]]
    qrels: Callable[[], Qrels]
    pairs: bool = False


def open_source(source: str, split: str) -> Source:
    """Open "irds:NAME", whose name includes the split, or a folder.

    A BEIR folder has corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv; an MS MARCO folder has collection.tsv,
    queries.SPLIT.tsv and qrels.SPLIT.tsv. Any may be compressed. InputError if it is neither.
    """
    if source.startswith(irds.PREFIX):
        documents, queries = partial(open_corpus, source), partial(open_queries, source)
        pairs = irds.load(source).has_docpairs()
        return Source(source, [], documents, queries, partial(read_irds_qrels, source), pairs)
    folder = Path(source)
    if not folder.is_dir():
        raise InputError("no such folder; candidates by id need the collection that they belong to", source=source)
    corpus = _find(folder, "collection.tsv")
    if corpus is None:
        if _find(folder, "corpus.jsonl") is None:
            raise InputError(
                "neither a BEIR folder (with corpus.jsonl) nor an MS MARCO folder (with collection.tsv); files of "
                "records are given by a pattern such as FOLDER/*.parquet",
                source=source,
            )
        files = [*sorted(folder.glob("*.jsonl*")), *sorted(folder.glob("qrels/*"))]

        def judged() -> Qrels:
            if not (folder / "qrels").is_dir():
                raise InputError(
                    "no judgements in qrels/: give candidates, or make queries from the texts with titles:FOLDER or "
                    "crops:FOLDER",
                    source=source,
                )
            return read_qrels(qrels_file(folder, split))

        return Source(source, files, partial(open_corpus, folder), partial(open_queries, folder), judged)

    queries_file = _find(folder, f"queries.{split}.tsv") or _find(folder, "queries.tsv")
    if queries_file is None:
        raise InputError(f"an MS MARCO folder needs queries.{split}.tsv", source=source)
    judgements = _find(folder, f"qrels.{split}.tsv")

    def judged_in_folder() -> Qrels:
        if judgements is None:
            raise InputError(f"no judgements: an MS MARCO folder has them in qrels.{split}.tsv", source=source)
        return read_qrels(judgements)

    files = [file for file in (corpus, queries_file, judgements) if file is not None]
    return Source(source, files, partial(open_corpus, corpus), partial(open_queries, queries_file), judged_in_folder)


def _find(folder: Path, name: str) -> Path | None:
    return next((path for ending in _ENDINGS if (path := folder / f"{name}{ending}").is_file()), None)
