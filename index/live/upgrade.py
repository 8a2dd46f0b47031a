"""Bringing an index of an older format up to date."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lsr.core.annotated import as_annotated
from lsr.index.format.manifest import (
    FORMAT_VERSION,
    FROZEN_VERSION,
    UPGRADABLE_VERSIONS,
    Manifest,
    format_version,
)
from lsr.index.format.output import change_manifest
from lsr.index.parts.segment import Segment

_READ = (*UPGRADABLE_VERSIONS, FROZEN_VERSION, FORMAT_VERSION)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What `upgrade_index` found and did.

    Attributes:
        before: the format version that the index had.
        after: the one that it has now: the current one of an index that is not written to, or is.
    """

    before: int
    after: int

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.before != self.after


@as_annotated
def upgrade_index(path: str | Path) -> Upgrade:
    """Rewrite the manifest of the index at `path` in a current format, atomically; other files stay as they are.

    An index of the current format is left alone. Opened indexes stay usable, and searches give the same answers before
    and after. Raises IndexFormatError for a format that is newer, unknown or too old, and for an index that is damaged;
    OutputExistsError while another process writes there.
    """
    path = Path(path)
    before = format_version(path)
    manifest = Manifest.read(path, versions=_READ)
    for record in manifest.segments:
        Segment.open(path / record.name, record)  # a damaged index must not be made to look like a current one
    if before in UPGRADABLE_VERSIONS:
        change_manifest(path, manifest.segment, lambda current: current, versions=_READ)
    return Upgrade(before, manifest.version)
