"""`lsr index`: from text, or from vectors, to an index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.corpus import encoding, looked_at, resumable, skipping
from lsr.cli.dry_run import dry_run, print_dry_run
from lsr.cli.options import (
    Corpus,
    Device,
    DryRun,
    Force,
    Format,
    Json,
    Language,
    Lexical,
    LexicalWeight,
    MaxLength,
    NeverSplit,
    OnError,
    OnErrorOption,
    Restart,
    SchemaOption,
    TitleWeight,
    TopK,
    TopWindows,
    WindowOverlap,
    Windows,
    WindowStride,
    WindowWords,
    lexical_settings,
    schema_of,
    threads_here,
    window_settings,
)
from lsr.cli.remarks import remark_on_texts
from lsr.cli.shards import Address, EngineOption, Shards, index_shards
from lsr.cli.useless import refuse, refuse_of_models
from lsr.core.counted import counted
from lsr.core.unfinished import announce
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.settings import WORDS_ALONE

if TYPE_CHECKING:
    from lsr.encoding.shared.tally import TextReport
    from lsr.index import Index

_ENGINE = "The search engine"
_WAYS = "--max-length reads more, --windows max all"
_OF_TEXTS = ("top_k", "window_overlap", "lexical", "lexical_weight", "language", "never_split", "title_weight")


def run(
    context: typer.Context,
    corpus: Corpus = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="The index to make.")] = Path("lsr-index"),
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help=f"A name from `lsr models`, a folder, or a hub name; or {WORDS_ALONE}, to index words alone. "
            f"(default: {DEFAULT_MODEL}; none with --vectors)",
        ),
    ] = None,
    max_length: MaxLength = None,
    top_k: TopK = None,
    lexical: Lexical = True,
    lexical_weight: LexicalWeight = None,
    language: Language = None,
    never_split: NeverSplit = None,
    title_weight: TitleWeight = 0.0,
    window_overlap: WindowOverlap = None,
    windows: Windows = None,
    window_words: WindowWords = None,
    window_stride: WindowStride = None,
    top_windows: TopWindows = None,
    dense: Annotated[
        str | None,
        typer.Option(
            help="A dense model, such as minilm: add its vectors, for hybrid search. For more options see `lsr dense`.",
            show_default=False,
        ),
    ] = None,
    schema: SchemaOption = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            help="Index this file of vectors instead of encoding. CORPUS, in the same order, gives the texts. With "
            "--model, the one that made the vectors, they can be searched by text."
        ),
    ] = None,
    block_size: Annotated[
        int | None,
        typer.Option(
            help="Neighbouring documents that share a bound: more make a smaller index. (default: by the "
            "number of documents)",
            show_default=False,
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    weight_bits: Annotated[
        int | None,
        typer.Option(
            metavar="8|16|24",
            help="Bits per stored weight; 16 gives nearly the scores of float32, 24 gives them. (default: 8, and 24 "
            f"for {WORDS_ALONE})",
            show_default=False,
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    seismic: Annotated[
        bool,
        typer.Option(
            "--seismic",
            help="Also build what `search --mode seismic` needs, which takes several times the space.",
            rich_help_panel=_ENGINE,
        ),
    ] = False,
    bmp: Annotated[
        bool, typer.Option("--bmp", help="Also build what `search --mode bmp` needs.", rich_help_panel=_ENGINE)
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="Random seed: the same seed gives the same index, whatever --threads is.",
            rich_help_panel=_ENGINE,
        ),
    ] = 0,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            callback=threads_here,
            help="Threads that encode and build. (default: all processors)",
            show_default=False,
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    format: Format = None,
    on_error: OnErrorOption = OnError.skip_files,
    device: Device = None,
    shards: Shards = None,
    engine: EngineOption = None,
    address: Address = None,
    force: Force = False,
    restart: Restart = False,
    dry: DryRun = False,
    as_json: Json = False,
) -> None:
    """Encode a corpus and index it.

    Run the same command again to resume an interrupted run.

    Examples:

        lsr index notes/ -o notes-index

        lsr index corpus.jsonl -o my-index --max-length 512

        lsr index corpus.jsonl -o my-index --windows max

        lsr index corpus.jsonl -o my-index --dense minilm

        lsr index corpus.jsonl -o my-index --schema '{"year": "integer", "tags": "keyword[]", "published": "datetime"}'

        lsr index --vectors docs.parquet --model splade-tiny -o vector-index

        lsr index --vectors docs.ciff -o ciff-index

        lsr index corpus.parquet -o my-shards --engine ray --shards 4
    """
    from lsr.build.corpus import check_work, finished_index, index_corpus
    from lsr.build.dense import add_dense_vectors, check_dense_model, is_interrupted
    from lsr.build.encoders import windows_that_fit
    from lsr.index import BmpSettings, Index, IndexSettings, SeismicSettings, check_index_output
    from lsr.index.live.inspection import outliers_in_words
    from lsr.text.windows import cut_corpus

    announce(out)
    cut = window_settings(windows, window_words, window_stride, top_windows)
    if cut is not None and vectors is not None:
        fail("--windows cuts documents before they are encoded, so it cannot be used with --vectors")
    if vectors is not None:
        if model == WORDS_ALONE:
            fail(f"{WORDS_ALONE} is no model that makes vectors: leave out --model, or index a CORPUS with it")
        refuse(context, "is for texts to encode: --vectors are indexed as they are", *_OF_TEXTS)
        if dense is None:
            refuse(context, "is for models that encode: --vectors are indexed as they are", "device")
        refuse(context, "is for what takes long to encode: --vectors are indexed at once", "restart")
        refuse(context, "is for texts to encode: --vectors make one index", "shards", "engine")
        if model is None:
            refuse(context, "is of a model: name the --model of these vectors as well", "max_length")
        if corpus is None:
            refuse(context, "is for a CORPUS, of which none is given beside --vectors", "format", "on_error", "schema")
    if engine is None:
        refuse(context, "is of a cluster: name the --engine as well", "address")
    if model == WORDS_ALONE:
        refuse_of_models(context, encodes=dense is not None)
    words = None if vectors is not None else lexical_settings(lexical, lexical_weight, language, never_split)
    if dense is not None:
        check_dense_model(dense)
    goes_on = dense is not None and not force and not restart and is_interrupted(out)
    built = finished_index(out) if dense is not None and not force else None
    if not goes_on and built is None:
        check_index_output(out, force=force)
    settings = IndexSettings(
        block_size=block_size,
        weight_bits=weight_bits or (24 if model == WORDS_ALONE else IndexSettings().weight_bits),
        seismic=SeismicSettings() if seismic else None,
        bmp=BmpSettings() if bmp else None,
        seed=seed,
    )
    building: dict[str, Any] = {"settings": settings, "threads": threads, "force": force, "stages": progress_bar}
    building["schema"] = schema_of(schema)
    read: TextReport | None = None
    if dry and goes_on:
        count = len(Index.open(out))
        if as_json:
            print_json({"unit": "dense vectors", "count": count})
        else:
            note(f"{out} is built: only its {counted(count, 'dense vectors')} would be made. Nothing was written.")
        return
    if goes_on or built is not None:
        note(f"{out} is built; resuming its dense vectors")
        index = built or Index.open(out)
    elif vectors is not None:
        made = _index_vectors(vectors, corpus, out, model, max_length, format, on_error, building, dry, as_json)
        if made is None:
            return
        index = made
    elif corpus is None:
        fail("give a CORPUS to encode, or --vectors with a file of vectors")
    elif (shards or engine) and not dry:
        index = index_shards(
            corpus,
            out,
            shards=shards,
            engine=engine,
            address=address,
            model=model or DEFAULT_MODEL,
            max_length=max_length,
            window_overlap=window_overlap,
            windows=cut,
            fits=windows is None and max_length is None and window_overlap is None,
            dense=dense,
            device=device,
            format=format,
            on_error=on_error,
            lexical=words,
            top_k=top_k,
            title_weight=title_weight,
            restart=restart,
            **building,
        )
    else:
        with encoding(
            corpus,
            out,
            model=model or DEFAULT_MODEL,
            max_length=max_length,
            window_overlap=window_overlap,
            device=device,
            format=format,
            on_error=on_error,
        ) as job:
            fitting = windows_that_fit(windows, max_length, window_overlap, job.encoder)
            if dry:
                cut_documents = job.documents if cut is None else cut_corpus(job.documents, cut)
                unit, total = ("documents", job.total) if cut is None else ("windows", None)
                check_work(
                    out, job.encoder, top_k=top_k, title_weight=title_weight, windows=cut or fitting, restart=restart
                )
                print_dry_run(dry_run(cut_documents, total, job.encoder, _WAYS, unit, fitting), as_json)
                return
            index = index_corpus(
                job.documents,
                out,
                job.encoder,
                lexical=words,
                total=job.total,
                top_k=top_k,
                title_weight=title_weight,
                windows=cut or fitting,
                only_if_needed=fitting is not None,
                restart=restart,
                **building,
            )
        read = remark_on_texts(job.encoder, _WAYS)
    if dense is not None and index.manifest.shards is None:
        from lsr.encoding.dense.encoder import DenseEncoder

        with resumable(out):
            encoder = DenseEncoder.load(dense, device=device)
            index = add_dense_vectors(index, encoder, threads=threads, restart=restart, stages=progress_bar)
    size = index.describe()["bytes"]["total"]
    if (outliers := outliers_in_words(index)) is not None:
        note(outliers)
    if as_json:
        answer: dict[str, Any] = {"index": str(out), "documents": len(index.documents), "terms": index.dim}
        if index.documents.windows is not None:
            answer["windows"] = len(index)
        if read is not None:
            answer["cut"] = read.cut
        if index.manifest.shards is not None:
            answer["shards"] = len(index.manifest.shards)
        print_json({**answer, "bytes": size, "modes": list(index.sparse.modes)})
    else:
        hint = f'. Try: lsr search {out} "your question"' if index.encoder else ""
        rows = "" if index.documents.windows is None else f" in {counted(len(index), 'windows')}"
        note(f"{out}: {counted(len(index.documents), 'documents')}{rows}, {size / 1e6:,.1f} MB{hint}")


def _index_vectors(
    vectors: Path,
    corpus: str | None,
    out: Path,
    model: str | None,
    max_length: int | None,
    format: str | None,
    on_error: OnError,
    building: dict[str, Any],
    dry: bool,
    as_json: bool,
) -> Index | None:
    from lsr.build.corpus import index_vectors, with_documents
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.text import open_corpus
    from lsr.vectors.files import iter_vectors, read_vocabulary

    with skipping(on_error) as skip:
        documents = looked_at(open_corpus(corpus, format=format, **skip)) if corpus else None
        encoder = SparseEncoder.load(model, max_length=max_length) if model else None
        vocabulary = encoder.vocabulary if encoder else read_vocabulary(vectors)
        batches = iter_vectors(vectors, vocabulary=vocabulary)
        if dry:
            count = sum(len(batch) for batch, _ in with_documents(batches, documents))
            if as_json:
                print_json({"vectors": count})
            else:
                note(f"{counted(count, 'vectors')}. Nothing was written.")
            return None
        return index_vectors(
            batches,
            out,
            encoder=encoder,
            vocabulary=vocabulary,
            documents=documents,
            **building,
        )
