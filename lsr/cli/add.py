"""`lsr add`: documents for a collection."""

from __future__ import annotations

import typer

from lsr.cli.collection import CollectionPath, report_recovered
from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.corpus import looked_at, skipping
from lsr.cli.options import Corpus, Device, EncodingThreads, Format, Json, OnError, OnErrorOption
from lsr.cli.remote import MANY, ServerKey, ServerUrl, connected, refuse_key


def run(
    context: typer.Context,
    collection: CollectionPath,
    corpus: Corpus,
    format: Format = None,
    on_error: OnErrorOption = OnError.skip,
    threads: EncodingThreads = None,
    device: Device = None,
    server: ServerUrl = None,
    key: ServerKey = None,
    as_json: Json = False,
) -> None:
    """Add documents to a collection; one of an id that is there takes its place.

    They are found by the next search, whoever makes it. What was added is on the disk when this ends, and after an
    interruption as far as it was said; to go on, give the same command again.

    Examples:

        lsr add my-index more.jsonl

        echo '{"_id": "note-1", "text": "Buy milk."}' | lsr add my-index -

        lsr add birds more.jsonl --server http://localhost:8080
    """
    from lsr.core.counted import counted
    from lsr.text import count_documents, open_corpus

    assert corpus is not None
    with skipping(on_error) as skip:
        documents = looked_at(open_corpus(corpus, format=format, **skip))
        total = count_documents(corpus, format=format)
        if server is not None:
            with connected(context, server, key, collection, "device", "threads", retries=MANY) as there:
                with progress_bar("adding", total) as progress:
                    done = there.add(documents, progress=progress)
                count = len(there)
        else:
            refuse_key(context)
            from lsr.collection.collection import Collection

            with Collection.open(collection, device=device) as opened:
                report_recovered(opened)
                with progress_bar("adding", total) as progress:
                    done = opened.add(documents, progress=progress)
                opened.wait()
                count = len(opened)
    for refused in done.refused:
        note(f"{refused.id}: {refused.reason}")
    if as_json:
        refusals = [{"id": each.id, "error": each.reason} for each in done.refused]
        print_json({"created": done.created, "replaced": done.replaced, "refused": refusals, "documents": count})
    else:
        left_out = f", {len(done.refused):,} refused" if done.refused else ""
        said = f"{counted(done.created, 'documents')} added, {done.replaced:,} replaced{left_out}"
        note(f"{collection}: {said}; {counted(count, 'documents')} now")
