"""Long documents leave memory for a file until their batch is written, and come back as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.index.parts import document_writer
from lsr.index.parts.document_writer import BATCH_ROWS, DocumentWriter
from lsr.index.parts.documents import DocumentStore


def write(path: Path, documents: list[Document]) -> bytes:
    writer = DocumentWriter(path)
    for start in range(0, len(documents), 100):
        writer.check(documents[start : start + 100])
        writer.append(documents[start : start + 100])
    writer.finish()
    return path.read_bytes()


def test_what_memory_does_not_hold_is_written_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [
        Document(f"d{n}", f"text {n} é" * (n % 7), "" if n % 3 else f"title {n}", {"n": n} if n % 2 else {})
        for n in range(2 * BATCH_ROWS + 10)
    ]
    held = write(tmp_path / "held.arrow", documents)
    monkeypatch.setattr(document_writer, "_HELD_BYTES", 1000)
    assert write(tmp_path / "spilled.arrow", documents) == held
    assert DocumentStore(tmp_path / "spilled.arrow").documents(0, len(documents)) == documents
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held.arrow", "spilled.arrow"]


@pytest.mark.parametrize("value", [float("inf"), float("nan"), [[float("-inf")]]])
def test_numbers_that_come_back_from_no_file(tmp_path: Path, value: object) -> None:
    writer = DocumentWriter(tmp_path / "a.arrow")
    with pytest.raises(InputError, match=r"fields\.price.*a number must be finite"):
        writer.check([Document("d", "text", "", {"price": value})])
    writer.close()
