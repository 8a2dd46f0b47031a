"""The formats of corpora and queries, by the names that `format=` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lsr.text import beir, irds
from lsr.text.folder import TEXT_SUFFIXES, count_text_files, read_folder, read_single_file
from lsr.text.lines import OnBad
from lsr.text.readers import count_lines, count_rows, read_jsonl, read_parquet, read_plain_lines, read_tsv
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
        suffixes: how the names of its files end, before .gz or .zst: what a source's format is found by.
        query_suffixes: the same for files of queries, where it is not the same; None where it is.
        is_folder: whether it is a folder, not a file.
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
    stdin: bool = False
    locate: Callable[[Path, beir.Part], Path] | None = None
    count: Callable[[str | Path], int | None] = lambda source: None

    def ends(self, *, for_queries: bool) -> tuple[str, ...]:
        """How the names of its corpora end, or of its files of queries."""
        return self.suffixes if self.query_suffixes is None or not for_queries else self.query_suffixes


CORPUS_FORMATS: dict[str, CorpusFormat] = {
    "beir": CorpusFormat(
        title="a folder with corpus.jsonl and queries.jsonl, as in BEIR",
        read=read_jsonl,
        is_folder=True,
        locate=beir.part_file,
        count=count_lines,
    ),
    "jsonl": CorpusFormat(
        title="one JSON object per line: .jsonl, also .gz and .zst; stdin unless another format is given",
        read=read_jsonl,
        suffixes=(".jsonl", ".ndjson", ".json"),
        stdin=True,
        count=count_lines,
    ),
    "tsv": CorpusFormat(
        title="tab-separated id, text; id, title, text; or with a header: .tsv, also .gz and .zst",
        read=read_tsv,
        suffixes=(".tsv",),
        stdin=True,
        count=count_lines,
    ),
    "parquet": CorpusFormat(
        title="a Parquet file with the fields as columns: .parquet",
        read=read_parquet,
        suffixes=(".parquet",),
        count=count_rows,
    ),
    "irds": CorpusFormat(
        title="irds:NAME, a dataset from ir_datasets",
        read=irds.read_documents,
        read_queries=irds.read_queries,
        count=irds.count,
    ),
    "folder": CorpusFormat(
        title="a folder of text files: .txt, .md, .markdown, .rst",
        read=read_folder,
        is_folder=True,
        count=count_text_files,
    ),
    "file": CorpusFormat(
        title="one text file as one document",
        read=read_single_file,
        suffixes=TEXT_SUFFIXES,
        query_suffixes=(),
        count=lambda source: 1,
    ),
    "lines": CorpusFormat(
        title="each line is a text, its line number the id; .txt files of queries",
        read=read_plain_lines,
        query_suffixes=TEXT_SUFFIXES,
        stdin=True,
        count=count_lines,
    ),
}
"""Messages and help list them in this order."""
