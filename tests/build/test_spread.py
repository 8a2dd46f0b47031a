"""What actors of a cluster encode and score is what is encoded and scored here, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dying_encoder import Dying
from sharded_toys import HashingEncoder, made_documents

from lsr import Document, SparseEncoder
from lsr.build.corpus import encode_corpus
from lsr.build.distribute.sources import ModelSource
from lsr.build.distribute.spread import in_one_process, spread_on_ray

WORDS = ["the", "arctic", "tern", "flies", "to", "antarctica", "each", "year", "bread", "yeast", "flour"]
pytestmark = [pytest.mark.slow, pytest.mark.process]


@pytest.fixture(scope="module")
def spread() -> Iterator[Any]:
    pytest.importorskip("ray.data")
    from ray_clusters import ray_cluster

    with ray_cluster(), spread_on_ray(workers=2) as spread:
        yield spread


def documents(count: int) -> list[Document]:
    return [Document(f"d{n}", " ".join(WORDS[(n * 7 + i) % len(WORDS)] for i in range(n % 9))) for n in range(count)]


def test_a_model_encodes_a_corpus(spread: Any, tmp_path: Path) -> None:
    load, done = ModelSource("splade-tiny", max_length=8), list[int]()
    for name, over in (("here", in_one_process), ("there", spread)):
        encoder = SparseEncoder.load("splade-tiny", max_length=8)
        encode_corpus(documents(2100), tmp_path / f"{name}.parquet", over(encoder, load), progress=done.append)
        report = encoder.text_report()
        assert (report.texts, sum(done)) == (2100, 2100) and 0 < report.cut < 2100
        done.clear()
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()


def test_an_actor_is_killed(spread: Any, tmp_path: Path) -> None:
    made = made_documents(1, 3000)
    encode_corpus(made, tmp_path / "here.jsonl", HashingEncoder())  # type: ignore[arg-type]
    encode_corpus(made, tmp_path / "there.jsonl", spread(HashingEncoder(), Dying(tmp_path)))
    assert (tmp_path / "died-encode").exists()
    assert (tmp_path / "here.jsonl").read_bytes() == (tmp_path / "there.jsonl").read_bytes()
