"""Gathering the scattered pairs and triples of each query into one example."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from lsr.training.data.id_rows import IdRows
from lsr.training.data.layout import RowReader, RowWriter
from lsr.training.data.training_set import Example

# Queries whose candidates are held as lists at one time.
_BLOCK = 4096
_SCHEMA = pa.schema([("query_id", pa.large_string()), ("query", pa.large_string())])


class QueryGroups:
    """Collects candidates of queries in any order, and returns one example for each query.

    Memory: 9 bytes per added candidate (13 with scores) and 19 per query; 12 more per candidate while examples are
    returned. The queries' texts are kept in a file in `folder`, which must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "queries.arrow"
        self._texts = RowWriter(self._path, _SCHEMA)
        self._numbers = IdRows()
        self._queries = array("I")
        self._rows = array("I")
        self._positive = array("B")
        self._scores = array("f")

    def add(self, key: str, query_id: str, query: str, candidates: list[tuple[int, bool, float | None]]) -> None:
        """Add candidates: rows, whether positive, and scores. Equal keys mean the same query."""
        number = self._numbers.add(key)
        if number == self._texts.rows:
            self._texts.append((query_id, query))
        for row, positive, score in candidates:
            self._queries.append(number)
            self._rows.append(row)
            self._positive.append(positive)
            if score is not None or self._scores:
                # The first scores: earlier candidates have none.
                self._scores.extend([math.nan] * (len(self._rows) - 1 - len(self._scores)))
                self._scores.append(math.nan if score is None else score)

    def close(self) -> None:
        """Close the file of texts."""
        self._texts.close()

    def examples(self) -> Iterator[Example]:
        """Yield one example per query, in the order in which queries first came; positives may be empty.

        A candidate that came several times is kept once: as a positive if it ever was one, with its first score. The
        example has scores if all its candidates have one.
        """
        self._texts.finish()
        texts = RowReader(self._path, _SCHEMA, self._texts.rows)
        queries = np.asarray(self._queries)
        rows, positive, scores = np.asarray(self._rows), np.asarray(self._positive), np.asarray(self._scores)
        order = np.argsort(queries, kind="stable")
        starts = np.searchsorted(queries[order], np.arange(len(texts) + 1, dtype=np.uint32)).tolist()
        for block in range(0, len(texts), _BLOCK):
            stop = min(block + _BLOCK, len(texts))
            places = order[starts[block] : starts[stop]]
            block_rows, block_positive = rows[places].tolist(), positive[places].tolist()
            block_scores = scores[places].tolist() if len(scores) else [math.nan] * len(places)
            for number in range(block, stop):
                part = slice(starts[number] - starts[block], starts[number + 1] - starts[block])
                query_id, query = texts.values(number, (0, 1))
                yield _example(query_id, query, block_rows[part], block_positive[part], block_scores[part])


def _example(query_id: str, query: str, rows: list[int], positive: list[int], scores: list[float]) -> Example:
    positives = dict.fromkeys(row for row, is_positive in zip(rows, positive, strict=True) if is_positive)
    negatives = [row for row in dict.fromkeys(rows) if row not in positives]
    first_scores = dict(zip(reversed(rows), reversed(scores), strict=True))
    found = [first_scores[row] for row in (*positives, *negatives)]
    return Example(query_id, query, list(positives), negatives, None if any(map(math.isnan, found)) else found)
