"""Mining hard negatives: texts that a searcher ranks high for a query that they do not answer."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.files import check_output, scratch_folder
from lsr.core.progress import Stages, silent
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.training.data import TrainingSet, TrainingSetWriter
from lsr.training.negatives.candidates import Candidates, DistinctQueries, find_candidates
from lsr.training.negatives.filters import TeacherMargin
from lsr.training.negatives.searchers import CandidateSearcher, IndexSearcher, SparseSearcher
from lsr.training.negatives.settings import MiningSettings
from lsr.training.teachers.pairs import Pairs, texts_of
from lsr.training.teachers.teacher import SetTeacher
from lsr.training.teachers.vectors import BiEncoder

NV_RETRIEVER = TeacherMargin(ratio=0.95)
"""The default margin of `mine` if a teacher is given without one."""


def mine(
    training_set: TrainingSet,
    searchers: Sequence[CandidateSearcher],
    path: str | Path,
    settings: MiningSettings | None = None,
    *,
    teacher: SetTeacher | None = None,
    margin: TeacherMargin | None = None,
    without_titles: bool = False,
    force: bool = False,
    stages: Stages = silent,
) -> TrainingSet:
    """Write a copy of the set with negatives mined from its own texts at `path`, and open it.

    The candidates of a query are what the searchers rank among their first `depth`, without its positives (those of all
    examples with the same id and text) and texts equal to one of them or the query, and each text once. Examples keep
    their number and order, and lose their scores, which belong to other candidates.

    Args:
        searchers: systems over the texts of the set; a candidate's rank is its best one in any of them.
        settings: defaults if not given.
        teacher, margin: leave out candidates that the teacher scores too close to the positives.
        without_titles: the teacher reads texts without titles that serve as queries (see `UntitledTexts`).
        force: replace what exists at `path`.

    The set's `about` says how under "mined", with the mean number of candidates and negatives per example, and how many
    examples got fewer than asked for.

    Raises InputError without a searcher, or for a margin without a teacher; OutputExistsError before anything is
    computed.
    """
    settings = settings or MiningSettings()
    if not searchers:
        raise InputError("give at least one searcher")
    if teacher is None and margin is not None:
        raise InputError("a margin needs a teacher")
    path = check_output(path, force=force)
    with scratch_folder(path.with_name(f".{path.name}.mining")) as folder:
        queries = DistinctQueries.of(training_set)
        found = find_candidates(
            training_set, queries, searchers, depth=settings.depth, skip_top=settings.skip_top, stages=stages
        )
        candidates = Candidates(folder / "candidates.uint32", found)
        record: dict[str, Any] = {
            "with": [searcher.name for searcher in searchers],
            **dataclasses.asdict(settings),
            "mean_candidates": len(candidates.rows) / len(queries),
        }
        if teacher is not None:
            margin = margin or NV_RETRIEVER
            pairs = _pairs(training_set, queries, candidates, without_titles)
            scores = np.asarray(np.memmap(folder / "scores.float32", np.float32, "w+", shape=(len(pairs),)))
            teacher.score_pairs(pairs, scores, work=folder, stages=stages)
            _keep_passing(queries, candidates, pairs, scores, margin)
            record |= {
                "teacher": teacher.name,
                "margin": dataclasses.asdict(margin),
                "without_titles": without_titles,
                "dropped_by_teacher": 1 - float(candidates.kept.mean()) if len(candidates.kept) else 0.0,
            }
        _write(training_set, queries, candidates, path, settings, record, force, stages)
    return TrainingSet.open(path)


def refresh(
    training_set: TrainingSet,
    student: BiEncoder,
    path: str | Path,
    settings: MiningSettings | None = None,
    *,
    teacher: SetTeacher | None = None,
    margin: TeacherMargin | None = None,
    lexical: LexicalSettings | None = None,
    force: bool = False,
    stages: Stages = silent,
) -> TrainingSet:
    """Mine again with the current student, replacing the set's negatives (ANCE, arXiv:2007.00808).

    `student` is a `SparseEncoder`. All texts of the set are encoded and indexed in a folder beside `path`, which is
    removed afterwards; with `lexical`, with words beside the student's terms. Other arguments as for `mine`.
    """
    path = check_output(path, force=force)
    settings = dataclasses.replace(settings or MiningSettings(), replace=True)
    with scratch_folder(path.with_name(f".{path.name}.student")) as folder:
        searcher: CandidateSearcher
        if lexical is None:
            searcher = SparseSearcher.build(student, training_set.texts, folder, stages=stages)
        else:
            if not isinstance(student, SparseEncoder):
                raise InputError(f"words stand beside the terms of a SparseEncoder, which {student.name} is not")
            searcher = IndexSearcher.build(student, training_set.texts, folder / "index", lexical, stages=stages)
        return mine(
            training_set, [searcher], path, settings, teacher=teacher, margin=margin, force=force, stages=stages
        )


def _pairs(training_set: TrainingSet, queries: DistinctQueries, candidates: Candidates, without_titles: bool) -> Pairs:
    """Pairs of each distinct query with its positives, then its candidates."""
    rows, indptr = array("I"), array("q", [0])
    for query, positives in enumerate(queries.positives):
        rows.extend(positives.tolist())
        rows.frombytes(candidates.rows[candidates.span(query)].tobytes())
        indptr.append(len(rows))
    examples = [training_set[i] for i in queries.first.tolist()]
    return Pairs(
        texts_of(training_set, without_titles=without_titles),
        [example.query_id for example in examples],
        [example.query for example in examples],
        np.frombuffer(indptr, np.int64),
        np.frombuffer(rows, np.uint32),
    )


def _keep_passing(
    queries: DistinctQueries,
    candidates: Candidates,
    pairs: Pairs,
    scores: npt.NDArray[np.float32],
    margin: TeacherMargin,
) -> None:
    for query, positives in enumerate(queries.positives):
        of_query = scores[pairs.span(query)]
        passing = margin.passes(of_query[: len(positives)], of_query[len(positives) :])
        candidates.kept[candidates.span(query)] = passing


def _write(
    training_set: TrainingSet,
    queries: DistinctQueries,
    candidates: Candidates,
    path: Path,
    settings: MiningSettings,
    record: dict[str, Any],
    force: bool,
    stages: Stages,
) -> None:
    about = {key: value for key, value in training_set.about.items() if key != "scored"}
    mined = short = 0
    with (
        TrainingSetWriter(path, force, about=about) as writer,
        stages("writing", len(training_set), "queries") as progress,
    ):
        writer.use_texts(training_set.texts)
        for i, query in enumerate(queries.of_example.tolist()):
            example = training_set[i]
            own = [] if settings.replace else example.negatives
            found = candidates.of(query)
            chosen = choose(found[~np.isin(found, own)], settings, i)
            writer.add(example.query_id, example.query, example.positives, [*own, *chosen.tolist()])
            mined += len(chosen)
            short += len(chosen) < settings.negatives
            progress(1)
        writer.about["mined"] = {**record, "mean_negatives": mined / len(training_set), "short": short}


def choose(found: npt.NDArray[np.uint32], settings: MiningSettings, example: int) -> npt.NDArray[np.uint32]:
    """Choose the negatives of this example from what was found for it; both best first."""
    if len(found) <= settings.negatives or settings.sampling == "top":
        return found[: settings.negatives]
    random = np.random.default_rng([settings.seed, example])
    return found[np.sort(random.choice(len(found), settings.negatives, replace=False))]
