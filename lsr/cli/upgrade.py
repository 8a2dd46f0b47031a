"""`lsr upgrade`: bring an index in an older format up to date."""

from __future__ import annotations

from lsr.cli.console import note, print_json
from lsr.cli.options import IndexPath, Json


def run(index: IndexPath, as_json: Json = False) -> None:
    """Convert an index made by an older lsr to the current format.

    Its manifest is rewritten in one step, and no other file is touched: searches give the same answers before and
    after, and keep working meanwhile. An older lsr may not be able to read it afterwards. An index in the current
    format is left as it is. Exits with 2 for a format that is unknown or too old: build such an index again.

    Example:

        lsr upgrade my-index
    """
    from lsr.index import upgrade_index

    done = upgrade_index(index)
    if as_json:
        print_json({"index": str(index), "format_before": done.before, "format": done.after, "changed": done.changed})
    elif done.changed:
        note(f"{index}: from format {done.before} to format {done.after}")
    else:
        note(f"{index}: already in format {done.after}, so there is nothing to do")
