"""Writing a training set, completely or not at all."""

from __future__ import annotations

import json
import math
import os
import shutil
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from lsr.core.errors import InputError
from lsr.core.files import atomic_folder
from lsr.training.data.id_rows import IdRows
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
    RowWriter,
    hash_text,
)
from lsr.training.data.training_set import Texts


class TrainingSetWriter:
    """Writes a set to a folder that appears only when the `with` block ends without an error.

    Texts and examples may come in any order, as long as an example's texts come before it. Memory: one batch of each,
    and 29 to 35 bytes per text.

    Args:
        path: the folder to make.
        force: replace what exists there; otherwise OutputExistsError.
        about: recorded in the set, for people: where it comes from, what was done to it (JSON values).
    """

    def __init__(self, path: str | Path, force: bool = False, *, about: Mapping[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.about = dict(about or {})
        self._force = force
        self._resources = ExitStack()
        self._ids = IdRows()
        self._digests: array[int] = array("Q")
        self._id_hashes: array[int] = array("Q")
        self._shared: Texts | None = None
        self._scored = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(atomic_folder(self.path, force=self._force))
            self._texts = RowWriter(self._folder / TEXTS, TEXT_SCHEMA)
            stack.callback(self._texts.close)
            self._examples = RowWriter(self._folder / EXAMPLES, EXAMPLE_SCHEMA)
            stack.callback(self._examples.close)
            self._resources = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._resources.__exit__(kind, error, trace)
            return
        with self._resources:
            self._finish()

    def add_text(self, id: str, text: str) -> int:
        """Add a text; return its row: a new one, or the earlier one of the same id and text.

        Raises InputError if the id came with another text, or if either is not valid Unicode.
        """
        if self._shared is not None:
            raise ValueError("this set uses another set's texts and cannot have further ones")
        try:
            digest, id_hash = hash_text(text), hash_text(id)
        except UnicodeEncodeError as error:
            raise InputError(f"text {id!r}: not valid Unicode ({error.reason})", source=str(self.path)) from None
        row = self._ids.add(id)
        if row == len(self._digests):
            self._digests.append(digest)
            self._id_hashes.append(id_hash)
            self._texts.append((id, text))
        elif self._digests[row] != digest:
            raise InputError(f"id {id!r} was already used for another text; an id must belong to one text")
        return row

    def use_texts(self, texts: Texts) -> None:
        """Use all texts of another set, with their rows, to add negatives or scores to its examples.

        The files are linked, not copied, where the file system can do that.
        """
        if self._shared is not None or self._texts.rows:
            raise ValueError("this set already has texts; call use_texts before adding any")
        self._shared = texts

    @property
    def examples(self) -> int:
        """Number of examples added so far."""
        return self._examples.rows

    def row(self, id: str) -> int | None:
        """The row of a text by its id; None if there is none."""
        return self._ids.get(id) if self._shared is None else self._shared.row(id)

    def add(
        self,
        query_id: str,
        query: str,
        positives: Sequence[int],
        negatives: Sequence[int],
        scores: Iterable[float] | None = None,
    ) -> None:
        """Add one example. Scores are stored as float32.

        Raises InputError naming the query: without text or positives, a row without a text, a text that occurs twice,
        scores that are not finite or not one for each candidate.
        """
        candidates = [*positives, *negatives]
        texts = len(self._ids) if self._shared is None else len(self._shared)
        if not query.strip():
            raise self._wrong(query_id, "the query is empty")
        if not positives:
            raise self._wrong(query_id, "no positives; an example needs at least one")
        for row in (min(candidates), max(candidates)):
            if not 0 <= row < texts:
                raise self._wrong(query_id, f"there is no candidate row {row}: the set has {texts} texts")
        if len(set(candidates)) < len(candidates):
            raise self._wrong(query_id, "a text occurs twice among the positives and negatives")
        values = None if scores is None else [float(score) for score in scores]
        if values is not None:
            if len(values) != len(candidates):
                raise self._wrong(query_id, f"{len(values)} scores for {len(candidates)} candidates")
            if not all(map(math.isfinite, values)):
                raise self._wrong(query_id, "a score that is not a finite number")
            self._scored += 1
        try:
            query_id.encode(), query.encode()
        except UnicodeEncodeError as error:
            raise self._wrong(query_id, f"not valid Unicode ({error.reason})") from None
        self._examples.append((query_id, query, candidates[: len(positives)], candidates[len(positives) :], values))

    def _wrong(self, query_id: str, reason: str) -> InputError:
        return InputError(f"query {query_id!r}: {reason}")

    def _finish(self) -> None:
        if not self._examples.rows:
            raise InputError("no examples: a training set needs at least one", source=str(self.path))
        self._texts.finish()
        self._examples.finish()
        if self._shared is None:
            self._write_ids()
        else:
            for name in (TEXTS, TEXT_IDS):
                _link(self._shared.folder / name, self._folder / name)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "examples": self._examples.rows,
            "scored": self._scored,
            "texts": len(self._ids) if self._shared is None else len(self._shared),
            "about": self.about,
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        (self._folder / MANIFEST).write_text(text, encoding="utf-8")

    def _write_ids(self) -> None:
        hashes = np.asarray(self._id_hashes)
        rows = np.argsort(hashes, kind="stable")
        columns = [pa.array(hashes[rows]), pa.array(rows.astype(np.uint32))]
        with pa.OSFile(str(self._folder / TEXT_IDS), "wb") as sink, pa.ipc.new_file(sink, TEXT_ID_SCHEMA) as file:
            file.write_batch(pa.record_batch(columns, schema=TEXT_ID_SCHEMA))


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
