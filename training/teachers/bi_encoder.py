"""Teachers that compare two vectors: SPLADE and other siamese sparse encoders, dense bi-encoders, BM25."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.progress import Stages, silent
from lsr.training.teachers.pairs import Pairs, distinct
from lsr.training.teachers.vectors import BiEncoder, Scores, Table, encode_documents, encode_queries, encode_to_disk


class BiEncoderTeacher:
    """Scores by inner products of the vectors of query and candidate, or by cosine if the encoder says so.

    Args:
        encoder: a `SparseEncoder`, a `DenseEncoder` or a `Bm25Encoder`.
        name: the encoder's, if not given.
        documents: the vectors of all texts of the set to score, by row, if they already exist.
    """

    def __init__(self, encoder: BiEncoder, name: str | None = None, *, documents: Table | None = None) -> None:
        self.encoder = encoder
        self.name = name or encoder.name
        self._documents = documents

    def score(self, queries: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Scores of each query's candidates, float32; repeated texts are encoded once."""
        distinct = {text: row for row, text in enumerate(dict.fromkeys(text for texts in candidates for text in texts))}
        documents = encode_documents(self.encoder, list(distinct))
        asked = encode_queries(self.encoder, list(queries))
        rows = [np.array([distinct[text] for text in texts], dtype=np.int64) for texts in candidates]
        return [documents.products(of_query, asked, query) for query, of_query in enumerate(rows)]

    def score_pairs(self, pairs: Pairs, scores: Scores, *, work: Path, stages: Stages = silent) -> None:
        """Write the score of every pair into `scores`, encoding every distinct text once.

        Vectors are kept in `work` meanwhile: 4 bytes per number of a dense one, 8 per term of a sparse one.
        """
        folder = Path(tempfile.mkdtemp(dir=work))
        try:
            documents, places = self._encode_candidates(pairs, folder, stages)
            queries, query_places = self._encode_queries(pairs, folder, stages)
            with stages(f"{self.name}: scoring", len(pairs.queries), "queries") as progress:
                for query, place in enumerate(query_places.tolist()):
                    scores[pairs.span(query)] = documents.products(places[pairs.candidates(query)], queries, place)
                    progress(1)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _encode_candidates(self, pairs: Pairs, folder: Path, stages: Stages) -> tuple[Table, npt.NDArray[np.integer]]:
        """Vectors of the candidate texts, and the row of each text's vector."""
        if self._documents is not None:
            return self._documents, np.arange(len(pairs.texts))
        is_candidate = np.zeros(len(pairs.texts), np.bool_)
        is_candidate[pairs.rows] = True
        rows = np.flatnonzero(is_candidate)
        places = np.zeros(len(pairs.texts), np.uint32)
        places[rows] = np.arange(len(rows))
        with stages(f"{self.name}: encoding", len(rows), "texts") as progress:
            texts = (pairs.texts[row] for row in rows.tolist())
            return encode_to_disk(self.encoder, encode_documents, texts, folder / "documents", progress), places

    def _encode_queries(self, pairs: Pairs, folder: Path, stages: Stages) -> tuple[Table, npt.NDArray[np.integer]]:
        """Vectors of the distinct queries, and the row of each query's vector."""
        hashes = np.fromiter((hash(query) for query in pairs.queries), np.int64, len(pairs.queries))
        first, places = distinct(hashes)
        with stages(f"{self.name}: encoding", len(first), "queries") as progress:
            texts = (pairs.queries[query] for query in first.tolist())
            return encode_to_disk(self.encoder, encode_queries, texts, folder / "queries", progress), places
