"""The words that stand beside a model's terms while it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from lsr.encoding.lexical.settings import LexicalSettings
from lsr.training.numbers import Share

_USUAL = LexicalSettings()


@dataclass(frozen=True, kw_only=True)
class WordsConfig:
    """BM25 of stemmed words, which losses add to the model's scores: what an index with words adds to them.

    The model then learns what words can't do (CLEAR, arXiv:2004.13969). Defaults are those of `lsr index`.

    Attributes:
        weight: how many times BM25's score is added: the weight of words of the indexes that the model is for.
        language, k1, b: as in `lsr.encoding.lexical.settings.LexicalSettings`.
    """

    weight: Annotated[float, Field(gt=0, le=1e6)] = _USUAL.weight
    language: str = _USUAL.language
    k1: Annotated[float, Field(ge=0, le=1000)] = _USUAL.k1
    b: Share = _USUAL.b

    def settings(self) -> LexicalSettings:
        """The same for an index."""
        return LexicalSettings(language=self.language, k1=self.k1, b=self.b, weight=self.weight)
