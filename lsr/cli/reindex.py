"""`lsr reindex`: a collection encoded anew, by another model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.collection import CollectionPath, report_recovered
from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.options import Device, EncodingThreads, Json
from lsr.cli.remote import MANY, SERVER_PANEL, ServerKey, ServerUrl, connected, refuse_key
from lsr.cli.remote_jobs import say_begun, waited
from lsr.cli.useless import refuse
from lsr.core.counted import counted
from lsr.core.errors import InputError
from lsr.encoding.lexical.settings import WORDS_ALONE

if TYPE_CHECKING:
    from lsr.index import Index


def run(
    context: typer.Context,
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
    threads: EncodingThreads = None,
    device: Device = None,
    server: ServerUrl = None,
    key: ServerKey = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Begin it, and say which job it is.", rich_help_panel=SERVER_PANEL)
    ] = False,
    as_json: Json = False,
) -> None:
    """Encode a collection anew, by another model, of the texts that it has stored.

    The new version is made beside the other, which is searched meanwhile, and takes its place in one step. Nobody else
    can write until then; in Python, `Collection.reindex` lets its own process write. After an interruption, the same
    command goes on where it was.

    A server takes it for a job, which goes on without this command, while others write.

    Examples:

        lsr reindex my-index --model lsr-doc-tiny --keep

        lsr reindex my-index --back

        lsr reindex birds --model lsr-doc-tiny --keep --server http://localhost:8080
    """
    asked: dict[str, object] = {"--dense": dense, "--weight-scale": weight_scale, "--keep": keep, "--no-wait": no_wait}
    _check(model, back, forget, asked)
    if server is not None:
        with connected(context, server, key, collection, "device", "threads", retries=MANY) as there:
            if forget:
                _say_forgotten(collection, there.forget(), as_json)
                return
            if back:
                job = there.go_back(keep=keep)
            else:
                assert model is not None
                job = there.reindex(model, dense=dense, weight_scale=weight_scale, keep=keep)
            if no_wait:
                say_begun(job, server, key, as_json)
                return
            documents = waited(job, server, key, "encoding")["documents"]
            _say(collection, documents, there.describe().model, keep, as_json)
        return
    refuse(context, "goes with --server", "no_wait")
    refuse_key(context)
    from lsr.collection.collection import Collection
    from lsr.collection.outcomes import Reindexed
    from lsr.collection.reindexing import finished
    from lsr.core.unfinished import announce, is_unfinished
    from lsr.index.format.manifest import MANIFEST_NAME
    from lsr.index.live.versions import version_identity

    published = collection / MANIFEST_NAME
    announce(published)
    # What this same command published before it was killed.
    done = not forget and is_unfinished(published, version_identity)
    with Collection.open(collection, device=device) as opened:
        report_recovered(opened)
        if forget:
            _say_forgotten(collection, opened.forget(), as_json)
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
    _say(collection, result.documents, name, keep, as_json)


def _say(collection: Path, documents: int, model: str | None, keep: bool, as_json: bool) -> None:
    if as_json:
        print_json({"documents": documents, "model": model, "kept": keep})
    else:
        kept = "; --back returns to what it was" if keep else ""
        note(f"{collection}: {counted(documents, 'documents')}, encoded by {model}{kept}")


def _say_forgotten(collection: Path, there: bool, as_json: bool) -> None:
    said = "the version that was kept is removed" if there else "no other version of it was kept"
    print_json({"forgotten": there}) if as_json else note(f"{collection}: {said}")


def _note_lost(before: Index) -> None:
    """Say what the version that is left had, and the new one has not."""
    if "late" in before.parts:
        note("token vectors are of the version before: `lsr late` makes them again")
    if before.manifest.tunings or before.manifest.fusion or before.manifest.lexical:
        note("what `lsr tune` found is of the version before: it is to be measured again")
    if before.manifest.relevance:
        note("relevance is of the model before: `lsr calibrate` finds it again")


def _check(model: str | None, back: bool, forget: bool, others: dict[str, object]) -> None:
    """InputError unless one thing is asked for, with what goes with it."""
    if (model is not None) + back + forget != 1:
        raise InputError("give one of --model, --back and --forget")
    for flag, given in others.items():
        either = flag in ("--keep", "--no-wait")
        if given and (forget or (back and not either)):
            raise InputError(f"{flag} goes with --model" + (" or --back" if either else ""))
