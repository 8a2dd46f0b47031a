"""What the suites of other tools are run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from places import fresh, make_empty
from served import listening


def pytest_configure(config: pytest.Config) -> None:
    """Know the markers of langchain-tests, which come of plugins that are not needed here."""
    for marker in ("benchmark", "vcr", "asyncio", "codspeed"):
        config.addinivalue_line("markers", f"{marker}: of langchain-tests")


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty collection of words. To copy."""
    return make_empty(tmp_path_factory.mktemp("empty") / "collection")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of collections."""
    with listening(tmp_path_factory.mktemp("served")) as url:
        yield url


@pytest.fixture(params=["folder", "server"])
def place(request: pytest.FixtureRequest, empty: Path, tmp_path: Path) -> Iterator[str]:
    """Where an empty collection is: a folder, and then a server's address."""
    url = request.getfixturevalue("server") if request.param == "server" else ""
    with fresh(request.param, empty, tmp_path, url) as found:
        yield found


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio."""
    return "asyncio"
