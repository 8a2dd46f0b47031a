"""The formats of corpora and queries, by the names that `format=` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lsr.text import beir, irds
from lsr.text.csv_table import read_csv
from lsr.text.files.registry import FILE_FORMATS
from lsr.text.folder import RecordFormat, count_files, read_folder, read_single_file
from lsr.text.json_file import read_json
from lsr.text.lines import OnBad, content_suffix
from lsr.text.parquet import count_rows, read_parquet
from lsr.text.readers import count_lines, is_collection, read_jsonl, read_plain_lines, read_tsv
from lsr.text.records import FieldNames, Record

Reader = Callable[[str | Path, FieldNames, OnBad], Iterator[Record]]
"""Streams the records of a source. A bad one goes to `on_bad`, which raises or returns for the next; InputError for a
source that cannot be read on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFormat:
    """One form in which a corpus or queries come.

    Attributes:
        title: what it is, in a line.
        read: its reader; of the documents, where `read_queries` has another for the queries.
        read_queries: None where queries are read as documents are.
        suffixes: how the names of its files end, before that of a compression: what a source's format is found by.
        query_suffixes: the same for files of queries, where it is not the same; None where it is.
        is_folder: whether it is a folder, not a file.
        records: whether it is a file of many documents, as a folder may hold several of.
        is_corpus: of such a file in a folder, by its beginning, whether its records are documents; one document of text
            if not. None where the first record tells, by its names.
        stdin: whether it can be read from stdin.
        locate: the file that is read of a folder which has one for documents and one for queries.
        count: how many documents a source has, or None if that cannot be told without reading their texts.
    """

    title: str
    read: Reader
    read_queries: Reader | None = None
    suffixes: tuple[str, ...] = ()
    query_suffixes: tuple[str, ...] | None = None
    is_folder: bool = False
    records: bool = False
    is_corpus: Callable[[str | Path, FieldNames], bool] | None = None
    stdin: bool = False
    locate: Callable[[Path, beir.Part], Path] | None = None
    count: Callable[[str | Path], int | None] = lambda source: None

    def ends(self, *, for_queries: bool) -> tuple[str, ...]:
        """How the names of its corpora end, or of its files of queries."""
        return self.suffixes if self.query_suffixes is None or not for_queries else self.query_suffixes


def record_formats() -> dict[str, RecordFormat]:
    """How files of records are read, by ending: what a folder may hold beside documents that are a file each."""
    return {
        suffix: RecordFormat(each.read, each.is_corpus)
        for each in CORPUS_FORMATS.values()
        if each.records
        for suffix in each.suffixes
    }


def _read_folder(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    return read_folder(source, names, on_bad, record_formats())


def _count_folder(source: str | Path) -> int | None:
    counts = {suffix: each.count for each in CORPUS_FORMATS.values() if each.records for suffix in each.suffixes}
    return count_files(source, record_formats(), lambda path: counts[content_suffix(path)](path))


CORPUS_FORMATS: dict[str, CorpusFormat] = {
    "beir": CorpusFormat(
        title="a folder with corpus.jsonl and queries.jsonl, as in BEIR",
        read=beir.read_part,
        is_folder=True,
        locate=beir.part_file,
        count=beir.count_part,
    ),
    "jsonl": CorpusFormat(
        title="one JSON object per line: .jsonl, .ndjson; stdin unless another format is given",
        read=read_jsonl,
        suffixes=(".jsonl", ".ndjson"),
        records=True,
        stdin=True,
        count=count_lines,
    ),
    "json": CorpusFormat(
        title="an array of JSON objects, one object, or one a line: .json",
        read=read_json,
        suffixes=(".json",),
        records=True,
    ),
    "tsv": CorpusFormat(
        title="tab-separated id, text; id, title, text; or with a header: .tsv",
        read=read_tsv,
        suffixes=(".tsv",),
        records=True,
        is_corpus=is_collection,
        stdin=True,
        count=count_lines,
    ),
    "csv": CorpusFormat(
        title="comma-separated values with a header: .csv",
        read=read_csv,
        suffixes=(".csv",),
        records=True,
        stdin=True,
    ),
    "parquet": CorpusFormat(
        title="a Parquet file with the fields as columns: .parquet",
        read=read_parquet,
        suffixes=(".parquet",),
        records=True,
        count=count_rows,
    ),
    "irds": CorpusFormat(
        title="irds:NAME, a dataset from ir_datasets",
        read=irds.read_documents,
        read_queries=irds.read_queries,
        count=irds.count,
    ),
    "folder": CorpusFormat(
        title=f"a folder of documents ({', '.join(FILE_FORMATS)}), or of shards in the formats above",
        read=_read_folder,
        is_folder=True,
        count=_count_folder,
    ),
    "file": CorpusFormat(
        title="one file as one document",
        read=read_single_file,
        suffixes=tuple(FILE_FORMATS),
        query_suffixes=(),
        count=lambda source: 1,
    ),
    "lines": CorpusFormat(
        title="each line is a text, its line number the id; .txt files of queries",
        read=read_plain_lines,
        query_suffixes=(".txt", ".md", ".markdown", ".rst"),
        stdin=True,
        count=count_lines,
    ),
}
"""Messages and help list them in this order."""
