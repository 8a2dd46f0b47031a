"""Teachers that read query and candidate together (Nogueira and Cho 2019, arXiv:1901.04085)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from lsr.core.progress import Stages, silent
from lsr.encoding.cross.encoder import CrossEncoder
from lsr.encoding.shared.spread import Progress, worked
from lsr.training.teachers.pairs import Pairs
from lsr.training.teachers.vectors import Scores

# Pairs whose texts are read and scored together.
_PAIRS = 2048


class CrossEncoderTeacher:
    """Scores by a `CrossEncoder`, before any activation, as in distillation (Hofstätter et al. 2020, arXiv:2010.02666).

    Args:
        folder: a model folder that transformers' AutoModelForSequenceClassification loads.
        name: the folder's path, if not given.
        max_length, device, dtype: as for `CrossEncoder.load`.
        batch_size: the most pairs in one pass through the model; fewer if they are long.
    """

    def __init__(
        self,
        folder: str | Path,
        name: str | None = None,
        *,
        max_length: int | None = None,
        batch_size: int = 64,
        device: str | None = None,
        dtype: str = "auto",
    ) -> None:
        self.name = name or str(folder)
        self.batch_size = batch_size
        self.encoder = CrossEncoder(self.name, Path(folder), max_length=max_length, device=device, dtype=dtype)
        self.max_length = self.encoder.max_length

    def score(self, queries: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Scores of each query's candidates, float32."""
        left = [query for query, texts in zip(queries, candidates, strict=True) for _ in texts]
        scores = self._score(left, [text for texts in candidates for text in texts])
        ends = np.cumsum([len(texts) for texts in candidates])
        return np.split(scores, ends[:-1]) if len(ends) else []

    def score_pairs(self, pairs: Pairs, scores: Scores, *, work: Path, stages: Stages = silent) -> None:
        """Write the score of every pair into `scores`."""
        with stages(f"{self.name}: scoring", len(pairs), "pairs") as progress:
            start, scored = 0, partial(_scored, batch_size=self.batch_size)
            for block, found in worked(self.encoder, scored, _blocks(pairs), progress):
                scores[start : start + len(block)] = found
                start += len(block)

    def _score(self, queries: list[str], texts: list[str]) -> Scores:
        return self.encoder.score_pairs(queries, texts, batch_size=self.batch_size)


def _blocks(pairs: Pairs) -> Iterator[list[tuple[str, str]]]:
    """Queries with candidate texts, pair by pair, those together that are scored together."""
    for first, last in pairs.blocks(_PAIRS):
        rows = pairs.rows[pairs.indptr[first] : pairs.indptr[last]].tolist()
        left = [query for i in range(first, last) for query in [pairs.queries[i]] * len(pairs.candidates(i))]
        yield list(zip(left, pairs.texts.take(rows), strict=True))


def _scored(
    encoder: CrossEncoder, block: list[tuple[str, str]], /, progress: Progress = None, *, batch_size: int
) -> Scores:
    queries, texts = map(list, zip(*block, strict=True))
    return encoder.score_pairs(queries, texts, batch_size=batch_size, progress=progress)
