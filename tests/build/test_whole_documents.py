"""Documents that are longer than a model reads, in windows; and an index without windows where none is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr import Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.index import Index
from lsr.text.windows import WindowSettings, fitting_windows

SHORT = [
    Document("a", "Terns fly from pole to pole.", "Birds", {"year": 1}),
    Document("b#7", "Yeast leavens bread."),
    Document("c", ""),
]
LONG = Document("long", " ".join(["Ice moves downhill."] * 20 + ["A violin has strings."]), "Everything")
FITTING = WindowSettings(words=20, stride=16)


def test_where_no_document_is_longer_the_index_is_as_without_windows(encoder: SparseEncoder, tmp_path: Path) -> None:
    plain = index_corpus(SHORT, tmp_path / "plain", encoder, lexical=LexicalSettings())
    index = index_corpus(
        SHORT, tmp_path / "fitting", encoder, lexical=LexicalSettings(), windows=FITTING, only_if_needed=True
    )
    assert index.documents.windows is None
    records = [each.segments[0].record for each in (plain, index)]
    checksums = [{name: file.crc32 for name, file in record.files.items()} for record in records]
    assert checksums[0] == checksums[1]
    assert [index.documents.get(document.id) for document in SHORT] == SHORT


def test_what_is_longer_is_found_by_its_end_and_the_others_as_they_were(encoder: SparseEncoder, tmp_path: Path) -> None:
    index = index_corpus([*SHORT, LONG], tmp_path / "index", encoder, windows=FITTING, only_if_needed=True, total=4)
    assert index.documents.windows is not None and len(index.documents) == 4 < len(index)
    retriever = Retriever(index)
    retriever.encoder = encoder
    [best] = retriever.search("violin strings", 1)
    assert best.id == "long" and best.window is not None and best.window.number > 0
    assert index.documents.get("long") == LONG and index.documents.get("a") == SHORT[0]
    plain = index_corpus(SHORT, tmp_path / "plain", encoder)
    for row in range(2):
        mine, its = index.vector(row), plain.vector(row)
        assert mine[0].tolist() == its[0].tolist()
        assert mine[1] == pytest.approx(its[1], abs=0.02), "to the steps in which weights are kept"


def test_windows_that_were_asked_for_are_kept_whatever_the_documents(encoder: SparseEncoder, tmp_path: Path) -> None:
    index = index_corpus(SHORT, tmp_path / "index", encoder, windows=FITTING)
    assert index.documents.windows is not None and Index.open(tmp_path / "index").documents.windows is not None


def test_windows_that_fit_a_model() -> None:
    assert fitting_windows(512) == WindowSettings(score="max", words=333, stride=266)
    assert fitting_windows(1) == WindowSettings(score="max", words=1, stride=1)
