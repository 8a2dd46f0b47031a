"""Repairing an index: setting aside what is damaged, and publishing what is sound.

In this order, so that a repair that is killed leaves the index as it was or repaired: what is set aside gets further
names in `damaged/NUMBER`, new segments and a new log are written beside the old ones, the manifest that names them is
put in place, and what it no longer names is removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from lsr.core.arguments import path_of
from lsr.core.files import remove, sync
from lsr.core.unfinished import is_unfinished
from lsr.index.collection.publish import Publisher
from lsr.index.collection.repair.aside import Aside, clear_unfinished, leave
from lsr.index.collection.repair.documents import write_documents
from lsr.index.collection.repair.kept import KeptPlan, keep_aside, link_folder, mended_kept, publish_kept
from lsr.index.collection.repair.logs import LogFindings, without_dense
from lsr.index.collection.repair.plan import (
    RepairPlan,
    dense_step,
    log_step,
    planned,
    read_manifest,
    segment_steps,
)
from lsr.index.collection.repair.report import Repair
from lsr.index.collection.repair.segments import SegmentPlan, link, mend
from lsr.index.format.live_record import LiveRecord
from lsr.index.format.manifest import Manifest, index_identity
from lsr.index.format.output import lock_folder, remove_segments
from lsr.index.format.records import SegmentRecord
from lsr.index.live.lock import WriterLock
from lsr.index.live.log.frames import log_numbers, log_path, open_log, read_header
from lsr.index.live.log.records import encode
from lsr.index.live.log.writer import LogWriter
from lsr.index.live.versions import versions
from lsr.index.live.vocabulary import vocabulary_path, vocabulary_problems
from lsr.index.parts.recipes import Remains
from lsr.index.parts.vocabulary import FILE_NAME as VOCABULARY_NAME


def repair(path: str | Path) -> Repair:
    """Set aside what is damaged of the index or collection at `path`, make again what can be, and say all of it.

    A file that follows from others is made again; a part that was added and cannot be is left out; a segment that
    cannot be searched without what is damaged is left out, too, and the documents that can still be read are written
    for `Collection.add`; of a damaged log, the writes before the damage stay, and those after it are not applied, but
    told; a version that `reindex` kept is mended as a whole, or left out. All that is left out lies in
    `damaged/NUMBER`, with a report. Killed at any moment, the index is as it was or repaired.

    IndexFormatError, and nothing is changed, where there is no telling what belongs together: for a damaged manifest,
    or files of a part that this lsr does not know. OutputExistsError while another process writes there.
    """
    path = path_of(path, "the path of an index")
    with _locked(path, read_manifest(path)):
        earlier = clear_unfinished(path)
        if earlier is not None and not is_unfinished(path, index_identity):
            earlier = None
        manifest = read_manifest(path)
        _remove_staged_log(path, manifest)
        _finish(path, manifest, begun=earlier is not None)
        plan = planned(path)
        found = _execute(path, plan) if plan.problems else Repair()
        leave(path)
        if earlier is not None:
            # This very command was killed before it could say what it had done.
            earlier.add(found)
            return earlier
        return found


@contextmanager
def _locked(path: Path, manifest: Manifest) -> Iterator[None]:
    """Keep others from writing there."""
    if manifest.live is not None:
        with WriterLock(path):
            yield
        return
    lock = lock_folder(path)
    try:
        yield
    finally:
        os.close(lock)


def _execute(path: Path, plan: RepairPlan) -> Repair:
    aside, found = Aside(path), Repair(problems=plan.problems)
    found.folder = str(path / aside.name)
    try:
        records, lost = _mended(path, plan, aside, found)
        manifest = replace(plan.manifest, segments=tuple(records))
        found.sound = bool(records) or manifest.live is not None
        manifest, number = _with_live(path, manifest, plan, lost, aside, found)
        write_documents(path, aside.folder, lost, plan.log, records, found)
        kept = None if plan.kept is None else _mended_kept(path, plan.kept, plan.manifest, aside, found)
        aside.publish(found, manifest.to_bytes() if found.sound else None)
        if not found.sound:
            return found
        if number is not None:
            assert manifest.live is not None and plan.log is not None
            _write_log(path, manifest.live, number, plan.log, dense=manifest.live.dense is not None)
        manifest.write(path)
        if plan.kept is not None:
            publish_kept(path, kept)
    except BaseException:
        # What was not published goes, whatever ended it; what was, stays.
        with suppress(Exception):
            clear_unfinished(path)
            published = read_manifest(path)
            _remove_staged_log(path, published)
            known = versions(path, published)
            if known is not None:
                remove_segments(path, keep={record.name for each in known for record in each.segments})
            leave(path)
        raise
    _finish(path, manifest, begun=True)
    return found


def _mended(path: Path, plan: RepairPlan, aside: Aside, found: Repair) -> tuple[list[SegmentRecord], list[SegmentPlan]]:
    """(The segments of the repaired index, those that are lost)."""
    damaged = {each.record.name: each for each in plan.segments}
    records, lost = [], []
    for record in plan.manifest.segments:
        each = damaged.get(record.name)
        if each is None:
            records.append(record)
            continue
        made = None if each.lost else mend(path, each)
        if made is None:
            if not each.lost:
                # Its checksums are right, and its files do not fit together: none of them can be relied on.
                each = replace(each, lost=True, damaged=set(record.files), recipes=[])
            lost.append(each)
            link_folder(path, record.name, aside.folder)
        else:
            records.append(made[0])
            each = replace(each, parts=made[1])
            _keep_files(path, each, aside)
            for part in made[1]:
                encoder = record.parts[part].record.get("encoder")
                found.parts[part] = str(encoder["model"]) if isinstance(encoder, dict) and "model" in encoder else ""
        found.steps += segment_steps(each)
    return records, lost


def _mended_kept(path: Path, plan: KeptPlan, searched: Manifest, aside: Aside, found: Repair) -> Manifest | None:
    """The manifest of the version that was kept, mended; None if it is set aside."""
    mended = mended_kept(path, plan)
    keep_aside(path, plan, searched, aside.folder)
    found.previous = mended is None
    found.steps.append(replace(plan, mendable=mended is not None).step)
    return mended


def _keep_files(path: Path, plan: SegmentPlan, aside: Aside) -> None:
    """Keep the damaged files of a segment, and all of a part that it loses."""
    source = Remains(path / plan.record.name, plan.record)
    gone = {f"{part}/{file}" for part in plan.parts for file in plan.record.parts[part].files}
    for file in sorted(plan.damaged | gone):
        old = source.path(file)
        kept = aside.folder / old.relative_to(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            link(old, kept)


def _with_live(
    path: Path, manifest: Manifest, plan: RepairPlan, lost: list[SegmentPlan], aside: Aside, found: Repair
) -> tuple[Manifest, int | None]:
    """(The manifest with what it is to say of log, dense vectors and vocabulary, the number of a log to be written)."""
    live, log = manifest.live, plan.log
    if live is None or log is None:
        return manifest, None
    live = _with_vocabulary(path, live, manifest.segments, plan, lost, aside, found)
    number = None
    if log.damage is not None:
        found.log, found.unreadable = True, log.unreadable
        found.steps.append(log_step(path, log))
        for each in log.numbers:
            if each >= log.from_file:
                link(log_path(path, each), aside.folder / log_path(path, each).name)
        number = max([live.log, *log_numbers(path)]) + 1
    if live.dense is not None and any("dense" not in record.parts for record in manifest.segments):
        found.steps.append(dense_step())
        live, number = replace(live, dense=None), max([live.log, *log_numbers(path)]) + 1
    return replace(manifest, live=live if number is None else replace(live, log=number)), number


def _with_vocabulary(
    path: Path,
    live: LiveRecord,
    segments: tuple[SegmentRecord, ...],
    plan: RepairPlan,
    lost: list[SegmentPlan],
    aside: Aside,
    found: Repair,
) -> LiveRecord:
    """What is said of the names of the model's terms, which a segment holds or the collection."""
    if plan.vocabulary and live.vocabulary is not None:
        damaged = vocabulary_path(path, live.vocabulary)
        with suppress(OSError):
            link(damaged, aside.folder / damaged.name)
        if any(record.files.get(VOCABULARY_NAME) == live.vocabulary for record in segments):
            found.steps.append("the vocabulary is copied from a segment")  # by `_finish`
            return live
        found.parts["vocabulary"] = ""
        found.steps.append("the collection goes on without a vocabulary")
        return replace(live, vocabulary=None)
    if live.vocabulary is None and not any(VOCABULARY_NAME in record.files for record in segments):
        for each in lost:
            if VOCABULARY_NAME in each.record.files and VOCABULARY_NAME not in each.damaged:
                # Nothing names it yet, so that it may be written before the manifest.
                record = each.record.files[VOCABULARY_NAME]
                _copy(path / each.record.name / VOCABULARY_NAME, vocabulary_path(path, record))
                return replace(live, vocabulary=record)
    return live


