"""ir_datasets: folders as BEIR has them, registered there, so that PyTerrier and others see them by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.text import count_documents, open_corpus, open_queries
from lsr.text.beir import has_part, is_beir_folder, part_file
from lsr.text.lines import data_lines
from lsr.text.qrels import qrels_files, read_qrels

with needed("ir_datasets", "ir_datasets", "eval"):
    import ir_datasets
    from ir_datasets.formats import (
        BaseDocPairs,
        BaseDocs,
        BaseQrels,
        BaseQueries,
        BaseScoredDocs,
        GenericDocPair,
        GenericQuery,
        GenericScoredDoc,
        TrecQrel,
    )
    from ir_datasets.indices import DEFAULT_DOCSTORE_OPTIONS, PickleLz4FullStore


class FolderDoc(NamedTuple):
    """A document: its title, its text, and in `metadata` whatever else stands on its line."""

    doc_id: str
    title: str
    text: str
    metadata: dict[str, Any]

    def default_text(self) -> str:
        """Title and text, as they are searched."""
        return f"{self.title} {self.text}" if self.title else self.text


def register(
    name: str, folder: str | Path, *, docpairs: str | Path | None = None, scoreddocs: str | Path | None = None
) -> list[str]:
    """Register a folder with `ir_datasets`, for as long as this process runs; the names that there are now.

    Its documents and queries are NAME; with the judgements of `qrels/SPLIT.tsv`, they are NAME/SPLIT. `irds:NAME/SPLIT`
    is that in lsr. Files are read when they are asked for.

    Args:
        name: what it is called.
        folder: a BEIR folder, as `lsr.text` reads it: corpus.jsonl, queries.jsonl and qrels, or some of them.
        docpairs: a file of training pairs, of lines of a query's id, a better and a worse document's.
        scoreddocs: a TREC run file, for re-ranking.

    Raises InputError for a folder that is none of BEIR's, a file that is not there, and a name that is taken;
    MissingDependencyError without ir_datasets.
    """
    path = Path(folder)
    if not is_beir_folder(path):
        raise InputError("is no folder with corpus.jsonl or queries.jsonl", source=str(folder))
    for file in (docpairs, scoreddocs):
        if file is not None and not Path(file).is_file():
            raise InputError("no such file", source=str(file))
    parts: list[Any] = []
    if has_part(path, "corpus"):
        parts.append(_Docs(name, path))
    if has_part(path, "queries"):
        parts.append(_Queries(name, path))
    more: list[Any] = [] if docpairs is None else [_DocPairs(Path(docpairs))]
    more += [] if scoreddocs is None else [_ScoredDocs(Path(scoreddocs))]
    sets = {name: [*parts, *more]}
    sets |= {f"{name}/{split}": [*parts, _Qrels(file), *more] for split, file in qrels_files(path).items()}
    for each in sets:
        if each in ir_datasets.registry:
            raise InputError(f"ir_datasets has a data set called {each} already", field="name")
    for each, constituents in sets.items():
        ir_datasets.registry.register(each, ir_datasets.Dataset(*constituents))
    return [*sets]


class _Docs(BaseDocs):
    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder

    @ir_datasets.util.use_docstore
    def docs_iter(self) -> Iterator[FolderDoc]:
        return self._read()

    def _read(self) -> Iterator[FolderDoc]:
        for document in open_corpus(self._folder):
            yield FolderDoc(document.id, document.title, document.text, document.fields)

    def docs_store(self, field: str = "doc_id", options: Any = DEFAULT_DOCSTORE_OPTIONS) -> PickleLz4FullStore:
        """Documents by id, in ir_datasets' own folder; of a changed file, another."""
        file = part_file(self._folder, "corpus").resolve()
        stat = file.stat()
        stamp = hashlib.sha256(json.dumps([str(file), stat.st_size, stat.st_mtime_ns]).encode()).hexdigest()[:16]
        return PickleLz4FullStore(
            path=str(ir_datasets.util.home_path() / "lsr" / stamp / "docs.pklz4"),
            init_iter_fn=self._read,
            data_cls=FolderDoc,
            lookup_field=field,
            index_fields=["doc_id"],
            options=options,
        )

    def docs_cls(self) -> type[FolderDoc]:
        return FolderDoc

    def docs_count(self) -> int | None:
        return count_documents(self._folder)

    def docs_namespace(self) -> str:
        return self._name


class _Queries(BaseQueries):
    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder

    def queries_iter(self) -> Iterator[GenericQuery]:
        return (GenericQuery(query.id, query.text) for query in open_queries(self._folder))

    def queries_cls(self) -> type[GenericQuery]:
        return GenericQuery

    def queries_namespace(self) -> str:
        return self._name


class _Qrels(BaseQrels):
    def __init__(self, path: Path) -> None:
        self._path = path

    def qrels_iter(self) -> Iterator[TrecQrel]:
        for query, judged in read_qrels(self._path).items():
            for document, grade in judged.items():
                yield TrecQrel(query, document, grade, "0")

    def qrels_cls(self) -> type[TrecQrel]:
        return TrecQrel

    def qrels_defs(self) -> dict[int, str]:
        grades = {grade for judged in read_qrels(self._path).values() for grade in judged.values()}
        return {grade: "relevant" if grade > 0 else "not relevant" for grade in sorted(grades)}

    def qrels_path(self) -> str:
        return str(self._path)


class _DocPairs(BaseDocPairs):
    def __init__(self, path: Path) -> None:
        self._path = path

    def docpairs_iter(self) -> Iterator[GenericDocPair]:
        for values in _columns(self._path, 3, "a query's id, a better document's, a worse document's"):
            yield GenericDocPair(*values)

    def docpairs_cls(self) -> type[GenericDocPair]:
        return GenericDocPair

    def docpairs_path(self) -> str:
        return str(self._path)


class _ScoredDocs(BaseScoredDocs):
    def __init__(self, path: Path) -> None:
        self._path = path

    def scoreddocs_iter(self) -> Iterator[GenericScoredDoc]:
        for query, _q0, document, _rank, score, _tag in _columns(self._path, 6, "those of a TREC run"):
            yield GenericScoredDoc(query, document, float(score))

    def scoreddocs_cls(self) -> type[GenericScoredDoc]:
        return GenericScoredDoc

    def scoreddocs_path(self) -> str:
        return str(self._path)


def _columns(path: Path, count: int, what: str) -> Iterator[list[str]]:
    """The columns of each line. InputError names the line that has not so many."""
    for number, line in data_lines(path):
        values = line.split("\t") if "\t" in line else line.split()
        if len(values) != count:
            message = f"{len(values)} columns where {count} are expected: {what}"
            raise InputError(message, source=str(path), line=number)
        yield values
