"""The beginning of training data, read before a run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from lsr.text import irds, open_corpus
from lsr.training.data.conversion import with_texts
from lsr.training.data.fields import RecordParser
from lsr.training.data.opening import PSEUDO
from lsr.training.data.records import Located, read_listed, record_files
from lsr.training.data.source import open_source
from lsr.training.data.training_set import TrainingSet, is_training_set


class Peeked(NamedTuple):
    """What the beginning of training data says.

    Attributes:
        examples: how many there are; None for data that are only counted when they are converted.
        scored: whether they may all have a teacher's scores: those of a training set have, or the first of others has.
    """

    examples: int | None
    scored: bool


def peek(
    source: str | Path,
    *,
    split: str = "train",
    candidates: str | Path | None = None,
    scores: str | Path | None = None,
) -> Peeked:
    """Read the beginning of training data, as `open_training_set` would.

    Raises InputError for what is not there or whose first records cannot be read.
    """
    source = str(source)
    if is_training_set(Path(source)):
        opened = TrainingSet.open(source)
        return Peeked(len(opened), opened.scored)
    pseudo = next((prefix for prefix in PSEUDO if source.startswith(prefix)), None)
    if pseudo is not None:
        next(open_corpus(source.removeprefix(pseudo)), None)
        return Peeked(None, False)
    if source.startswith(irds.PREFIX) or Path(source).is_dir():
        found = open_source(source, split)
        if found.files:  # what ir_datasets would first have to fetch is left for the run
            next(found.documents(), None)
            next(found.queries(), None)
            if candidates is None:
                found.qrels()
        listings = [_first_by_id(listing) for listing in (candidates, scores) if listing is not None]
        return Peeked(None, any(map(_scored, listings)))
    return Peeked(None, _scored(next(with_texts(read_listed(record_files(source), RecordParser(), by_id=False)), None)))


def _first_by_id(listing: str | Path) -> Located | None:
    return next(read_listed(record_files(listing), RecordParser(by_id=True), by_id=True), None)


def _scored(first: Located | None) -> bool:
    return first is None or first.listed.scores is not None
