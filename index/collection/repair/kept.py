"""What is done about a damaged version that `reindex` kept: it is mended as a whole, or set aside as a whole."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lsr.core.errors import IndexFormatError
from lsr.index.collection.repair.segments import link, mend, plan_segment
from lsr.index.format.live_record import LiveRecord
from lsr.index.format.manifest import Manifest
from lsr.index.format.records import SEGMENT_NAME
from lsr.index.live.verification import kept_problems
from lsr.index.live.versions import PREVIOUS, kept_version, remove_version
from lsr.index.live.vocabulary import vocabulary_path, vocabulary_problems


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """What was found.

    Attributes:
        problems: in words.
        manifest: of the version; None if it cannot be read.
        mendable: whether all that is damaged follows from other files.
    """

    problems: list[str]
    manifest: Manifest | None
    mendable: bool

    @property
    def step(self) -> str:
        """What is done about it, in words."""
        if self.mendable:
            return "files of the version that was kept are made again"
        return "the version that was kept is set aside: there is none to go back to any more"


def plan_kept(path: Path, live: LiveRecord) -> KeptPlan | None:
    """What is to become of the version that was kept; None if there is none, or if it is sound.

    `live`: of the one that is searched.
    """
    problems = kept_problems(path, live)
    if not problems:
        return None
    kept = None
    with suppress(IndexFormatError):
        kept = kept_version(path)
    if kept is None or kept.live is None:
        return KeptPlan(problems, None, mendable=False)
    plans = [plan_segment(path, record) for record in kept.segments]
    lost = any(plan is not None and (plan.lost or plan.parts) for plan in plans)
    own = kept.live.vocabulary if kept.live.vocabulary != live.vocabulary else None
    return KeptPlan(problems, kept, mendable=not (lost or vocabulary_problems(path, own, contents=True)))


def keep_aside(path: Path, plan: KeptPlan, searched: Manifest, folder: Path) -> None:
    """Give the files of the version further names in `folder`; of one that cannot be read, all that may be its."""
    named = {record.name for record in searched.segments}
    if plan.manifest is None:
        held = [each.name for each in path.iterdir() if SEGMENT_NAME.fullmatch(each.name) and each.name not in named]
    else:
        held = [record.name for record in plan.manifest.segments]
        live = plan.manifest.live
        if live is not None and live.vocabulary is not None:
            vocabulary = vocabulary_path(path, live.vocabulary)
            with suppress(OSError):
                link(vocabulary, folder / vocabulary.name)
    for name in (PREVIOUS, *held):
        link_folder(path, name, folder)


def link_folder(path: Path, name: str, aside: Path) -> None:
    """Give all files of the folder `name` in `path` further names in another folder; none if it is a link."""
    if (path / name).is_symlink():
        return
    for folder, _, files in os.walk(path / name):
        kept = aside / Path(folder).relative_to(path)
        kept.mkdir(parents=True, exist_ok=True)
        for file in files:
            with suppress(OSError):  # what cannot be read cannot be kept, where files have one name only
                link(Path(folder, file), kept / file)


def mended_kept(path: Path, plan: KeptPlan) -> Manifest | None:
    """The manifest of the version with segments made again; None if it cannot be mended."""
    if plan.manifest is None or not plan.mendable:
        return None
    records = []
    for record in plan.manifest.segments:
        damaged = plan_segment(path, record)
        made = (record, []) if damaged is None else mend(path, damaged)
        if made is None or made[1]:
            return None
        records.append(made[0])
    return replace(plan.manifest, segments=tuple(records))


def publish_kept(path: Path, mended: Manifest | None) -> None:
    """Let the mended version be the one that was kept, or none."""
    if mended is None:
        remove_version(path / PREVIOUS)
    else:
        mended.write(path / PREVIOUS)
