"""What a cluster of Ray builds and encodes is what is built and encoded here, whatever dies meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dying_encoder import DOCUMENTS, Corpus, Dying
from patience import PATIENCE
from sharded_toys import HashingEncoder, files_of, made_documents

from lsr import Document, SparseEncoder
from lsr.build.corpus import encode_corpus
from lsr.build.distribute.sources import ModelSource
from lsr.build.distribute.spread import SpreadEncoder, in_one_process, spread_on_ray
from lsr.build.sharded.job import index_sharded
from lsr.core.errors import InputError, MissingDependencyError
from lsr.core.ray import import_ray
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.index import Index

HERE = Path(__file__).parent
WORDS = ["the", "arctic", "tern", "flies", "to", "antarctica", "each", "year", "bread", "yeast", "flour"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A node of two CPUs, of which the reader takes none."""
    pytest.importorskip("ray.data")
    from ray_clusters import ray_cluster

    with ray_cluster() as made:
        yield made


@pytest.fixture(scope="module")
def spread(cluster: Any) -> Iterator[Any]:
    """Spreads encoders over it."""
    with spread_on_ray(workers=2) as spread:
        yield spread


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the shards as they are built here."""
    path = tmp_path_factory.mktemp("whole") / "shards"
    index_sharded(made_documents(1, DOCUMENTS), path, HashingEncoder(), shards=3)
    return files_of(path)


def made(path: Path, load: Callable[[], Any] = HashingEncoder, **options: Any) -> Index:
    from lsr.build.distribute.job import index_distributed

    return index_distributed(Corpus(), path, load, shards=3, **options)


def is_whole(path: Path, whole: dict[str, bytes]) -> bool:
    """Whether it holds what it should, nothing twice, and nothing is left of the work."""
    index = Index.open(path)
    assert len(index) == len({document.id for document in index.documents.scan()}) == DOCUMENTS
    assert not path.with_name(f"{path.name}.encoding").exists()
    return files_of(path) == whole


@pytest.mark.slow
@pytest.mark.process
def test_one_worker(cluster: Any, whole: dict[str, bytes], tmp_path: Path) -> None:
    # Two are below.
    done: list[int] = []

    class Stage:
        def __init__(self, *named: Any) -> None: ...
        def __enter__(self) -> Callable[[int], None]:
            return done.append

        def __exit__(self, *error: object) -> None: ...

    made(tmp_path / "made", workers=1, stages=Stage)
    assert is_whole(tmp_path / "made", whole)
    assert sum(done) == DOCUMENTS + 3 + 3  # documents, and shards that are measured and built


@pytest.mark.slow
@pytest.mark.process
def test_workers_are_killed(cluster: Any, whole: dict[str, bytes], tmp_path: Path) -> None:
    # Here, the encoder is asked for its settings alone.
    made(tmp_path / "made", Dying(tmp_path), workers=2)
    assert (tmp_path / "died-encode").exists() and (tmp_path / "died-build").exists()
    assert is_whole(tmp_path / "made", whole)


@pytest.mark.slow
@pytest.mark.process
def test_a_node_is_killed(cluster: Any, whole: dict[str, bytes], tmp_path: Path) -> None:
    from ray_clusters import STORE

    path = tmp_path / "made"
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE, include_log_monitor=False)

    def kill() -> None:
        until(lambda: any(path.with_name("made.encoding").glob("*.parquet")))
        cluster.remove_node(node, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    made(path, workers=2)
    killer.join()
    assert is_whole(path, whole)


@pytest.mark.slow
@pytest.mark.process
def test_the_driver_is_killed(cluster: Any, whole: dict[str, bytes], tmp_path: Path) -> None:
    path, at = tmp_path / "made", "shards/shard-*/segment-*"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    command = [sys.executable, str(HERE / "dying_encoder.py"), cluster.address, str(path)]
    driver = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: any(path.with_name("made.encoding").glob(at)) or driver.poll() is not None)
    finally:
        driver.kill()
        driver.wait()
    assert not (path / "shards.json").exists()
    made(path, workers=2)
    assert is_whole(path, whole)


@pytest.mark.slow
@pytest.mark.process
def test_an_id_that_occurs_twice(cluster: Any, tmp_path: Path) -> None:
    from lsr.build.distribute.job import index_distributed

    with pytest.raises(InputError, match="d"):
        index_distributed(Corpus(1100, twice=True), tmp_path / "made", HashingEncoder, shards=3)
    assert not (tmp_path / "made" / "shards.json").exists()


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"lsr-engine\[ray\]"):
        import_ray("data")


def short(count: int) -> list[Document]:
    return [Document(f"d{n}", " ".join(WORDS[(n * 7 + i) % len(WORDS)] for i in range(n % 9))) for n in range(count)]


@pytest.mark.slow
@pytest.mark.process
def test_a_model_encodes_a_corpus(spread: Any, tmp_path: Path) -> None:
    load, done = ModelSource("splade-tiny", max_length=8), list[int]()
    for name, over in (("here", in_one_process), ("there", spread)):
        encoder = SparseEncoder.load("splade-tiny", max_length=8)
        encode_corpus(short(2100), tmp_path / f"{name}.parquet", over(encoder, load), progress=done.append)
        report = encoder.text_report()
        assert (report.texts, sum(done)) == (2100, 2100) and 0 < report.cut < 2100
        done.clear()
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()


@pytest.mark.slow
@pytest.mark.process
def test_an_actor_that_encodes_is_killed(spread: Any, tmp_path: Path) -> None:
    made = made_documents(1, 3000)
    encode_corpus(made, tmp_path / "here.jsonl", HashingEncoder())  # type: ignore[arg-type]
    encode_corpus(made, tmp_path / "there.jsonl", spread(HashingEncoder(), Dying(tmp_path)))
    assert (tmp_path / "died-encode").exists()
    assert (tmp_path / "here.jsonl").read_bytes() == (tmp_path / "there.jsonl").read_bytes()


@pytest.mark.slow
@pytest.mark.process
def test_a_dense_model_streams(spread: Any) -> None:
    load = partial(DenseEncoder.load, "minilm", max_length=8)
    encoder, texts = load(), [each.text for each in short(1100)]
    here = np.concatenate(list(encoder.stream_documents(texts)))
    there = list(spread(encoder, load).stream_documents(texts))
    assert [len(part) for part in there] == [1024, 76]
    # An actor has a thread of its own, on which products may round otherwise.
    np.testing.assert_allclose(np.concatenate(there), here, atol=1e-6)


def test_one_piece_of_work_is_done_here(tmp_path: Path) -> None:
    def refused(encoder: Any, load: Any) -> Any:
        return SpreadEncoder(encoder, load, ray=None, workers=2, resources={})  # type: ignore[arg-type]

    encoder = HashingEncoder()
    encode_corpus(made_documents(1, 20), tmp_path / "made.jsonl", refused(encoder, HashingEncoder))
    assert len(encoder.encoded) == 20


def until(true: Callable[[], Any]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never was"
        time.sleep(0.01)
