"""`lsr compact`: a collection in one segment."""

from __future__ import annotations

from lsr.cli.collection import CollectionPath, report_recovered
from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.options import Json


def run(collection: CollectionPath, as_json: Json = False) -> None:
    """Put a collection into one segment, without what was deleted of it.

    Segments are merged as they become many, without being asked: this is for a collection that is to be searched a lot
    and written to no more, or whose space is wanted back. Searches go on meanwhile.

    Example:

        lsr compact my-index
    """
    from lsr.collection.collection import Collection
    from lsr.core.counted import counted

    with Collection.open(collection) as opened:
        report_recovered(opened)
        before = opened.snapshot.describe()
        had_late = any("late" in segment.record.parts for segment in opened.snapshot.segments)
        with progress_bar("compacting", len(opened)) as progress:
            opened.compact(progress)
        after = opened.snapshot.describe()
        if had_late and "late" not in opened.snapshot.parts:
            note("token vectors, which not all documents had, are gone: `lsr late` makes those of all")
    if as_json:
        keys = ("documents", "segments", "bytes")
        print_json({"before": {k: before[k] for k in keys}, "after": {k: after[k] for k in keys}})
    else:
        mb = before["bytes"]["total"] / 1e6, after["bytes"]["total"] / 1e6
        segments = counted(len(before["segments"]), "segments")
        note(f"{collection}: {segments} of {mb[0]:,.1f} MB before, {len(after['segments'])} of {mb[1]:,.1f} MB now")
