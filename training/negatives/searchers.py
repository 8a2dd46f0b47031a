"""Sources of candidates: systems that rank the texts of a training set for a query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt

from lsr.build.corpus import index_corpus, index_vectors
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.progress import Stages, silent
from lsr.core.types import Rows
from lsr.index import Index
from lsr.search.retriever import Retriever
from lsr.training.teachers.bi_encoder import BiEncoderTeacher
from lsr.training.teachers.pairs import CandidateTexts
from lsr.training.teachers.vectors import (
    BiEncoder,
    DenseTable,
    SparseTable,
    Table,
    encode_documents,
    encode_queries,
    encode_to_disk,
)
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.lexical.settings import LexicalSettings
    from lsr.encoding.sparse.encoder import SparseEncoder


WITH_WORDS = "+words"
"""Behind a model's name: an index of its terms and of words."""

_INDEX_BATCH = 4096
# Size of a product of queries and documents in memory: 64 MB.
_QUERY_BLOCK, _DOCUMENT_BLOCK = 1024, 16384


class CandidateSearcher(Protocol):
    """Ranks texts for queries.

    Attributes:
        name: a short name for reports.
    """

    name: str

    def search(self, queries: Sequence[str], k: int) -> list[Rows]:
        """For each query the rows of at most `k` texts, best first."""
        ...


class VectorSearcher(ABC):
    """Searches the vectors of all texts, which are kept on disk.

    Attributes:
        encoder: encodes the queries.
        documents: the texts' vectors by row.
    """

    def __init__(self, encoder: BiEncoder, documents: Table) -> None:
        self.encoder, self.documents = encoder, documents
        self.name = encoder.name

    @abstractmethod
    def search(self, queries: Sequence[str], k: int) -> list[Rows]:
        """See `CandidateSearcher.search`."""

    def teacher(self) -> BiEncoderTeacher:
        """A teacher that compares the same vectors, without encoding the texts again."""
        return BiEncoderTeacher(self.encoder, documents=self.documents)


class SparseSearcher(VectorSearcher):
    """Any sparse encoder, over an index that is built for it. Make one with `build`."""

    def __init__(self, encoder: BiEncoder, documents: Table, index: Index) -> None:
        super().__init__(encoder, documents)
        self._index = index

    @classmethod
    def build(cls, encoder: BiEncoder, texts: CandidateTexts, work: Path, *, stages: Stages = silent) -> Self:
        """Encode all texts and index them, in a new folder `work`, which must outlive the searcher.

        `encoder` is a `SparseEncoder` or a `Bm25Encoder`. The index keeps weights in eight bits, so near ties may be
        ordered differently than by exact scores.
        """
        documents = _encode_all(encoder, texts, work, stages)
        if not isinstance(documents, SparseTable):
            raise InputError(f"{encoder.name} makes dense vectors: search with a DenseSearcher")
        batches = documents.parts(_INDEX_BATCH)
        # Hits are rows of the table.
        return cls(encoder, documents, index_vectors(batches, work / "index", by_id=False, stages=stages))

    def search(self, queries: Sequence[str], k: int) -> list[Rows]:
        vectors = self.encoder.encode_queries(list(queries))
        assert isinstance(vectors, SparseVectors)
        return [hits.rows for hits in self._index.search_batch(vectors, k)]


