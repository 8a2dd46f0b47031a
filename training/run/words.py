"""What words add to a model's scores while it is trained: BM25, computed as an index with words computes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lsr.core.chunks import chunks
from lsr.core.errors import InputError
from lsr.core.files import scratch_folder
from lsr.encoding.lexical.analysis import ANALYSIS
from lsr.encoding.lexical.queries import IndexWords
from lsr.encoding.lexical.settings import LexicalRecord, LexicalSettings
from lsr.encoding.lexical.words import WordCounter
from lsr.encoding.sparse.rows import Row, assemble
from lsr.index.parts.names import NameFiles, NameTable, NameWriter
from lsr.training.losses.gather import gather_objects
from lsr.training.model.batches import Group

_NAMES = NameFiles("word_bytes.npy", "word_indptr.npy", "word_hashes.npy", "word_numbers.npy", "word number", "word")
_DOCUMENTS, _RECORD = "documents.npy", "record.json"
_TEXTS, _CHARACTERS = 1024, 1 << 22  # counted at a time


class TrainingWords:
    """BM25 of a batch's questions and candidates, by the statistics of the texts trained on.

    Words, IDF and mean length are those that `lsr index` would count of these texts. They lie in a folder, mapped.
    Make one with `count`.

    Args:
        folder: as `count` wrote it.
        weight: times which BM25's scores are taken.
    """

    def __init__(self, folder: Path, weight: float) -> None:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        lexical = LexicalRecord.of_encoder(record)
        assert lexical is not None  # `count` wrote it
        documents = np.load(folder / _DOCUMENTS, mmap_mode="r")
        self.dim, self.weight = len(documents), weight
        self._words = IndexWords(lexical, NameTable(folder, _NAMES, self.dim), documents.__getitem__, record["texts"])

    @classmethod
    def count(
        cls,
        settings: LexicalSettings,
        texts: Iterable[str],
        total: int,
        folder: Path,
        progress: Callable[[int], None] | None = None,
    ) -> TrainingWords:
        """Count the words of `total` texts into a new folder, once: what an earlier run of the same counted is used.

        InputError for texts without words.
        """
        if not _is_of(folder, settings, total):
            with scratch_folder(folder.with_name(f".{folder.name}.counting")) as work:
                (work / "words").mkdir(parents=True)
                _count(settings, texts, work / "words", progress)
                shutil.rmtree(folder, ignore_errors=True)
                (work / "words").replace(folder)  # completely or not at all
        return cls(folder, settings.weight)

    def __call__(self, groups: Sequence[Group]) -> Tensor:
        """The scores of all devices' candidates, in the order of ranks, for each query: float32 [queries, candidates].

        Every process must call this with its own groups at the same time.
        """
        queries = [self._words.query(group.query, self.weight) for group in groups]
        own = [self._words.document(text) for group in groups for text in group.candidates]
        return torch.from_numpy(_products(queries, gather_objects(own), self.dim))


def _products(queries: Sequence[Row], documents: Sequence[Row], dim: int) -> npt.NDArray[np.float32]:
    left, right = (assemble(rows, [str(n) for n in range(len(rows))], dim).to_scipy() for rows in (queries, documents))
    return np.asarray((left @ right.T).toarray(), np.float32)


def _is_of(folder: Path, settings: LexicalSettings, total: int) -> bool:
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    lexical = LexicalRecord.of_encoder(record)
    assert lexical is not None  # `_count` wrote it
    return (record["texts"], lexical.settings, lexical.analysis) == (total, settings, ANALYSIS)


def _count(
    settings: LexicalSettings, texts: Iterable[str], folder: Path, progress: Callable[[int], None] | None
) -> None:
    rows = 0
    with WordCounter(settings, folder) as counter:
        for some in chunks(texts, _TEXTS, _CHARACTERS, len):
            counter.add(some)
            rows += len(some)
            if progress:
                progress(len(some))
        found = counter.finish()
    if not found.words:
        raise InputError("the texts trained on hold no words that could be added: leave `words` out", field="words")
    names = NameWriter(folder, _NAMES)
    names.append(found.words)
    names.finish()
    np.save(folder / _DOCUMENTS, found.documents)
    record = {"lexical": found.record().to_record(), "texts": rows}
    (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")
