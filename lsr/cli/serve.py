"""`lsr serve`: serve an index, or a folder of collections, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.options import Device, EncodingThreads, OtherModel
from lsr.cli.remedies import in_flags
from lsr.cli.shards import CLUSTER, Address, EngineOption
from lsr.cli.useless import refuse
from lsr.core.errors import MissingDependencyError


def run(
    context: typer.Context,
    index: Annotated[
        Path,
        typer.Argument(help="An index, or a folder of them, which may be empty.", show_default=False),
    ],
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; 0.0.0.0 for every interface, if there are keys (lsr keys create)."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    config: Annotated[
        Path | None,
        typer.Option(help="A TOML file of settings; flags and LSR_… variables go before it.", show_default=False),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that answer. (default: 1)")] = None,
    search_threads: Annotated[
        int | None,
        typer.Option(min=1, help="How many searches a process runs at once. (default: the number of cores)"),
    ] = None,
    anonymous: Annotated[
        bool,
        typer.Option(
            "--anonymous", help="Let anyone ask without a key: for a server behind a proxy that authenticates."
        ),
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A name that the server answers to, besides localhost and its own address; *.example.org for all "
            "within it. May be given several times.",
            metavar="NAME",
        ),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(help="The path below which a proxy serves this, such as /search.", metavar="PATH"),
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(
            help="Let searches be re-ranked with this cross-encoder, or with `late`: the index's token vectors."
        ),
    ] = None,
    tracing: Annotated[
        str | None,
        typer.Option(
            help="Send traces to this receiver of OTLP over HTTP, such as http://localhost:4318.", metavar="URL"
        ),
    ] = None,
    model: OtherModel = None,
    threads: EncodingThreads = None,
    device: Device = None,
    engine: EngineOption = None,
    address: Address = None,
    replicas: Annotated[
        int,
        typer.Option(
            min=1,
            help="On a cluster: processes for each shard, at most; as many as there is work for.",
            rich_help_panel=CLUSTER,
        ),
    ] = 1,
) -> None:
    """Serve an index, or all collections in a folder, over HTTP, until interrupted.

    Collections can be made and written to over HTTP; the folder may be empty. /docs on the server lists the endpoints.
    Without keys (`lsr keys create`) it answers to this machine alone.

    Examples:

        lsr serve my-index --port 8080

        curl -s "localhost:8080/v1/search?q=bird+migration"

        lsr serve my-shards --engine ray --replicas 2
    """
    if engine is None:
        refuse(context, "is of a cluster: name the --engine as well", "address", "replicas")
    else:
        refuse(context, "is of one machine: a cluster has --replicas", "workers")
    try:
        from lsr.service import ServiceSettings, serve
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"serving needs {error.name}, which is not installed: pip install 'lsr-engine[service]'"
        ) from error

    settings = ServiceSettings.from_env(
        config,
        workers=workers,
        search_threads=search_threads,
        anonymous=anonymous or None,
        rerank=rerank,
        root_path=root_path,
        allow_hosts=tuple(allow_host) if allow_host else None,
        tracing=tracing,
    )
    if engine is not None:
        from lsr.service.cluster.serving import serve_on_ray

        serve_on_ray(
            index, settings, host=host, port=port, address=address, replicas=replicas, model=model, device=device
        )
        return
    serve(index, settings, host=host, port=port, model=model, device=device, wording=in_flags)