class IndexSearcher:
    """An index on disk, searched with the encoder that it records; by words too, if it holds them.

    Its documents must be among the texts, by id. IndexFormatError or ModelError if it cannot be searched by text.
    """

    def __init__(self, path: str | Path, texts: CandidateTexts, *, device: str | None = None) -> None:
        self.name = str(path)
        self._retriever = Retriever.open(path, device=device)
        self._texts = texts
        if self._retriever.index.documents.windows is not None:
            raise InputError(
                "candidates are whole documents, but this index holds windows of documents", source=self.name
            )
        self._rows = np.full(len(self._retriever.index), -1, np.int64)

    @classmethod
    def build(
        cls,
        encoder: SparseEncoder,
        texts: CandidateTexts,
        work: Path,
        lexical: LexicalSettings,
        *,
        stages: Stages = silent,
    ) -> Self:
        """Index all texts as `lsr index` does, with words beside the model's terms.

        The index lies in a new folder `work`, which must outlive the searcher.
        """
        work.mkdir(parents=True)
        documents = (Document(texts.id(row), texts[row]) for row in range(len(texts)))
        index_corpus(documents, work / "index", encoder, lexical=lexical, total=len(texts), stages=stages)
        searcher = cls(work / "index", texts)
        searcher._retriever.encoder = encoder
        searcher.name = f"{encoder.name}{WITH_WORDS}"
        return searcher

    def document_terms(self) -> float:
        """The mean number of a document's terms that are the model's."""
        documents = self._retriever.index.parts["terms"].documents
        return float(documents[: self._retriever.encoder.dim].sum()) / len(self._rows)

    def search(self, queries: Sequence[str], k: int, lexical_weight: float | None = None) -> list[Rows]:
        """See `CandidateSearcher.search`; `lexical_weight`: how much words count, by default the index's.

        InputError for a hit that is not among the texts.
        """
        vectors = self._retriever.sparse_queries(queries, lexical_weight=lexical_weight)
        found = [hits.rows for hits in self._retriever.index.search_batch(vectors, k)]
        for row in np.unique(np.concatenate(found)) if found else ():
            if self._rows[row] < 0:
                self._rows[row] = self._row(int(row))
        return [self._rows[rows] for rows in found]

    def _row(self, index_row: int) -> int:
        id = self._retriever.index.documents.at(index_row).id
        row = self._texts.row(id)
        if row is None:
            raise InputError(
                f"the index holds document {id!r}, which is not among the texts that candidates come from: index "
                "just these, or give a source that holds the whole corpus",
                source=self.name,
            )
        return row


class DenseSearcher(VectorSearcher):
    """Searches with a dense encoder, by exact inner products with all texts, or cosines if the encoder says so.

    Make one with `build`. Products are computed on `device`, a block of texts at a time.
    """

    def __init__(self, encoder: BiEncoder, documents: Table, *, device: str = "cpu") -> None:
        super().__init__(encoder, documents)
        self._device = device

    @classmethod
    def build(cls, encoder: DenseEncoder, texts: CandidateTexts, work: Path, *, stages: Stages = silent) -> Self:
        """Encode all texts into a new folder `work`, which must outlive the searcher."""
        return cls(encoder, _encode_all(encoder, texts, work, stages), device=str(encoder.device))

    def search(self, queries: Sequence[str], k: int) -> list[Rows]:
        """See `CandidateSearcher.search`."""
        asked = encode_queries(self.encoder, list(queries))
        assert isinstance(asked, DenseTable) and isinstance(self.documents, DenseTable)
        found: list[Rows] = []
        for first in range(0, len(asked), _QUERY_BLOCK):
            found += _best(self.documents.vectors, asked.vectors[first : first + _QUERY_BLOCK], k, self._device)
        return found


def _best(documents: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], k: int, device: str) -> list[Rows]:
    """Rows of the `k` largest inner products with each query, largest first, ties by row among them."""
    import torch

    left = torch.from_numpy(queries).to(device)
    scores = left.new_empty((len(queries), 0))
    rows = torch.empty((len(queries), 0), dtype=torch.int64, device=device)
    for first in range(0, len(documents), _DOCUMENT_BLOCK):
        # A copy, because torch warns about read-only arrays such as maps.
        block = torch.from_numpy(documents[first : first + _DOCUMENT_BLOCK].copy()).to(device)
        best = torch.topk(left @ block.T, min(k, len(block)))
        scores = torch.cat([scores, best.values], 1)
        rows = torch.cat([rows, best.indices + first], 1)
        kept = torch.topk(scores, min(k, scores.shape[1]))
        scores, rows = kept.values, rows.gather(1, kept.indices)
    found = rows.cpu().numpy()
    order = np.lexsort((found, -scores.cpu().numpy()), axis=1)
    return list(np.take_along_axis(found, order, 1))


def _encode_all(encoder: BiEncoder, texts: CandidateTexts, work: Path, stages: Stages) -> Table:
    with stages(f"{encoder.name}: encoding", len(texts), "texts") as progress:
        every = (texts[row] for row in range(len(texts)))
        return encode_to_disk(encoder, encode_documents, every, work / "documents", progress)
