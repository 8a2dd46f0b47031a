"""The training set: queries with their candidates, read by memory map."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lsr.core.errors import InputError
from lsr.training.data.layout import (
    EXAMPLE_SCHEMA,
    EXAMPLES,
    FORMAT,
    MANIFEST,
    TEXT_ID_SCHEMA,
    TEXT_IDS,
    TEXT_SCHEMA,
    TEXTS,
    VERSION,
    RowReader,
    hash_text,
)

_ID, _TEXT = range(len(TEXT_SCHEMA))
_EXAMPLE_COLUMNS = range(len(EXAMPLE_SCHEMA))


@dataclass(frozen=True, slots=True)
class Example:
    """One query with its candidates.

    Attributes:
        query_id: need not be unique in a set.
        query: the query's text.
        positives: rows of the set's texts that answer the query; at least one.
        negatives: rows that do not, as far as is known; none of the positives.
        scores: a teacher's scores of the positives, then of the negatives, larger is better; None if not scored.
    """

    query_id: str
    query: str
    positives: list[int]
    negatives: list[int]
    scores: list[float] | None = None

    @property
    def candidates(self) -> list[int]:
        """The positives, then the negatives, in the order of `scores`."""
        return self.positives + self.negatives


class Texts:
    """The candidate texts of a set, by row, each distinct id once.

    A text is what a student reads: the title and text of a document, joined as for indexing (`Document.contents`).

    Memory-mapped; picklable; safe to use from several threads.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder = folder
        self._rows = RowReader(folder / TEXTS, TEXT_SCHEMA, rows)

    def __reduce__(self) -> tuple[Any, ...]:
        return Texts, (self.folder, len(self))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> str:
        """The text of one row."""
        return self._rows.values(row, (_TEXT,))[0]

    def __iter__(self) -> Iterator[str]:
        """All texts in the order of their rows."""
        for number in range(self._rows.batches):
            yield from self._rows.batch(number).column(_TEXT).to_pylist()

    def take(self, rows: Iterable[int]) -> list[str]:
        """The texts of several rows."""
        return [self[row] for row in rows]

    def id(self, row: int) -> str:
        """The id of one row."""
        return self._rows.values(row, (_ID,))[0]

    def row(self, id: str) -> int | None:
        """The row of an id; None if no text has it."""
        try:
            wanted = np.uint64(hash_text(id))
        except UnicodeEncodeError:  # a lone surrogate, which no stored id can hold
            return None
        hashes, rows = self._by_hash
        at = int(np.searchsorted(hashes, wanted))
        while at < len(hashes) and hashes[at] == wanted:
            row = int(rows[at])
            if self.id(row) == id:
                return row
            at += 1
        return None

    @cached_property
    def _by_hash(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
        path = self.folder / TEXT_IDS
        try:
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"not a readable Arrow file ({error}): make the set again", source=str(path)) from error
        if not table.schema.equals(TEXT_ID_SCHEMA) or table.num_rows != len(self):
            raise InputError("not the file that the set's manifest describes: make the set again", source=str(path))
        hashes, rows = (table[name].chunk(0).to_numpy() for name in TEXT_ID_SCHEMA.names)
        return hashes, rows


class TrainingSet:
    """Examples by number, read by memory map; picklable, so that each worker of a data loader opens it again.

    Attributes:
        path: the set's folder.
        texts: the candidates' texts.
        about: where the set comes from and what was done to it, as its writers recorded (JSON values).
        scored: whether every example has scores.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.about: dict[str, Any] = manifest["about"]
        self.scored: bool = manifest["scored"] == manifest["examples"]
        self.texts = Texts(path, manifest["texts"])
        self._examples = RowReader(path / EXAMPLES, EXAMPLE_SCHEMA, manifest["examples"])

    @classmethod
    def open(cls, path: str | Path) -> TrainingSet:
        """Open the set in a folder; only manifest and footers are read.

        Raises InputError if the folder holds no training set, or one that is damaged or of another version.
        """
        path = Path(path)
        if not is_training_set(path):
            raise InputError("not a training set: it has no manifest", source=str(path))
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            version = manifest["version"]
            if version != VERSION:
                raise InputError(
                    f"a training set of version {version}, but this lsr reads version {VERSION}: make the set again",
                    source=str(path),
                )
            return cls(path, manifest)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"a damaged manifest ({error!r}): make the set again", source=str(path)) from error

    def __reduce__(self) -> tuple[Any, ...]:
        return TrainingSet.open, (self.path,)

    @property
    def left_out(self) -> str:
        """What of the data it was made of is not in it, and how much; "" if everything is."""
        found = self.about.get("left_out")
        counts = found.items() if isinstance(found, dict) else ()
        return "; ".join(f"{reason}: {number:,}" for reason, number in counts if isinstance(number, int))

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, i: int) -> Example:
        """The example of one number, from 0."""
        return Example(*self._examples.values(i, _EXAMPLE_COLUMNS))

    def __iter__(self) -> Iterator[Example]:
        """All examples in order."""
        return map(self.__getitem__, range(len(self)))

    @cached_property
    def negative_counts(self) -> npt.NDArray[np.int64]:
        """How many negatives each example has: int64 [len(self)]."""
        column = EXAMPLE_SCHEMA.get_field_index("negatives")
        batches = range(self._examples.batches)
        counts = [self._examples.batch(number).column(column).value_lengths().to_numpy() for number in batches]
        return np.concatenate(counts).astype(np.int64)


def is_training_set(path: Path) -> bool:
    """Whether the folder's manifest says that it is a training set, of whatever version."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT
