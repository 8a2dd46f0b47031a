"""A served fake with keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app
from lsr.service.keys.store import KeyStore

Served = Callable[..., TestClient]


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path)


@pytest.fixture
def serve(store: KeyStore) -> Iterator[Served]:
    """Serve the fake as the collection `books`, with the keys of the store: a client from another machine."""
    opened: list[TestClient] = []

    def served(
        searcher: FakeSearcher | None = None, settings: ServiceSettings | None = None, client: str = "192.0.2.7"
    ) -> TestClient:
        app = create_app(searcher or FakeSearcher(), settings or ServiceSettings(), name="books", keys=store)
        opened.append(TestClient(app, raise_server_exceptions=False, client=(client, 50000)))
        opened[-1].__enter__()
        app.state.service.warm_up.join(PATIENCE)
        return opened[-1]

    yield served
    for each in opened:
        each.__exit__(None, None, None)
