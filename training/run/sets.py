"""The training sets of a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lsr.core.errors import InputError, MissingInputError
from lsr.core.progress import Stages
from lsr.core.remedies import NAME_TRAINING_DATA, SCORE_TRAINING_SET
from lsr.training.config import TrainingConfig
from lsr.training.data import TrainingSet, open_training_set

_logger = logging.getLogger("lsr.training")


def open_sets(config: TrainingConfig, work: Path, stages: Stages) -> list[TrainingSet]:
    """Open all training sets of a configuration; those that have to be converted go to `work`.

    InputError for missing data, with its origin according to the recipe, and for data without a teacher's scores if the
    losses distil these.
    """
    distilling = needs_scores(config)
    sets = []
    for number, each in enumerate(config.data):
        with stages(f"reading {each.source}", None, "examples") as progress:
            try:
                opened = open_training_set(
                    each.source,
                    split=each.split,
                    candidates=each.candidates,
                    scores=each.scores,
                    systems=each.systems,
                    seed=each.seed,
                    all_texts=config.run.refresh_every is not None,
                    work=work / f"{number:02}",
                    progress=progress,
                )
            except MissingInputError as error:
                if not config.about.data:
                    raise
                reason = f"{error.reason}: this recipe's data comes from {config.about.data}"
                raise MissingInputError(reason, source=error.source, remedies=[NAME_TRAINING_DATA]) from None
        if distilling and not opened.scored:
            raise unscored(each.source)
        if opened.left_out and os.environ.get("RANK", "0") == "0":
            _logger.warning("%s: left out: %s", each.source, opened.left_out)
        sets.append(opened)
    return sets


def needs_scores(config: TrainingConfig) -> bool:
    """Whether the data must come with a teacher's scores."""
    return not config.teachers and any(each.distils == "scores" for each in config.losses)


def unscored(source: str) -> InputError:
    """The error of data without the scores that a run needs."""
    return InputError(
        f"{source} lacks teacher's scores for some of its examples, but the losses distil them",
        remedies=["name `teachers`", SCORE_TRAINING_SET],
    )


def all_texts(sets: Sequence[TrainingSet]) -> Iterator[str]:
    """The texts of one set after those of another."""
    return (each.texts[row] for each in sets for row in range(len(each.texts)))
