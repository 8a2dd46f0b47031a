"""`lsr late`: add token vectors to an index, for re-ranking by late interaction."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.corpus import resumable
from lsr.cli.options import Device, EncodingThreads, Force, IndexPath, Json, Restart
from lsr.cli.remarks import remark_on_texts
from lsr.cli.shards import Address, EngineOption, spreading
from lsr.core.places import everywhere
from lsr.core.unfinished import announce

NAME = "late"


def run(
    index: IndexPath,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="A late-interaction model (ColBERT, PyLate) or any encoder: a short name, a folder, or a hub name.",
        ),
    ] = "minilm",
    bits: Annotated[int, typer.Option(metavar="8|4", help="Bits per stored number.")] = 8,
    max_length: Annotated[
        int | None,
        typer.Option(min=2, help="The most tokens to read of a document. (default: the model's)", show_default=False),
    ] = None,
    threads: EncodingThreads = None,
    device: Device = None,
    engine: EngineOption = None,
    address: Address = None,
    force: Force = False,
    restart: Restart = False,
    as_json: Json = False,
) -> None:
    """Add a vector for each token of its documents to an index, so that `--rerank late` can score hits by MaxSim.

    They take tens of kilobytes per document and are for re-ranking the best hits, not for searching everything. Models
    that were not trained for it, such as minilm, may make the ranking worse: measure with `lsr eval --rerank late`.
    Run the same command again to resume an interrupted run.

    Examples:

        lsr late my-index --model ./my-colbert

        lsr search my-index "how do birds find their way" --rerank late
    """
    from lsr.build.late import add_token_vectors
    from lsr.encoding.late.encoder import TokenEncoder
    from lsr.index import Index

    announce(index)
    encoder = TokenEncoder.load(model, max_length=max_length, device=device)
    load = partial(TokenEncoder.load, everywhere(model), max_length=max_length, device=device)
    opened = Index.open(index)
    with resumable(opened.path, (f".{NAME}",)), spreading(engine, address) as spread:
        made = add_token_vectors(
            opened, spread(encoder, load), bits=bits, force=force, restart=restart, stages=progress_bar
        )
    remark_on_texts(encoder)
    record, size = made.parts["late"].record, made.describe()["bytes"][NAME]
    if as_json:
        print_json({"index": str(index), "bytes": size, **record.to_record()})
    else:
        note(
            f"{index}: {record.vectors:,} token vectors of {record.dim} in {record.bits} bits, {size / 1e6:,.1f} MB. "
            f'Try: lsr search {index} "your question" --rerank late'
        )
