"""Text in: corpora and queries of every format, streamed as documents and queries."""

from __future__ import annotations

from lsr.text.corpus import FORMATS, count_documents, open_corpus, open_queries
from lsr.text.records import FieldNames, SkipReport

__all__ = ["FORMATS", "FieldNames", "SkipReport", "count_documents", "open_corpus", "open_queries"]
