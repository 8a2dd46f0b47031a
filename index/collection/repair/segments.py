"""What can be done about a damaged segment: a new one of its sound files, and of those that are made again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lsr.core.errors import IndexFormatError, LsrError, MissingDependencyError
from lsr.core.files import crc32, sync
from lsr.index.format.output import new_segment
from lsr.index.format.records import FileRecord, SegmentRecord
from lsr.index.live.verification import Problem, segment_problems
from lsr.index.parts.deleted import NAME as DELETED
from lsr.index.parts.recipes import Recipe, Remains, files_of, recipes_for


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """What is to become of a segment.

    Attributes:
        record: what the manifest says of it.
        problems: what is wrong with it.
        damaged: files that cannot be relied on, as `lsr.index.parts.recipes` names them.
        recipes: what makes some of them again, in order.
        parts: added parts that are to go.
        lost: whether it cannot be searched without what remains damaged.
    """

    record: SegmentRecord
    problems: list[Problem]
    damaged: set[str]
    recipes: list[Recipe]
    parts: list[str]
    lost: bool

    @property
    def made(self) -> list[str]:
        """The damaged files that are made again."""
        return sorted(self.damaged & {file for recipe in self.recipes for file in recipe.makes})


def plan_segment(path: Path, record: SegmentRecord) -> SegmentPlan | None:
    """What is to become of a segment of the index at `path`; None if it is sound.

    IndexFormatError if it has files of parts that this lsr does not know, and cannot judge.
    """
    problems = segment_problems(path / record.name, record)
    if not problems:
        return None
    damaged: set[str] = set()
    for problem in problems:
        if problem.unknown and not problem.files:
            raise IndexFormatError(problem.said, remedies=["use the version that wrote it"])
        damaged |= problem.files or set(record.files)
    recipes, left = recipes_for(record, damaged)
    parts = sorted({file.split("/")[0] for file in left if "/" in file} - {DELETED})
    # Which documents are deleted has to be known, or they come back.
    lost = any("/" not in file or file.startswith(f"{DELETED}/") for file in left)
    return SegmentPlan(record, problems, damaged, recipes, parts, lost)


def mend(path: Path, plan: SegmentPlan) -> tuple[SegmentRecord, list[str]] | None:
    """Make a new segment in the place of a damaged one; (what the manifest is to say of it, parts that it lacks).

    None, and nothing is left behind, if it would not be sound. MissingDependencyError if what is needed to make a part
    again is not installed.
    """
    folder, lacking = new_segment(path), list(plan.parts)
    try:
        while True:
            record = _made(path, plan, folder, lacking)
            found = [] if record is None else segment_problems(folder, record)
            if record is not None and not found:
                return record, sorted(lacking)
            shutil.rmtree(folder)
            # Another attempt is worth it without the parts that are wrong, if others can do without them.
            wrong = {file.rpartition("/")[0] for problem in found for file in problem.files or ("",)}
            if not wrong or wrong & {"", DELETED}:
                return None
            lacking += sorted(wrong)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _made(path: Path, plan: SegmentPlan, folder: Path, lacking: Iterable[str]) -> SegmentRecord | None:
    """Write the new segment into a folder; None if a file cannot be made."""
    record = replace(plan.record, parts={n: part for n, part in plan.record.parts.items() if n not in lacking})
    remains = remains_of(path, replace(plan, record=record), folder)
    recipes = [each for each in plan.recipes if any(file in files_of(record) for file in each.makes)]
    if not all(cook(recipe, remains) for recipe in recipes):
        return None
    made = {file for recipe in recipes for file in recipe.makes} & files_of(record)
    files = {name: _file(folder / name) if name in made else each for name, each in record.files.items()}
    parts = {
        name: replace(
            part,
            files={
                file: _file(folder / part.folder / file) if f"{name}/{file}" in made else each
                for file, each in part.files.items()
            },
        )
        for name, part in record.parts.items()
    }
    for each in (*(folder / part.folder for part in parts.values()), folder):
        sync(each)
    return replace(record, name=folder.name, files=files, parts=parts)


def _file(path: Path) -> FileRecord:
    sync(path)
    return FileRecord(path.stat().st_size, crc32(path))


def remains_of(path: Path, plan: SegmentPlan, folder: Path) -> Remains:
    """The sound files of a segment, in a new folder."""
    old, new = Remains(path / plan.record.name, plan.record), Remains(folder, plan.record)
    folder.mkdir()
    for part in plan.record.parts.values():
        (folder / part.folder).mkdir()
    for file in files_of(plan.record) - plan.damaged:
        link(old.path(file), new.path(file))
    return new


def cook(recipe: Recipe, remains: Remains) -> bool:
    """Make the files of a recipe; False if what they are made of does not fit together after all."""
    for file in recipe.makes:
        part = file.rpartition("/")[0]
        if not part or part in remains.record.parts:
            remains.path(file).unlink(missing_ok=True)  # it may be a link to the file of the damaged segment
    try:
        recipe.make(remains)
    except MissingDependencyError:
        raise
    except (LsrError, ValueError):
        return False
    return True


def link(source: Path, target: Path) -> None:
    """Let a file have a second name or, on file systems without links, a copy."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)
        sync(target)
