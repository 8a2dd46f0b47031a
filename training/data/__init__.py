"""Training data: sets of queries with candidates, from the formats that the field uses."""

from __future__ import annotations

from lsr.training.data.training_set import Example, Texts, TrainingSet
from lsr.training.data.writer import TrainingSetWriter

__all__ = ["Example", "Texts", "TrainingSet", "TrainingSetWriter"]
