"""Adding teachers' scores to a training set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lsr.core.errors import InputError, ModelError
from lsr.core.files import check_output, scratch_folder
from lsr.core.progress import Stages, silent
from lsr.core.shares import mean_shares
from lsr.core.unfinished import announce
from lsr.training.data import TrainingSet, TrainingSetWriter
from lsr.training.teachers.ensemble import SCALE, Scores, combine
from lsr.training.teachers.files import write_scores
from lsr.training.teachers.pairs import Pairs, texts_of
from lsr.training.teachers.teacher import SetTeacher


def score_training_set(
    training_set: TrainingSet,
    teachers: Sequence[SetTeacher],
    path: str | Path,
    *,
    weights: Sequence[float] | None = None,
    scale: float = SCALE,
    normalise: bool = False,
    keep: str | Path | None = None,
    without_titles: bool = False,
    force: bool = False,
    stages: Stages = silent,
) -> TrainingSet:
    """Write a copy of the set with the teachers' scores at `path`, and open it.

    Args:
        teachers: one or more. The scores of several are combined by `combine`, those of one are written as they are.
        weights, scale: of `combine`.
        normalise: let the scores of a single teacher go through `combine` too.
        keep: a folder for each teacher's own scores, as NAME.parquet, which `FileTeacher` reads, so that another
            ensemble needs no encoding. Each is written as soon as its teacher has finished.
        without_titles: teachers read the texts without titles that serve as queries (see `UntitledTexts`).
        force: replace what exists at `path`.

    The set's `about` says how under "scored" and, for each teacher, how often the best-scored candidate is a positive
    ("positive_first", as a share of the queries with negatives; ties do not count).

    Raises:
        InputError: no teachers, two of one name, not one weight for each, or a file that lacks a score.
        OutputExistsError: before anything is computed.
        ModelError: a teacher's score is not a finite number.
    """
    names = [teacher.name for teacher in teachers]
    if not names or len(set(names)) < len(names):
        raise InputError(f"give one or more teachers with different names, not {names}")
    shares = mean_shares(len(teachers), weights, "teachers")
    raw = len(teachers) == 1 and not normalise
    path = check_output(path, force=force)
    kept = None if keep is None else _files(Path(keep), names)
    for file in kept or ():
        announce(file)
        check_output(file, force=force)
    with scratch_folder(path.with_name(f".{path.name}.scoring")) as work:
        pairs = Pairs.of(training_set, texts_of(training_set, without_titles=without_titles))
        scores = []
        for number, teacher in enumerate(teachers):
            found = np.asarray(np.memmap(work / f"{number}.float32", np.float32, "w+", shape=(len(pairs),)))
            teacher.score_pairs(pairs, found, work=work, stages=stages)
            if not np.isfinite(found).all():
                raise ModelError(f"teacher {teacher.name} gave a score that is not a finite number")
            if kept is not None:
                write_scores(kept[number], pairs, found, force=force)
            scores.append(found)
        record = {
            "teachers": [
                {"name": name, "weight": share, "positive_first": positive_first(training_set, pairs, of_teacher)}
                for name, share, of_teacher in zip(names, shares, scores, strict=True)
            ],
            "scale": None if raw else scale,
            "without_titles": without_titles,
        }
        with (
            TrainingSetWriter(path, force, about={**training_set.about, "scored": record}) as writer,
            stages("writing", len(training_set), "queries") as progress,
        ):
            writer.use_texts(training_set.texts)
            for i in range(len(training_set)):
                example = training_set[i]
                of_query = [[of_teacher[pairs.span(i)]] for of_teacher in scores]
                [combined] = of_query[0] if raw else combine(of_query, shares, scale)
                writer.add(example.query_id, example.query, example.positives, example.negatives, combined.tolist())
                progress(1)
    return TrainingSet.open(path)


def positive_first(training_set: TrainingSet, pairs: Pairs, scores: Scores) -> float | None:
    """The share of the queries with negatives whose best-scored candidate is a positive; None without any."""
    with_negatives = np.flatnonzero(training_set.negative_counts).tolist()
    first = 0
    for i in with_negatives:
        of_query = scores[pairs.span(i)]
        positives = len(of_query) - int(training_set.negative_counts[i])
        first += bool(of_query[:positives].max() > of_query[positives:].max())
    return first / len(with_negatives) if with_negatives else None


def _files(folder: Path, names: Sequence[str]) -> list[Path]:
    """Where each teacher's scores are kept."""
    plain = [re.sub(r"[^\w.-]+", "_", name).strip("_.") for name in names]
    return [folder / f"{name}.parquet" for name in plain]
