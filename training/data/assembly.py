"""Turning records into examples: candidates become rows of texts, duplicates and gaps are removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError
from lsr.training.data.fields import FieldError
from lsr.training.data.grouping import QueryGroups
from lsr.training.data.records import Located
from lsr.training.data.writer import TrainingSetWriter

WITHOUT_POSITIVE = "queries without a positive"
WITHOUT_TEXT = "queries without text"
_SHOWN = 60


class Assembler:
    """Writes examples.

    Args:
        writer: receives the examples and, in its `about`, how much was left out, by reason.
        row: returns the row of a candidate's text, given the candidate and the name of its field, or None if there is
            none, which it counts in `left_out` itself.
        folder: an existing folder for temporary files.
    """

    def __init__(self, writer: TrainingSetWriter, row: Callable[[Any, str], int | None], folder: Path) -> None:
        self.left_out: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._writer = writer
        self._row = row
        self._groups = QueryGroups(folder)

    def add(self, located: Located, query_id: str, query: str) -> None:
        """Add the candidates of a record to a query. InputError names the record's file and line."""
        listed = located.listed
        if not query.strip():
            self.left_out[WITHOUT_TEXT] += 1
            return
        items = [*(listed.positives or []), *listed.negatives]
        positives = len(items) - len(listed.negatives)
        rows: dict[int, tuple[int, bool, float | None]] = {}
        try:
            for place, item in enumerate(items):
                row = self._row(item, "positives" if place < positives else "negatives")
                if row is not None:
                    score = None if listed.scores is None else listed.scores[place]
                    rows.setdefault(row, (row, place < positives, score))  # positives come first
            candidates = list(rows.values())
            if listed.single:
                # Margins can only be compared under the same positive.
                key = f"{query_id}\0{candidates[0][0] if candidates else ''}" if listed.margins else query_id
                self._groups.add(key, query_id, query, candidates)
            else:
                self._write(query_id, query, candidates)
        except (FieldError, InputError) as error:
            raise InputError(error.reason, source=located.source, line=located.line, field=error.field) from None

    def leave_out(self, reason: str, what: str) -> None:
        """Count something under a reason; the first is named if nothing is left."""
        self.left_out[reason] += 1
        self._first.setdefault(reason, what)

    def finish(self) -> None:
        """Write the queries whose candidates came in several records. InputError if there is no example at all."""
        for example in self._groups.examples():
            if example.positives:
                self._writer.add(example.query_id, example.query, example.positives, example.negatives, example.scores)
            else:
                self.left_out[WITHOUT_POSITIVE] += 1
        left_out = {reason: count for reason, count in self.left_out.items() if count}
        if not self._writer.examples:
            listed = "; ".join(f"{reason}: {count:,}{self._named(reason)}" for reason, count in left_out.items())
            listed = listed or "nothing was left out"
            raise InputError(f"no examples; left out: {listed}")
        self._writer.about["left_out"] = left_out

    def _named(self, reason: str) -> str:
        return f" (the first: {self._first[reason][:_SHOWN]!r})" if reason in self._first else ""

    def close(self) -> None:
        """Close temporary files."""
        self._groups.close()

    def _write(self, query_id: str, query: str, candidates: list[tuple[int, bool, float | None]]) -> None:
        positives = [row for row, positive, _ in candidates if positive]
        negatives = [row for row, positive, _ in candidates if not positive]
        scores = [score for _, _, score in candidates if score is not None]
        if positives:
            self._writer.add(query_id, query, positives, negatives, scores if len(scores) == len(candidates) else None)
        else:
            self.left_out[WITHOUT_POSITIVE] += 1
