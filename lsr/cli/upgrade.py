"""`lsr upgrade`: an index of an older format, brought up to date."""

from __future__ import annotations

from lsr.cli.console import note, print_json
from lsr.cli.options import IndexPath, Json


def run(index: IndexPath, as_json: Json = False) -> None:
    """Bring an index that an older lsr made up to the format of this one.

    Its manifest is rewritten in one step, and no other file is touched: searches give the same answers before and
    after, and go on meanwhile. An older lsr may not read it then. An index of this lsr's format is left as it is.
    Exits with 2 for a format that this lsr does not know, or that is too old; those are built again.

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
        note(f"{index}: of format {done.after} already, so there is nothing to do")
