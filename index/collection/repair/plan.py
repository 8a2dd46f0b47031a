"""What is damaged of an index, and what is to be done about it: nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lsr.core.arguments import path_of
from lsr.core.counted import counted
from lsr.core.errors import IndexFormatError, InputError
from lsr.index.collection.repair.kept import KeptPlan, plan_kept
from lsr.index.collection.repair.logs import LogFindings, read_log
from lsr.index.collection.repair.report import Repair
from lsr.index.collection.repair.segments import SegmentPlan, plan_segment
from lsr.index.format.files import RESTORE
from lsr.index.format.manifest import MANIFEST_NAME, Manifest
from lsr.index.format.records import SEGMENT_NAME
from lsr.index.live.log.frames import log_numbers, log_path
from lsr.index.live.verification import manifest_problems
from lsr.index.live.vocabulary import vocabulary_problems


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What was found.

    Attributes:
        manifest: of the index.
        segments: what is to become of each that is damaged.
        vocabulary: problems of the file that a collection keeps itself.
        log: what there is in the log; None of an index that has none.
        kept: what is to become of a version that was kept; None if there is none, or if it is sound.
    """

    manifest: Manifest
    segments: list[SegmentPlan]
    vocabulary: list[str]
    log: LogFindings | None
    kept: KeptPlan | None

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong, in words."""
        found = [problem.said for plan in self.segments for problem in plan.problems] + self.vocabulary
        if self.log is not None and self.log.damage is not None:
            found.append(self.log.damage)
        return found if self.kept is None else [*found, *self.kept.problems]

    @property
    def drops_dense(self) -> bool:
        """Whether a collection can have dense vectors no more, for those of some documents are gone."""
        live = self.manifest.live
        return live is not None and live.dense is not None and any("dense" in plan.parts for plan in self.segments)


def planned(path: Path) -> RepairPlan:
    """Look at the index at `path`. IndexFormatError for what cannot be repaired, with what can be done."""
    manifest = read_manifest(path)
    if manifest.shards is not None:
        first = path / next(each.name for each in manifest.shards.records if each is not None)
        raise InputError(f"{path} is made of shards: repair each by itself, as {first}")
    for problem in manifest_problems(path, manifest):
        raise IndexFormatError(problem, remedies=[RESTORE])
    plans = [plan_segment(path, record) for record in manifest.segments]
    live = manifest.live
    return RepairPlan(
        manifest,
        [plan for plan in plans if plan is not None],
        [] if live is None else vocabulary_problems(path, live.vocabulary, contents=True),
        None if live is None else read_log(path, live),
        None if live is None else plan_kept(path, live),
    )


def read_manifest(path: Path) -> Manifest:
    """The manifest; IndexFormatError, which also says what lies beside it, if it cannot be read."""
    try:
        return Manifest.read(path)
    except IndexFormatError as error:
        held = [each.name for each in path.iterdir() if SEGMENT_NAME.fullmatch(each.name)] if path.is_dir() else []
        if not held:
            raise
        logs = len(log_numbers(path))
        beside = counted(len(held), "segments") + (f" and {counted(logs, 'files of a log')}" if logs else "")
        raise IndexFormatError(
            f"{error.problem}; which of the {beside} beside it belong together, and what of them was deleted, "
            f"{MANIFEST_NAME} alone says, so that nothing is repaired",
            remedies=[RESTORE, *(each for each in error.remedies if each != RESTORE)],
        ) from error


def plan_repair(path: str | Path) -> Repair:
    """What `repair` would do about the index at `path`, without doing it: `problems` and `steps`."""
    path = path_of(path, "the path of an index")
    plan = planned(path)
    steps = [step for each in plan.segments for step in segment_steps(each)]
    if plan.vocabulary:
        steps.append("the vocabulary is copied from a segment that holds it, or else left out")
    if plan.drops_dense:
        steps.append(dense_step())
    if plan.log is not None and plan.log.damage is not None:
        steps.append(log_step(path, plan.log))
    if plan.kept is not None:
        steps.append(plan.kept.step)
    if plan.manifest.live is None and any(each.lost for each in plan.segments):
        steps.append("nothing else is changed: the index has no other segment")
    return Repair(plan.problems, steps)


def segment_steps(plan: SegmentPlan) -> list[str]:
    """What is done about a segment."""
    record = plan.record
    if plan.lost:
        rows = counted(record.documents, "rows")
        return [f"{record.name} is set aside with its {rows}; what can be read of their documents is written beside it"]
    steps = [f"{record.name}: {file} is made again" for file in plan.made]
    return steps + [f"{record.name}: its {part} part is set aside" for part in plan.parts]


def dense_step() -> str:
    """What becomes of the dense vectors of a collection that lacks some."""
    return "the collection goes on without dense vectors, until those of all its documents are made again"


def log_step(path: Path, log: LogFindings) -> str:
    """What is done about the log."""
    kept = counted(sum(map(len, log.writes)), "writes")
    told = counted(sum(map(len, log.after)), "writes")
    name = log_path(path, log.from_file).name
    unread = f", and {counted(log.unreadable, 'records')} cannot be read" if log.unreadable else ""
    return f"the log is set aside from {name} on: {kept} before the damage stay, {told} after it are told{unread}"
