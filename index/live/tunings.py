"""Storing what was measured on an index, for indexes opened afterwards."""

from __future__ import annotations

from dataclasses import replace

from lsr.core.annotated import as_annotated
from lsr.index.engines.tuning import Tuning
from lsr.index.format.manifest import Manifest
from lsr.index.format.output import change_manifest
from lsr.index.live.snapshot import Index


@as_annotated
def store_tuning(index: Index, tuning: Tuning) -> None:
    """Record a tuning in the manifest on disk, replacing one for the same k and recall.

    An index that is opened afterwards has it. IndexFormatError if the index was replaced on disk since it was opened;
    OutputExistsError while another process writes there.
    """
    record = tuning.to_record()

    def change(manifest: Manifest) -> Manifest:
        others = [r for r in manifest.tunings if (r["k"], r["recall"]) != (record["k"], record["recall"])]
        return replace(manifest, tunings=[*others, record])

    change_manifest(index.path, index.manifest.segment, change)