def _write_log(path: Path, live: LiveRecord, number: int, log: LogFindings, *, dense: bool) -> None:
    """Write the writes before the damage into a log of its own."""
    identity, first = bytes.fromhex(live.identity), live.sequence + 1
    with LogWriter.create(path, identity, number=number, first=first) as writer:
        for writes in log.writes:
            # A record each, as before: what belongs together stands in one.
            writer.append([encode(writes if dense else without_dense(writes))], wait=False)


def _remove_staged_log(path: Path, manifest: Manifest) -> None:
    """Remove a log that a killed repair wrote and did not publish: it begins anew where the segments end."""
    live = manifest.live
    if live is None:
        return
    last = max(log_numbers(path), default=0)
    if last <= live.log:
        return
    with suppress(Exception), open_log(log_path(path, last)) as file:
        header = read_header(file, log_path(path, last), last, bytes.fromhex(live.identity))
        # One that goes on where another ended says the checksum of that one's last frame.
        if header.previous == 0 and header.first == live.sequence + 1:
            log_path(path, last).unlink()
            sync(path)


def _finish(path: Path, manifest: Manifest, *, begun: bool) -> None:
    """Remove what the manifest does not name, of earlier states and killed processes.

    `begun`: whether a repair has published it, which told of a damaged vocabulary; then that is copied, too.
    """
    live = manifest.live
    if live is None:
        remove_segments(path, keep={record.name for record in manifest.segments})
        return
    Publisher(path, manifest).remove_leftovers()
    for each in log_numbers(path):
        if each < live.log:
            log_path(path, each).unlink()
    for temporary in path.glob(".log-*.tmp"):
        temporary.unlink()
    if live.vocabulary is not None and begun:
        whole = vocabulary_path(path, live.vocabulary)
        for record in manifest.segments:
            same = record.files.get(VOCABULARY_NAME) == live.vocabulary
            if same and vocabulary_problems(path, live.vocabulary, contents=True):
                remove(whole)
                _copy(path / record.name / VOCABULARY_NAME, whole)
    sync(path)


def _copy(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.copyfile(source, temporary)
    sync(temporary)
    temporary.replace(target)
    sync(target.parent)
