"""Teachers that read query and candidate together (Nogueira and Cho 2019, arXiv:1901.04085)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lsr.encoding.batches import batches_by_length
from lsr.encoding.language_model import halve_linear_layers
from lsr.encoding.layout import LENGTH_CAP, position_limit
from lsr.encoding.strict import load_strictly, quiet
from lsr.encoding.tokens import check_texts
from lsr.encoding.transformer import has_native_bfloat16
from lsr.errors import ModelError
from lsr.stages import Stages, silent
from lsr.training.teachers.pairs import Pairs
from lsr.training.teachers.vectors import Scores

# Pairs tokenised and sorted by length together.
_PAIRS = 2048
_CPU_TOKENS = 2048
_GPU_TOKENS = 65536


class CrossEncoderTeacher:
    """A transformer with a classification head over the pair.

    The score is the logit of a head with one label, as distillation takes it (Hofstätter et al. 2020,
    arXiv:2010.02666), without the sigmoid that sentence-transformers' CrossEncoder may put over it; of a head with two,
    the log-odds of the second ("relevant"): the difference of the logits.

    Args:
        folder: a model folder that transformers' AutoModelForSequenceClassification loads.
        name: the folder's path, if not given.
        max_length: tokens read of query and candidate together, the longer one being cut first: 512 if not given, or
            the model's own limit where that is lower.
        batch_size: bounds the pairs in one run of the model, which takes fewer where they are long.
        device: "cpu" (default), "cuda", "cuda:1", "mps".
        dtype: as for `SparseEncoder.load`.
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
        from transformers import AutoTokenizer

        folder = Path(folder)
        self.name = name or str(folder)
        self.batch_size = batch_size
        self.device = torch.device(device or "cpu")
        self._model = model = load_strictly("AutoModelForSequenceClassification", folder)
        self._labels = int(model.config.num_labels)
        if self._labels not in (1, 2):
            raise ModelError(
                f"{self.name} tells {self._labels} labels apart; a teacher has one, or two of which the "
                "second means relevant"
            )
        with quiet():
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        limits = [position_limit(model.config.to_dict()), self._tokenizer.model_max_length, max_length or LENGTH_CAP]
        self.max_length = min(limit for limit in limits if limit)
        self._low = dtype == "bfloat16" or (dtype == "auto" and has_native_bfloat16(self.device))
        if self._low:
            halve_linear_layers(model, torch.bfloat16)
        model.to(self.device)

    def score(self, queries: Sequence[str], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """float32 scores of each query's candidates."""
        left = [query for query, texts in zip(queries, candidates, strict=True) for _ in texts]
        scores = self._score(left, [text for texts in candidates for text in texts])
        ends = np.cumsum([len(texts) for texts in candidates])
        return np.split(scores, ends[:-1]) if len(ends) else []

    def score_pairs(self, pairs: Pairs, scores: Scores, *, work: Path, stages: Stages = silent) -> None:
        """Write the score of every pair into `scores`."""
        with stages(f"{self.name}: scoring", len(pairs), "pairs") as progress:
            for first, last in pairs.blocks(_PAIRS):
                start, end = pairs.indptr[first], pairs.indptr[last]
                left = [query for i in range(first, last) for query in [pairs.queries[i]] * len(pairs.candidates(i))]
                scores[start:end] = self._score(left, pairs.texts.take(pairs.rows[start:end].tolist()))
                progress(int(end - start))

    def _score(self, queries: list[str], texts: list[str]) -> Scores:
        scores = np.empty(len(texts), np.float32)
        for first in range(0, len(texts), _PAIRS):
            part = slice(first, first + _PAIRS)
            scores[part] = self._score_part(queries[part], texts[part])
        return scores

    def _score_part(self, queries: list[str], texts: list[str]) -> Scores:
        check_texts(queries)
        check_texts(texts)
        encoded = self._tokenizer(queries, texts, truncation="longest_first", max_length=self.max_length)
        lengths = [len(tokens) for tokens in encoded["input_ids"]]
        scores = np.empty(len(texts), np.float32)
        budget = _CPU_TOKENS if self.device.type == "cpu" else _GPU_TOKENS
        for batch, width in batches_by_length(
            lengths, max_length=self.max_length, batch_size=self.batch_size, tokens=budget
        ):
            features = [{name: values[position] for name, values in encoded.items()} for position in batch]
            scores[batch] = self._run(features, width)
        return scores

    @torch.inference_mode()
    def _run(self, features: list[dict[str, list[int]]], width: int) -> Scores:
        padded = self._tokenizer.pad(features, padding="max_length", max_length=width, return_tensors="pt")
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._low):
            logits = self._model(**padded.to(self.device)).logits.float()
        scores = logits[:, 0] if self._labels == 1 else logits[:, 1] - logits[:, 0]
        if not bool(scores.isfinite().all()):
            raise ModelError(f"{self.name} computes scores that are not finite: try dtype='float32'")
        return scores.cpu().numpy()
