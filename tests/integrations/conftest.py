"""What the suites of other tools are run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from places import at_server, make_empty, new_folder
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


@pytest.fixture
def place(empty: Path, tmp_path: Path) -> str:
    """The folder of an empty collection."""
    return str(new_folder(empty, tmp_path))


@pytest.fixture(params=["folder", "server"])
def either(request: pytest.FixtureRequest, empty: Path, tmp_path: Path) -> Iterator[str]:
    """Where an empty collection is: a folder, and then a server's address."""
    if request.param == "folder":
        yield str(new_folder(empty, tmp_path))
    else:
        with at_server(request.getfixturevalue("server")) as found:
            yield found


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio."""
    return "asyncio"
