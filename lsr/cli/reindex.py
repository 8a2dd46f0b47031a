"""`lsr reindex`: a collection encoded anew, by another model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.collection import CollectionPath, report_recovered
from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.options import Device, Json
from lsr.core.errors import InputError
from lsr.encoding.lexical.settings import WORDS_ALONE

if TYPE_CHECKING:
    from lsr.index import Index


def run(
    collection: CollectionPath,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help=f"The new model: a name from `lsr models`, a folder, a hub name; or {WORDS_ALONE}.",
            show_default=False,
        ),
    ] = None,
    dense: Annotated[
        str | None,
        typer.Option(help="Another dense model. (default: that of the collection, if it has one)", show_default=False),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the version that is left, for --back.")] = False,
    back: Annotated[
        bool, typer.Option("--back", help="Return to the version that was kept, with what was written since.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Remove the version that was kept, and what an interrupted run has made.")
    ] = False,
    weight_scale: Annotated[
        float | None,
        typer.Option(help="As for `lsr create`. (default: by texts that come with Python)", show_default=False),
    ] = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Encode a collection anew, by another model, of the texts that it has stored.

    The new version is made beside the other, which is searched meanwhile, and takes its place in one step. Nobody else
    can write until then; in Python, `Collection.reindex` lets its own process write. After an interruption, the same
    command goes on where it was.

    Examples:

        lsr reindex my-index --model lsr-doc-tiny --keep

        lsr reindex my-index --back
    """
    from lsr.collection.collection import Collection
    from lsr.collection.outcomes import Reindexed
    from lsr.collection.reindexing import finished
    from lsr.core.counted import counted
    from lsr.core.unfinished import announce, is_unfinished
    from lsr.index.format.manifest import MANIFEST_NAME
    from lsr.index.live.versions import version_identity

    _check(model, back, forget, {"--dense": dense, "--weight-scale": weight_scale, "--keep": keep})
    published = collection / MANIFEST_NAME
    announce(published)
    # What this same command published before it was killed.
    done = not forget and is_unfinished(published, version_identity)
    with Collection.open(collection, device=device) as opened:
        report_recovered(opened)
        if forget:
            there = opened.forget()
            said = "the version that was kept is removed" if there else "no other version of it was kept"
            print_json({"forgotten": there}) if as_json else note(f"{collection}: {said}")
            return
        if done:
            result: Reindexed = finished(opened, keep=keep)
        else:
            before = opened.snapshot
            with progress_bar("encoding", len(opened)) as progress:
                if back:
                    result = opened.go_back(keep=keep, progress=progress)
                else:
                    assert model is not None
                    result = opened.reindex(model, dense=dense, weight_scale=weight_scale, keep=keep, progress=progress)
            _note_lost(before)
        name = (opened.snapshot.encoder or {}).get("model")
    if as_json:
        print_json({"documents": result.documents, "model": name, "kept": keep})
    else:
        kept = "; --back returns to what it was" if keep else ""
        note(f"{collection}: {counted(result.documents, 'documents')}, encoded by {name}{kept}")


def _note_lost(before: Index) -> None:
    """Say what the version that is left had, and the new one has not."""
    if "late" in before.parts:
        note("token vectors are of the version before: `lsr late` makes them again")
    if before.manifest.tunings or before.manifest.fusion or before.manifest.lexical:
        note("what `lsr tune` found is of the version before: it is to be measured again")


def _check(model: str | None, back: bool, forget: bool, others: dict[str, object]) -> None:
    """InputError unless one thing is asked for, with what goes with it."""
    if (model is not None) + back + forget != 1:
        raise InputError("give one of --model, --back and --forget")
    for flag, given in others.items():
        if given and (forget or (back and flag != "--keep")):
            raise InputError(f"{flag} goes with --model" + (" or --back" if flag == "--keep" else ""))
