"""Teachers: models whose scores of candidates a student learns from.

`score_training_set` adds the scores of one or several to a training set; `Teacher.score` gives them batch by batch.
"""

from __future__ import annotations

from lsr.training.teachers.bi_encoder import BiEncoderTeacher
from lsr.training.teachers.ensemble import combine, normalise
from lsr.training.teachers.files import FileTeacher
from lsr.training.teachers.loading import load_encoder, load_teacher
from lsr.training.teachers.scoring import score_training_set
from lsr.training.teachers.teacher import SetTeacher, Teacher

__all__ = [
    "BiEncoderTeacher",
    "FileTeacher",
    "SetTeacher",
    "Teacher",
    "combine",
    "load_encoder",
    "load_teacher",
    "normalise",
    "score_training_set",
]
