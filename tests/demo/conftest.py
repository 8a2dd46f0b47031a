from __future__ import annotations

import pytest

from lsr.core.documents import Document
from lsr.demo.corpus import standard_library_documents


@pytest.fixture(scope="session")
def library() -> list[Document]:
    """The documentation of the Python that runs the tests, extracted once."""
    return list(standard_library_documents())


@pytest.fixture(scope="session")
def documents(library: list[Document]) -> dict[str, Document]:
    return {document.id: document for document in library}
