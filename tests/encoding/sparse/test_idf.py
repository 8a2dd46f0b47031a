"""Query tables from a collection's own frequencies."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import SparseEncoder, SparseVectors
from lsr.core.errors import InputError, ModelError
from lsr.encoding.sparse.backbone import load_backbone
from lsr.encoding.sparse.idf import blend_tables, inverse_document_frequency, term_frequencies
from lsr.encoding.sparse.saving import TableSide, TransformerSide, save_encoder


def test_forms_by_hand() -> None:
    frequencies = [0, 1, 4, 10]
    for form, expected in (
        ("bm25", [math.log(1 + (10 - df + 0.5) / (df + 0.5)) for df in frequencies]),
        ("smooth", [math.log(11 / (1 + df)) for df in frequencies]),
        ("plain", [0, math.log(10), math.log(2.5), 0]),
    ):
        idf = inverse_document_frequency(frequencies, 10, form)
        np.testing.assert_allclose(idf, expected, rtol=1e-6)
        assert idf.dtype == np.float32 and (idf >= 0).all()


def test_frequencies_and_forms_that_cannot_be() -> None:
    for frequencies in ([11], [-1], [[1]], []):
        with pytest.raises(InputError, match="from 0 to 10"):
            inverse_document_frequency(frequencies, 10)
    with pytest.raises(InputError, match="'tf'"):
        inverse_document_frequency([1], 10, "tf")  # type: ignore[arg-type]


def test_a_blend_by_hand() -> None:
    table = np.array([0, 1, 3, 2], np.float32)  # a special token first
    idf = np.array([1, 2, 6, 9, 9], np.float32)  # the last two are in no document
    # The means over the second and third are 2 and 4, so c is 0.5.
    np.testing.assert_allclose(blend_tables(table, idf, 0.0), [0, 1, 3, 2, 0])
    np.testing.assert_allclose(blend_tables(table, idf, 1.0), [0, 1, 3, 4.5, 0])
    np.testing.assert_allclose(blend_tables(table, idf, 0.25), [0, 1, 3, 0.75 * 2 + 0.25 * 4.5, 0])
    # A table is not changed by an IDF that says the same, whatever its scale.
    np.testing.assert_allclose(blend_tables(table, table * 7, 0.6), table, rtol=1e-6)
    np.testing.assert_allclose(blend_tables(table[:2], np.array([0, 3], np.float32), 1.0), [0, 1])


def test_blends_that_cannot_be() -> None:
    table = np.ones(3, np.float32)
    for idf, blend, message in (
        ([1, 1, 1], 1.5, "a blend must be from 0"),
        ([1, 1], 0.5, "must be as long"),
        ([1, 1, -1], 0.5, "without numbers below zero"),
        ([0, 0, 0], 0.5, "no term in common"),
    ):
        with pytest.raises(InputError, match=message):
            blend_tables(table, np.array(idf, np.float32), blend)


@pytest.fixture(scope="module")
def encoder(make_model: Any) -> SparseEncoder:
    folder = make_model("bert")
    (folder / "idf.json").write_text(json.dumps({f"w{i}": 1.0 for i in range(60)}))
    return SparseEncoder.load(folder, dtype="float32")


def test_an_encoder_with_the_collections_idf(encoder: SparseEncoder, tmp_path: Path) -> None:
    frequencies = encoder.token_frequencies(["w1 w2", "w1 w1"]) + encoder.token_frequencies(["w1 w3 " + "w1 " * 999])
    assert {int(term): int(frequencies[term]) for term in frequencies.nonzero()[0]} == {6: 3, 7: 1, 8: 1}
    idf = inverse_document_frequency(frequencies, 3)
    blended = encoder.with_query_idf(idf, 0.5)
    factor = 1 / idf[[6, 7, 8]].mean()
    expected = {word: 0.5 + 0.5 * factor * idf[term] for word, term in (("w1", 6), ("w2", 7), ("w9", 14))}
    found = dict(blended.decode(blended.encode_queries(["w1 w2 w9"]))[0])
    assert found == pytest.approx(expected, rel=1e-5)
    # The one it was made from is as it was; documents are the same for both.
    assert dict(encoder.decode(encoder.encode_queries(["w1"]))[0]) == {"w1": 1.0}
    assert blended._document_tower is encoder._document_tower
    assert blended.settings()["document"] == encoder.settings()["document"]
    assert blended.settings()["query"] != encoder.settings()["query"]
    assert blended.settings() == encoder.with_query_idf(idf, 0.5).settings()
    assert blended.settings() != encoder.with_query_idf(idf, 0.6).settings()
    assert blended.settings() != encoder.with_query_idf(idf + 1, 0.5).settings()
    assert json.loads(json.dumps(blended.settings())) == blended.settings()
    blended.save(tmp_path / "saved")
    saved = SparseEncoder.load(tmp_path / "saved", queries_only=True)
    assert dict(saved.decode(saved.encode_queries(["w1 w2 w9"]))[0]) == pytest.approx(expected, rel=1e-5)


def test_a_blended_table_asks_for_no_second_blend(make_model: Any, tmp_path: Path) -> None:
    table = TableSide(np.ones(65, np.float32), idf=0.5)
    save_encoder(tmp_path / "model", document=TransformerSide(load_backbone(make_model("bert"))), query=table)
    encoder = SparseEncoder.load(tmp_path / "model")
    blended = encoder.with_query_idf(np.arange(70, dtype=np.float32))
    assert (encoder.query_idf, blended.query_idf) == (0.5, 0)
    blended.save(tmp_path / "blended")
    assert SparseEncoder.load(tmp_path / "blended", queries_only=True).query_idf == 0


def test_what_has_no_table_or_another_width(encoder: SparseEncoder, make_model: Any) -> None:
    with pytest.raises(InputError, match=r"shape \(3,\), but there are 70 terms"):
        encoder.with_query_idf(np.ones(3, np.float32))
    with pytest.raises(ModelError, match="runs a model for queries"):
        SparseEncoder.load(make_model("bert")).with_query_idf(np.ones(70, np.float32))


def test_frequencies_of_vectors() -> None:
    rows = [([1, 4], [0.5, 2.0]), ([4], [1.0]), ([], [])]
    vectors = SparseVectors.from_rows([(np.array(t, np.uint32), np.array(w, np.float32)) for t, w in rows], dim=6)
    assert term_frequencies([vectors[:2], vectors[2:]], 6).tolist() == [0, 1, 0, 0, 2, 0]
