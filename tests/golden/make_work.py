"""Interrupted work, to be gone on with: the part of make_golden.py that makes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from make_models import corpus_texts, write_json

HERE = Path(__file__).parent
FORMAT_3 = HERE / "index" / "format-3"


class Stopped(KeyboardInterrupt):
    pass


@contextmanager
def stopped() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        return
    raise AssertionError("not interrupted")


def stop_after(method: Callable[..., Any], count: int, size: Callable[[Any], int]) -> Callable[..., Any]:
    """A method of an encoder that yields parts, and is interrupted after so many texts."""

    def run(self: Any, texts: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        texts = list(texts)
        for start in range(0, count, 8):
            yield from method(self, texts[start : start + 8], *arguments, **options)
        raise KeyboardInterrupt

    return run


def make_work(scratch: Path) -> None:
    import lsr.build.shards
    from lsr import SparseEncoder
    from lsr.build.corpus import index_corpus
    from lsr.build.dense import add_dense_vectors
    from lsr.build.late import add_token_vectors
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.late.encoder import TokenEncoder
    from lsr.index import Index
    from lsr.text import open_corpus
    from lsr.text.windows import WindowSettings

    whole = SparseEncoder.encode_documents
    for name, corpus, windows in (("plain", "corpus", None), ("windows", "long", WindowSettings(words=24, stride=16))):
        folder = HERE / "work" / name
        folder.mkdir(parents=True)
        done = [0]

        def encode(self: Any, texts: Any, *arguments: Any, done: list[int] = done, **options: Any) -> Any:
            if done[0] == 2:
                raise KeyboardInterrupt
            done[0] += 1
            return whole(self, texts, *arguments, **options)

        # Shards of 20 documents: one of the usual size would be the whole corpus.
        small = patch.object(lsr.build.shards, "SHARD_DOCUMENTS", 20)
        with small, patch.object(SparseEncoder, "encode_documents", encode), stopped():
            encoder = SparseEncoder.load("lsr-golden/doc", max_length=40, dtype="float32")
            documents = open_corpus(HERE / f"{corpus}.jsonl")
            index_corpus(documents, folder / "index", encoder, windows=windows, top_k=30)
    for name, kind, method, add in (
        ("dense", DenseEncoder, "stream_documents", add_dense_vectors),
        ("late", TokenEncoder, "stream_documents", add_token_vectors),
    ):
        folder = scratch / f"stopped-{name}"
        shutil.copytree(FORMAT_3 / "plain/index", folder / "index")
        encoder = kind.load(f"lsr-golden/{name}", dtype="float32")
        with patch.object(kind, method, stop_after(getattr(kind, method), 40, len)), stopped():
            add(Index.open(folder / "index"), encoder)
        (HERE / "work" / name).mkdir()
        shutil.copytree(folder / f"index.{name}", HERE / "work" / name / f"index.{name}")


def make_training(scratch: Path) -> None:
    from encoded import describe_set

    from lsr.training.data import TrainingSetWriter

    folder = HERE / "training"
    texts = corpus_texts()
    random = np.random.default_rng(0)
    with TrainingSetWriter(folder / "set") as writer:
        rows = [writer.add_text(f"t{n}", " ".join(text.split()[:12])) for n, text in enumerate(texts[:40])]
        for n in range(16):
            negatives = random.choice([m for m in range(40) if m != n], 3, replace=False)
            scores = [4.0, *random.normal(0, 1, 3).round(3).tolist()]
            query = " ".join(texts[n].split()[2:5])
            writer.add(f"q{n}", query, [rows[n]], [rows[m] for m in negatives], scores)
    write_json(folder / "answers.json", describe_set(folder / "set"))
    recipe = """\
data:
- source: set
model:
  document:
    base: lsr-golden/splade
    max_length: 16
losses:
- name: info_nce
- name: kl
  weight: 0.5
document_regularisers:
- name: flops
  strength: 0.001
query_regularisers:
- name: l1
  strength: 0.001
run: {steps: 6, batch_size: 4, negatives: 2, learning_rate: 0.001, log_every: 1, save_every: 2}
"""
    (folder / "recipe.yaml").write_text(recipe)
    from lsr.training.run.log import LogFile

    logged = LogFile.on_log

    def on_log(self: Any, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
        logged(self, args, state, control, logs, **others)
        if state.global_step == 3:
            raise KeyboardInterrupt

    here = Path.cwd()
    os.chdir(folder)
    from lsr.training.config import read_config
    from lsr.training.run.run import train

    with patch.object(LogFile, "on_log", on_log), stopped():
        train(read_config("recipe.yaml", {}), "run")
    shutil.rmtree(folder / "run" / "checkpoints" / "runs", ignore_errors=True)
    train(read_config("recipe.yaml", {}), scratch / "whole")
    shutil.copy(scratch / "whole" / "log.jsonl", folder / "whole-log.jsonl")
    os.chdir(here)
