"""A served fake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.service import ServiceSettings, create_app

LIMITS = ServiceSettings(
    max_k=20, max_text_length=50, max_texts=3, max_vector_terms=4, max_body_bytes=2000, search_threads=2, queue=4
)


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client of a warm server with small limits."""
    app = create_app(FakeSearcher(), LIMITS)
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        yield client
