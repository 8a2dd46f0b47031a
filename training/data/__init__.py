"""Training data: sets of queries with candidates, made from the usual formats.

`open_training_set` opens data of any format, `TrainingSetWriter` writes a set, `Mixture` and `choose` decide what
training sees, and when.
"""

from __future__ import annotations

from lsr.training.data.opening import open_training_set
from lsr.training.data.sampling import Mixture, Shuffled, choose
from lsr.training.data.training_set import Example, Texts, TrainingSet, is_training_set
from lsr.training.data.writer import TrainingSetWriter

__all__ = [
    "Example",
    "Mixture",
    "Shuffled",
    "Texts",
    "TrainingSet",
    "TrainingSetWriter",
    "choose",
    "is_training_set",
    "open_training_set",
]
