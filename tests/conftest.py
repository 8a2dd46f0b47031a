"""Fixtures that several folders use."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from order import place
from toy_documents import TOY
from warm_commands import shared_commands

from lsr import Document, SparseEncoder

# A test says what is right, not how long a busy machine takes to find out.
hypothesis.settings.register_profile("lsr", deadline=None)
hypothesis.settings.load_profile("lsr")


def pytest_configure(config: pytest.Config) -> None:
    """Workers of `pytest -n` compute on one thread each: with more, their pools wait for one another, spinning.

    Haystack tells its makers of each pipeline that runs, unless it is asked not to.
    """
    os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
    if config.getoption("numprocesses", None):
        for library in ("OMP", "NUMBA", "MKL", "OPENBLAS", "RAYON"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in the order of their folders; within one, as they are."""
    items.sort(key=lambda item: place(item.path.relative_to(Path(__file__).parent).parts))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Read all tests without looking for garbage, of which there is none: that would take a sixth of the time.

    What imports made is left out of every later look, too: Trainer asks for a full one at each run.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def commands() -> Iterator[Path]:
    """A folder for PATH: `lsr` and `python`, which run in forks of one warm process."""
    with shared_commands() as folder:
        yield folder


@pytest.fixture(scope="session")
def encoder() -> SparseEncoder:
    """The packaged splade-tiny, whose documents and queries go through one transformer."""
    return SparseEncoder.load("splade-tiny", max_length=64)


@pytest.fixture
def toy_documents() -> list[Document]:
    """Five short documents about different things."""
    return [Document(d.id, d.text, d.title, dict(d.fields)) for d in TOY]


@pytest.fixture(scope="session")
def toy_index(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five documents, indexed with splade-tiny. Read only."""
    from lsr.build.corpus import index_corpus

    path = tmp_path_factory.mktemp("toy") / "index"
    index_corpus(TOY, path, encoder)
    return path
