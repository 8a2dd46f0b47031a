"""The whole job on a cluster, resumable by the same call whatever is killed: worker, node, or this process."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lsr.build.corpus import finished_index
from lsr.build.sharded.facts import GlobalFacts, joined_counts, joined_outliers, published_facts
from lsr.build.sharded.job import ShardJob
from lsr.build.sharded.pieces import facts_of, piece_path
from lsr.core.errors import LsrError
from lsr.core.progress import Stages, silent
from lsr.core.ray import actor_resources, connected, own_errors

if TYPE_CHECKING:
    from lsr.build.distribute.sources import LoadEncoder, ReadCorpus
    from lsr.index import Index

_AGAIN = "run the same again, which goes on with them"


def index_distributed(
    read: ReadCorpus,
    path: str | Path,
    load: LoadEncoder,
    *,
    shards: int,
    dense: LoadEncoder | None = None,
    address: str | None = None,
    total: int | None = None,
    workers: int | None = None,
    threads: int | None = None,
    gpus: bool | None = None,
    force: bool = False,
    restart: bool = False,
    stages: Stages = silent,
    remarks: Callable[[str], None] = lambda line: None,
    **options: Any,
) -> Index:
    """Encode a corpus and index it as a collection of `shards` shards at `path`, on a cluster of Ray.

    All of its machines must see the folder of `path`, the corpus and the model under the same names. The bytes of a
    shard are the same for any number of workers, and those of `lsr.build.sharded.job.index_sharded`.

    Args:
        read: called where the corpus is read, with a report of what is left out; gives its documents.
        load: called where documents are encoded, and where shards are built; gives the encoder of documents.
        dense: the same of dense vectors, if documents are to have such.
        address: of the cluster; None for one on this machine.
        workers: how many actors encode at most (default: as many as the cluster has CPUs, or GPUs).
        threads: of each task that builds a shard (default: 1).
        gpus: whether each actor has a GPU to itself (default: if there are any).
        remarks: called with what reading left out, in words.
        total, force, restart, stages, options: as for `index_sharded`.

    Raises what `index_sharded` raises, and MissingDependencyError without Ray.
    """
    from lsr.index import Index, check_index_output

    check_index_output(path, force=force)
    if not force and (finished := finished_index(path)) is not None:
        return finished
    with connected("data", address) as ray, own_errors(), _quiet(ray):
        from lsr.build.distribute import steps

        encoder = load()
        job = ShardJob.of(path, encoder, shards=shards, **options)
        with job.work(restart=restart) as work:
            with stages("encoding" if encoder.dim else "reading", total, "documents") as progress:
                done, rows = _done(job)
                progress(rows)
                work.begun = True  # by others, who say nothing of it
                source_of = steps.PieceSource(job, read, done)
                # It waits most of the time, and must not take the place of one that encodes.
                most, resources = actor_resources(ray, gpus)
                pieces = ray.data.read_datasource(source_of, num_cpus=0, override_num_blocks=1)
                encoded = pieces.map_batches(
                    steps.EncodePieces,
                    fn_constructor_kwargs={"job": job, "load": load},
                    batch_size=1,
                    compute=_actors(ray, workers, most),
                    **resources,
                )
                for batch in encoded.iter_batches(batch_size=None):
                    progress(int(batch["rows"].sum()))
            told = json.loads((job.folder / steps.READ).read_text(encoding="utf-8"))
            if (done := _done(job)[0]) != told["pieces"]:
                raise LsrError(
                    f"the cluster lost some of {told['pieces']} pieces: {job.folder} has the first {done}",
                    remedies=[_AGAIN],
                )
            for line in told["skipped"]:
                remarks(line)
            facts = job.facts()
            source = job.source(facts)
            with stages("measuring weights", len(facts.shards), "shards") as progress:
                counts = joined_counts(_found(ray, facts, steps.counted_weights, progress, source=source))
            bits, outliers = job.settings.weight_bits, None
            if counts.has_outliers(bits):
                far = counts.far(bits)
                with stages("measuring heavy weights", len(facts.shards), "shards") as progress:
                    found = _found(ray, facts, steps.counted_outliers, progress, source=source, far=far)
                    outliers = joined_outliers(list(found))
            published = published_facts(facts, counts.scale(bits, outliers), job.folder)
            with stages("building", len(facts.shards), "shards") as progress:
                sink = steps.ShardSink(job, source, published, load, dense, threads or 1)
                _shards(ray, facts).write_datasink(sink, ray_remote_args={"num_cpus": 1})
                progress(len(facts.shards))
    return Index.open(path)


def _done(job: ShardJob) -> tuple[int, int]:
    """How many pieces there are, one after the other from the first, and their rows."""
    number = rows = 0
    while (path := piece_path(job.folder, number)).exists():
        rows, number = rows + facts_of(path).rows, number + 1
    return number, rows


def _shards(ray: ModuleType, facts: GlobalFacts) -> Any:
    """A dataset of the shards that have documents, each a block by itself: a task is of one."""
    return ray.data.from_items([{"shard": shard} for shard in facts.shards], override_num_blocks=len(facts.shards))


def _found(
    ray: ModuleType, facts: GlobalFacts, task: Callable[..., Any], progress: Callable[[int], None], **options: Any
) -> Iterator[Any]:
    """What a task finds for each shard."""
    dataset = _shards(ray, facts).map(task, fn_kwargs=options, num_cpus=1)
    for row in dataset.iter_rows():
        progress(1)
        yield pickle.loads(row["found"])


def _actors(ray: ModuleType, workers: int | None, most: int) -> Any:
    """As many actors as there is work and room for."""
    if workers is not None:
        return ray.data.ActorPoolStrategy(size=workers)
    return ray.data.ActorPoolStrategy(min_size=1, max_size=most)


@contextmanager
def _quiet(ray: ModuleType) -> Iterator[None]:
    """Ray Data in which each piece is a block of its own, errors are the causes', and progress is ours to show."""
    context, data = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    # A block of several pieces would go to one actor, however many others wait.
    ours = {"target_max_block_size": 1, "raise_original_map_exception": True}
    ours |= {"enable_progress_bars": False, "print_on_execution_start": False}
    before = {name: getattr(context, name) for name in ours}
    shown = [(each, each.level) for each in data.handlers if isinstance(each, logging.StreamHandler)]
    for name, value in ours.items():
        setattr(context, name, value)
    for handler, _ in shown:  # what it says is in the files of its session
        handler.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
        for handler, level in shown:
            handler.setLevel(level)
