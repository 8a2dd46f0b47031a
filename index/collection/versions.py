"""Files of one version of a collection in the folder of another, and a kept version as a collection of its own."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from lsr.core.errors import InputError
from lsr.core.files import sync
from lsr.index.format.manifest import Manifest
from lsr.index.live.log.frames import log_numbers
from lsr.index.live.log.writer import LogWriter
from lsr.index.live.opening import open_segments
from lsr.index.live.replay import replayed
from lsr.index.live.versions import remove_version
from lsr.index.live.vocabulary import vocabulary_path


def share_files(source: Path, target: Path, manifest: Manifest) -> None:
    """Let the folder `target` have the segments and the vocabulary of a manifest, whose files lie in `source`.

    Files are never changed once they are whole, so that both have the same ones by links; copies where a file system
    has none. They are on the disk when this returns.
    """
    for record in manifest.segments:
        made = target / record.name
        # It may be there: of a version that was kept, or of a process that was killed.
        shutil.copytree(source / record.name, made, copy_function=_link, dirs_exist_ok=True)
        for folder in (made, *(entry for entry in made.rglob("*") if entry.is_dir())):
            sync(folder)
    live = manifest.live
    if live is not None and live.vocabulary is not None:
        named = vocabulary_path(target, live.vocabulary)
        _link(vocabulary_path(source, live.vocabulary), named)
    sync(target)


def _link(source: str | Path, target: str | Path) -> None:
    """Give a file another name, or copy it; one that has it is the same."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        temporary = Path(f"{target}.tmp")
        shutil.copyfile(source, temporary)
        sync(temporary)
        temporary.rename(target)


def without_log(path: Path) -> Manifest:
    """The manifest of a collection that nobody writes to, all of which is in segments. InputError if it is not."""
    manifest = Manifest.read(path)
    state = replayed(path, manifest, open_segments(path, manifest, {}))
    if state.memory.state.live or any(each.changed for each in state.tombstones):
        raise InputError(f"{path}: some of its writes are in its log alone")
    return manifest


def in_place_of(before: Manifest, taken: Manifest, *, log: int, sequence: int) -> Manifest:
    """The manifest of a version that takes another's place, whose log goes on in file `log` after write `sequence`."""
    assert before.live is not None and taken.live is not None
    live = replace(taken.live, identity=before.live.identity, log=log, sequence=sequence)
    return replace(taken, live=live, synonyms=before.synonyms)


def begin_with(path: Path, kept: Manifest, folder: Path) -> None:
    """Make a collection in a new folder of a version of the collection at `path`, whose segments lie there."""
    remove_version(folder)
    folder.mkdir()
    share_files(path, folder, kept)
    live = kept.live
    assert live is not None and not log_numbers(folder)
    LogWriter.create(folder, bytes.fromhex(live.identity), number=live.log, first=live.sequence + 1).close()
    kept.write(folder)
