"""A teacher's scores from a separate file, looked up by query and text."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from lsr.core.errors import InputError
from lsr.training.data.fields import passage_id
from lsr.training.data.records import Located
from lsr.training.data.writer import TrainingSetWriter


class ScoreTable:
    """Scores of the texts that a writer has: 8 bytes a score, 160 a query."""

    def __init__(self, records: Iterable[Located], writer: TrainingSetWriter) -> None:
        """Read records that list texts with scores, by id; ids without a text in the writer are dropped."""
        self._rows = array("I")
        self._scores = array("f")
        self._places: dict[str, tuple[int, int]] = {}
        for source, line, listed in records:
            if listed.scores is None or listed.query_id is None:
                raise InputError("the candidates have no scores", source=source, line=line, field="scores")
            start = len(self._rows)
            for item, score in zip([*(listed.positives or []), *listed.negatives], listed.scores, strict=True):
                row = writer.row(passage_id(item, "scores"))
                if row is not None:
                    self._rows.append(row)
                    self._scores.append(score)
            self._places[listed.query_id] = start, len(self._rows)

    def of(self, query_id: str) -> dict[int, float]:
        """The scores of one query, by row."""
        start, stop = self._places.get(query_id, (0, 0))
        return dict(zip(self._rows[start:stop], self._scores[start:stop], strict=True))
