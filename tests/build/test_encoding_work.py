"""Encoding dense and token vectors of an index: interrupted, gone on with, refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from lsr import Document, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.build.late import add_token_vectors
from lsr.core.errors import IndexFormatError, InputError, OutputExistsError
from lsr.core.remedies import add_part_again
from lsr.index import Index, IndexBuilder, verify
from lsr.vectors.sparse import SparseVectors

DIM = 6


class Made:
    """Vectors made of a text's characters; counts the texts, and may stop after some."""

    dim = DIM
    similarity = "cosine"

    def __init__(self, kind: str, *, stop_after: int | None = None, name: str = "made") -> None:
        self.kind, self.stop_after, self.name = kind, stop_after, name
        self.encoded = 0

    def settings(self) -> dict[str, Any]:
        return {"model": self.name, "lengths": (1, 2)}

    def stream_documents(self, texts: Iterable[str], progress: Callable[[int], None]) -> Iterator[Any]:
        rest = iter(texts)
        while part := list(islice(rest, 2)):
            if self.stop_after is not None and self.encoded >= self.stop_after:
                raise KeyboardInterrupt
            vectors = [np.random.default_rng(list(text.encode())).normal(size=(3, DIM)) for text in part]
            self.encoded += len(part)
            progress(len(part))
            if self.kind == "dense":
                yield np.stack([each[0] for each in vectors]).astype(np.float32)
            else:
                yield np.arange(0, 3 * len(part) + 1, 3), np.concatenate(vectors).astype(np.float32)


ADD = {"dense": add_dense_vectors, "late": add_token_vectors}


@pytest.fixture
def index(encoder: SparseEncoder, toy_documents: list[Document], tmp_path: Path) -> Index:
    return index_corpus(toy_documents, tmp_path / "index", encoder)


def part_bytes(index: Index, kind: str) -> dict[str, bytes]:
    folder = index.path / index.manifest.segment / index.manifest.segments[0].parts[kind].folder
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("kind", ["dense", "late"])
def test_an_interrupted_encoding_goes_on_where_it_stopped(index: Index, kind: str) -> None:
    work = index.path.with_name(f"index.{kind}")
    with pytest.raises(KeyboardInterrupt):
        ADD[kind](index, Made(kind, stop_after=4))  # type: ignore[operator]
    assert work.is_dir() and kind not in Index.open(index.path).manifest.segments[0].parts
    with pytest.raises(OutputExistsError, match=r"different settings.*restart=True"):
        ADD[kind](index, Made(kind, name="another"))  # type: ignore[operator]
    rest = Made(kind)
    added = ADD[kind](index, rest)  # type: ignore[operator]
    assert rest.encoded == len(index) - 4 and not work.exists() and verify(index.path) == []
    resumed, again = part_bytes(added, kind), Made(kind)
    with pytest.raises(OutputExistsError, match="force=True"):
        ADD[kind](added, again)  # type: ignore[operator]
    unbroken = ADD[kind](added, again, force=True)  # type: ignore[operator]
    assert again.encoded == len(index) and part_bytes(unbroken, kind) == resumed
    assert not list(index.path.parent.glob("*.lock"))


@pytest.mark.parametrize(("kind", "name"), [("dense", "vectors.npy"), ("late", "late_indptr.npy")])
def test_a_part_with_damage_inside_is_to_be_added_again(index: Index, kind: str, name: str) -> None:
    made = ADD[kind](index, Made(kind))  # type: ignore[operator]
    file = made.path / made.manifest.segment / made.manifest.segments[0].parts[kind].folder / name
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(IndexFormatError, match=name) as raised:
        Index.open(made.path).parts[kind]
    assert raised.value.remedies == (add_part_again(kind, made.path),)
    assert "build the index again" not in " ".join(verify(made.path))


@pytest.mark.parametrize("kind", ["dense", "late"])
def test_restart_begins_again(index: Index, kind: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        ADD[kind](index, Made(kind, stop_after=2))  # type: ignore[operator]
    other = Made(kind, name="another")
    ADD[kind](index, other, restart=True)  # type: ignore[operator]
    assert other.encoded == len(index) and verify(index.path) == []


@pytest.mark.parametrize("kind", ["dense", "late"])
def test_nothing_encoded_leaves_nothing(tmp_path: Path, kind: str) -> None:
    with IndexBuilder(tmp_path / "bare", dim=4) as builder:
        builder.add(SparseVectors.from_scipy(scipy.sparse.eye(2, 4, format="csr", dtype=np.float32)))
        bare = builder.finish()
    with pytest.raises(InputError, match="no texts"):
        ADD[kind](bare, Made(kind))  # type: ignore[operator]
    assert [path.name for path in tmp_path.iterdir()] == ["bare"]
