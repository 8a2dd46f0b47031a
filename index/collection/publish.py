"""Publishing what a collection consists of, and clearing away what it no longer does."""

from __future__ import annotations

import secrets
import shutil
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lsr.core.unfinished import mark_output
from lsr.index.format.manifest import MANIFEST_NAME, Manifest
from lsr.index.format.output import remove_segments
from lsr.index.format.records import SegmentRecord
from lsr.index.live.tombstones import Tombstones
from lsr.index.live.versions import PREVIOUS, clear_published, remove_version, settle_kept, stage_kept, versions
from lsr.index.live.vocabulary import remove_vocabularies
from lsr.index.parts.deleted import NAME


class Publisher:
    """Writes the manifests of a collection, one at a time.

    Attributes:
        manifest: the latest that was published.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._path = path
        self.manifest = manifest
        with suppress(OSError):  # as in `clear_away`
            clear_published(path)

    def publish(self, tombstones: Sequence[Tombstones], *, log: int | None = None, sequence: int | None = None) -> None:
        """Publish these segments with what is deleted of each; `log`, `sequence`: as in `LiveRecord`, if they changed.

        Segments that are left out are removed; who has them open can go on reading.
        """
        live = self.manifest.live
        assert live is not None
        records = tuple(self._record(each) for each in tombstones)
        if log is not None and sequence is not None:
            live = replace(live, log=log, sequence=sequence)
        # Tunings were measured on other documents, and stay until they are measured anew.
        manifest = replace(self.manifest, segments=records, live=live)
        manifest.write(self._path)
        self.manifest = manifest
        for each, record in zip(tombstones, records, strict=True):
            each.segment.record = record
            each.changed = False
        self.clear_away()

    def replace(self, manifest: Manifest, *, keep: bool) -> None:
        """Publish another version, whose files are there; keep the one before, all of which is in segments, or not."""
        stage_kept(self._path, self.manifest if keep else None)
        mark_output(self._path / MANIFEST_NAME, [zlib.crc32(manifest.created.encode())])
        manifest.write(self._path)
        self.manifest = manifest
        if not keep:
            with suppress(OSError):
                remove_version(self._path / PREVIOUS)
        self.clear_away()

    def forget(self) -> bool:
        """Remove the version that was kept; whether there was one."""
        known = versions(self._path, self.manifest)
        found = known is None or len(known) > 1
        remove_version(self._path / PREVIOUS)
        self.remove_leftovers()
        return found

    def _record(self, tombstones: Tombstones) -> SegmentRecord:
        """What the manifest is to say of a segment, whose deleted rows are written if there are more."""
        record, state = tombstones.segment.record, tombstones.state()
        if not tombstones.changed or state is None:
            return record
        folder = tombstones.segment.folder / f"{NAME}-{secrets.token_hex(4)}"
        folder.mkdir()
        return replace(record, parts={**record.parts, NAME: state.write(folder)})

    def clear_away(self) -> None:
        """Remove what is left over, as far as that can be done now: what cannot be is not worth an error."""
        with suppress(OSError):
            self.remove_leftovers()

    def remove_leftovers(self) -> None:
        """Remove segments and parts that the manifest does not name: of earlier states, and of killed writers."""
        records = {record.name: record for record in self.manifest.segments}
        settle_kept(self._path, self.manifest)
        known = versions(self._path, self.manifest)
        if known is not None:
            remove_segments(self._path, keep={record.name for each in known for record in each.segments})
            vocabularies = [None if each.live is None else each.live.vocabulary for each in known]
            remove_vocabularies(self._path, keep=vocabularies)
        for name, record in records.items():
            kept = {part.folder for part in record.parts.values()}
            folder = self._path / name
            for entry in folder.iterdir() if folder.is_dir() else ():  # one that is damaged may be gone
                if entry.is_dir() and entry.name not in kept:
                    shutil.rmtree(entry, ignore_errors=True)
        (self._path / f".{MANIFEST_NAME}").unlink(missing_ok=True)
