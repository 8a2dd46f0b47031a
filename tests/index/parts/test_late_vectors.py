"""Token vectors on disk, and MaxSim over them: against brute force, against the published formula, and damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lsr.core.errors import IndexFormatError, InputError, NotFoundError
from lsr.index import LateRecord, LateVectors, LateWriter
from lsr.index.format.arrays import write_array
from lsr.index.format.records import PartRecord
from lsr.index.parts.late.quantisation import dequantise, quantise
from lsr.index.parts.late.record import CODES_NAME, FILE_NAMES, INDPTR_NAME, SCALES_NAME
from lsr.index.parts.part import CarriedRows
from lsr.index.parts.registry import added_parts

Documents = list[np.ndarray]
Writer = Callable[..., LateVectors]


def unit(random: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = random.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def made(random: np.random.Generator, dim: int, count: int = 40) -> Documents:
    """Documents of 0 to 12 vectors of length one."""
    return [unit(random, int(length), dim) for length in random.integers(0, 13, count)]


def offsets(documents: Documents) -> np.ndarray:
    return np.cumsum([0, *(len(document) for document in documents)])


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Write documents, a few at a time, and open them."""

    def write(documents: Documents, bits: int = 8, lot: int = 7) -> LateVectors:
        folder = tmp_path / f"late-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        with LateWriter(folder, documents[0].shape[1], bits) as writer:
            for start in range(0, len(documents), lot):
                part = documents[start : start + lot]
                writer.append(offsets(part), np.concatenate(part))
            record = writer.finish({"model": "made"})
        return LateVectors.open(folder, LateRecord.from_record(json.loads(json.dumps(record.to_record()))))

    return write


def maxsim(query: np.ndarray, document: np.ndarray) -> float:
    """Section 3.3 of the ColBERT paper, in float64."""
    products = query.astype(np.float64) @ document.astype(np.float64).T
    return float(products.max(1).sum()) if len(document) else 0.0


# -- quantising ------------------------------------------------------------------------------------------------------


def test_codes_worked_out_by_hand() -> None:
    vectors = np.array([[1.0, -0.55, 0.25], [0.0, 0.0, 0.0], [-254, 2, 127]], np.float32)
    codes, scales = quantise(vectors, 8)
    assert codes.view(np.int8).tolist() == [[127, -70, 32], [0, 0, 0], [-127, 1, 64]]
    np.testing.assert_allclose(scales, [1 / 127, 0, 2], rtol=1e-6)
    # With steps of 1/7: 7, -3.85 and 1.75. Number 1 stands over number 3, which is not there.
    codes, scales = quantise(vectors[:2], 4)
    assert codes.tolist() == [[15 | 10 << 4, 4 | 8 << 4], [8 | 8 << 4, 8 | 8 << 4]]
    np.testing.assert_allclose(scales, [1 / 7, 0], rtol=1e-6)
    np.testing.assert_allclose(dequantise(codes, scales, 3, 4), [[1, -4 / 7, 2 / 7], [0, 0, 0]], rtol=1e-6)
    # One number towers over the others, which steps of 1 would make zero: a squared error of 23.8. Steps of 0.7 cut it
    # to 4.9 and make them 0.7: 4.4 and 4.4; of 0.8, 2 and 9.5; of 0.6, 7.8 and 1.2.
    codes, scales = quantise(np.array([[7.0] + [0.49] * 99], np.float32), 4)
    np.testing.assert_allclose(scales, 0.7)
    np.testing.assert_allclose(dequantise(codes, scales, 100, 4), [[4.9] + [0.7] * 99], rtol=1e-6)


@pytest.mark.parametrize("dim", [1, 5, 64])
def test_numbers_are_off_by_half_a_step_at_most(dim: int) -> None:
    random = np.random.default_rng(1)
    vectors = (unit(random, 300, dim) * random.exponential(1, (300, 1)) * 1e3).astype(np.float32)
    codes, scales = quantise(vectors, 8)
    assert codes.shape == (300, dim)
    found = dequantise(codes, scales, dim, 8)
    assert (np.abs(found - vectors) <= scales[:, None] * 0.5001).all()
    codes, scales = quantise(vectors, 4)
    assert codes.shape == (300, (dim + 1) // 2)
    errors = ((dequantise(codes, scales, dim, 4) - vectors) ** 2).sum(1)
    steps = np.abs(vectors).max(1, keepdims=True) / 7
    plain = ((np.rint(vectors / steps) * steps - vectors) ** 2).sum(1)
    assert (errors <= plain * 1.0001).all()
    assert dim == 1 or errors.mean() < 0.99 * plain.mean()


def test_huge_and_tiny_numbers() -> None:
    vectors = np.array([[3e38, -3e38, 1e38], [1e-38, 2e-38, 0]], np.float32)
    for bits in (8, 4):
        found = dequantise(*quantise(vectors, bits), 3, bits)
        np.testing.assert_allclose(
            found / np.abs(vectors).max(1, keepdims=True), [[1, -1, 1 / 3], [0.5, 1, 0]], atol=0.1
        )


# -- scoring ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 4])
def test_a_score_worked_out_by_hand(write: Writer, bits: int) -> None:
    late = write([np.array([[1, 0], [0, -1]], np.float32), np.empty((0, 2), np.float32)], bits)
    query = np.array([[0.6, 0.8], [0, -1], [-1, 0]], np.float32)
    # 0.6 of the first vector (the second gives -0.8); 1 of the second; 0 of the second (the first gives -1).
    np.testing.assert_allclose(late.scores(query, np.array([0, 1])), [1.6, 0], atol=1e-4)
    places, products = late.explain(query, 0)
    assert places.tolist() == [0, 1, 1]
    np.testing.assert_allclose(products, [0.6, 1, 0], atol=1e-4)
    assert [values.tolist() for values in late.explain(query, 1)] == [[-1, -1, -1], [0, 0, 0]]


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("dim", [1, 3, 32, 128, 777])
def test_scores_are_those_of_the_stored_vectors(write: Writer, dim: int, bits: int) -> None:
    random = np.random.default_rng(dim)
    documents = made(random, dim)
    late = write(documents, bits)
    rows = random.permutation(np.repeat(np.arange(40), 2))
    for length in (1, 5, 32):
        query = unit(random, length, dim)
        scores = late.scores(query, rows)
        assert scores.dtype == np.float32
        expected = [maxsim(query, late.vectors(row)) for row in rows]
        np.testing.assert_allclose(scores, expected, atol=2e-5 * length)
        for row in range(0, 40, 7):
            places, products = late.explain(query, row)
            if len(documents[row]):
                stored = query @ late.vectors(row).T
                np.testing.assert_allclose(products, stored.max(1), atol=2e-5)
                np.testing.assert_allclose(stored[np.arange(length), places], stored.max(1), atol=4e-5)
            assert products.sum() == pytest.approx(late.scores(query, [row])[0], abs=1e-5)


@pytest.mark.parametrize("dim", [516, 517, 4096])
def test_sums_that_fill_their_32_bits(write: Writer, dim: int) -> None:
    ones = np.ones((1, dim), np.float32)
    late = write([ones, -ones])
    np.testing.assert_allclose(late.scores(ones, np.array([0, 1])), [dim, -dim], rtol=1e-4)


def test_ties_go_to_the_first_token(write: Writer) -> None:
    late = write([np.array([[0, 1], [1, 0], [1, 0]], np.float32)])
    assert late.explain(np.array([[1, 0]], np.float32), 0)[0].tolist() == [1]


@pytest.mark.parametrize("bits", [8, 4])
def test_the_published_formula(write: Writer, bits: int) -> None:
    """ColBERT's and PyLate's, by torch, of vectors that quantising leaves as they are; and sentence-transformers'."""
    import torch
    from sentence_transformers.multi_vector_encoder import maxsim as theirs

    random = np.random.default_rng(3)
    largest = 127 if bits == 8 else 7
    documents = [random.integers(-largest, largest + 1, (length, 24)).astype(np.float32) for length in (4, 9, 1, 17)]
    for document in documents:
        document[:, 0] = largest
    query = random.integers(-32767, 32768, (6, 24)).astype(np.float32) / 32767
    query[:, 1] = 1
    found = write(documents, bits).scores(query, np.arange(4))
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(document) for document in documents], batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(document)) for document in documents], batch_first=True)
    products = torch.einsum("sh,bth->bst", torch.from_numpy(query), padded)
    expected = products.masked_fill(mask[:, None] == 0, -torch.inf).max(axis=-1).values.sum(axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found, theirs([query], documents)[0], rtol=1e-5)


@pytest.mark.parametrize(("bits", "tolerance"), [(8, 0.002), (4, 0.03)])
def test_scores_are_near_those_before_quantising(write: Writer, bits: int, tolerance: float) -> None:
    """Of vectors of 128 numbers of length one; the tolerance is for each token of the query."""
    random = np.random.default_rng(4)
    documents = made(random, 128)
    query = unit(random, 20, 128)
    found = write(documents, bits).scores(query, np.arange(40))
    expected = np.array([maxsim(query, document) for document in documents])
    assert np.abs(found - expected).max() < tolerance * 20
    assert np.corrcoef(found, expected)[0, 1] > 0.99


def test_what_a_query_cannot_be(write: Writer) -> None:
    late = write(made(np.random.default_rng(5), 8))
    query = unit(np.random.default_rng(6), 3, 8)
    assert late.scores(query, np.empty(0, np.int64)).shape == (0,)
    assert late.scores(query[:0], np.array([0, 1])).tolist() == [0, 0]
    for wrong in (query[0], query[:, :7]):
        with pytest.raises(InputError, match=r"the documents' have 8 numbers: encode both with one model"):
            late.scores(wrong, np.array([0]))
    with pytest.raises(InputError, match="not finite"):
        late.explain(query * np.inf, 0)
    for row in (-1, 40):
        with pytest.raises(NotFoundError, match="there are 40 documents"):
            late.scores(query, np.array([0, row]))
        with pytest.raises(NotFoundError):
            late.vectors(row)
        with pytest.raises(NotFoundError):
            late.explain(query, row)


# -- on disk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 4])
def test_round_trip(write: Writer, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = made(np.random.default_rng(7), 9)
    late, at_once = write(documents, bits), write(documents, bits, lot=100)
    monkeypatch.setattr("lsr.index.parts.late.writer._NUMBERS", 30)
    in_blocks = write(documents, bits)
    codes, scales = quantise(np.concatenate(documents), bits)
    expected = dequantise(codes, scales, 9, bits)
    for row, (start, end) in enumerate(pairwise(offsets(documents))):
        for each in (late, at_once, in_blocks):
            np.testing.assert_array_equal(each.vectors(row), expected[start:end])
    vectors = sum(map(len, documents))
    assert late.record == LateRecord(40, vectors, 9, bits, {"model": "made"}) and len(late) == 40
    assert late.bytes == 8 * 41 + vectors * (4 + (9 if bits == 8 else 5))
    assert list(late.problems()) == []


def test_documents_without_a_vector(write: Writer) -> None:
    late = write([np.empty((0, 4), np.float32)] * 3)
    assert late.record.vectors == 0 and late.vectors(2).shape == (0, 4)
    assert late.scores(np.ones((2, 4), np.float32), np.arange(3)).tolist() == [0, 0, 0]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="8 or 4 bits a number, not 2"):
        LateWriter(tmp_path, 3, 2)
    with pytest.raises(InputError, match="dim"):
        LateWriter(tmp_path, 0)
    vectors = np.ones((4, 3), np.float32)
    with LateWriter(tmp_path, 3) as writer:
        writer.append(np.array([0, 1, 4]), vectors)
        with pytest.raises(InputError, match=r"must have shape \[vectors, 3\], not \(4, 2\)"):
            writer.append(np.array([0, 4]), vectors[:, :2])
        for wrong in ([0, 3], [1, 4], [0, 3, 2, 4], []):
            with pytest.raises(InputError, match="the offsets must ascend from 0 to 4"):
                writer.append(np.array(wrong, np.int64), vectors)
        vectors[2, 1] = np.nan
        with pytest.raises(InputError, match="row 5: a token vector has a value that is not finite"):
            writer.append(np.array([0, 2, 2, 2, 3, 4]), vectors)


def test_damaged_files_are_named(write: Writer, tmp_path: Path) -> None:
    late = write(made(np.random.default_rng(8), 6))
    (folder,) = tmp_path.iterdir()
    for name in FILE_NAMES:
        whole = (folder / name).read_bytes()
        for damage in (whole[:-1], whole[:200], b"", whole.replace(b"fortran_order", b"fortran_odder")):
            (folder / name).write_bytes(damage)
            with pytest.raises(IndexFormatError, match=name):
                LateVectors.open(folder, late.record)
        write_array(folder / name, np.zeros(3, np.float64))
        with pytest.raises(IndexFormatError, match=f"{name}: expected .* values, found float64"):
            LateVectors.open(folder, late.record)
        (folder / name).unlink()
        with pytest.raises(IndexFormatError, match=name):
            LateVectors.open(folder, late.record)
        (folder / name).write_bytes(whole)
    LateVectors.open(folder, late.record)
    for record, name in (
        (replace(late.record, documents=39), INDPTR_NAME),
        (replace(late.record, vectors=late.record.vectors + 1), INDPTR_NAME),
        (replace(late.record, dim=7), CODES_NAME),
        (replace(late.record, bits=4), CODES_NAME),
    ):
        with pytest.raises(IndexFormatError, match=name):
            LateVectors.open(folder, record)
    for values, says in (
        ({"bits": 2}, "2 bits of a number"),
        ({"dim": 0}, "vectors of 0 numbers"),
        ({"vectors": 2**63}, "reasonable size"),
        ({"vectors": "5"}, "must be a whole number"),
        ({"encoder": []}, "must be an object"),
    ):
        with pytest.raises(InputError, match=says):
            LateRecord.from_record({**late.record.to_record(), **values})
    with pytest.raises(InputError, match="is missing"):
        LateRecord.from_record({"documents": 3})


def test_problems_that_opening_does_not_see(write: Writer, tmp_path: Path) -> None:
    late = write(made(np.random.default_rng(9), 6))
    (folder,) = tmp_path.iterdir()
    values = np.load(folder / SCALES_NAME)
    values[5] = np.nan
    (folder / SCALES_NAME).unlink()
    write_array(folder / SCALES_NAME, values)
    (problem,) = LateVectors.open(folder, late.record).problems()
    assert problem.startswith(SCALES_NAME) and "not finite" in problem


def test_offsets_that_descend_are_refused(write: Writer, tmp_path: Path) -> None:
    late = write(made(np.random.default_rng(9), 6))
    (folder,) = tmp_path.iterdir()
    values = np.load(folder / INDPTR_NAME)
    values[5] = 10**6
    (folder / INDPTR_NAME).unlink()
    write_array(folder / INDPTR_NAME, values)
    with pytest.raises(IndexFormatError, match="do not ascend"):
        LateVectors.open(folder, late.record)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("damage", [0, 1, 70, 4000])
def test_a_writer_that_was_killed_is_gone_on_from_as_if_it_had_not_been(tmp_path, bits, damage):
    documents = made(np.random.default_rng(7), 12, count=20)
    whole, killed, resumed = (tmp_path / name for name in ("whole", "killed", "resumed"))

    def append(writer: LateWriter, first: int, last: int) -> None:
        for start in range(first, last, 4):
            part = documents[start : min(start + 4, last)]
            writer.append(offsets(part), np.concatenate(part))

    for folder in (whole, killed):
        folder.mkdir()
    with LateWriter(whole, 12, bits) as writer:
        append(writer, 0, 20)
        expected = writer.finish({})
    begun = LateWriter(killed, 12, bits)
    append(begun, 0, 12)
    shutil.copytree(killed, resumed)  # as the system has them, and never closed
    begun.close()
    with (resumed / CODES_NAME).open("r+b") as file:
        # The end of what was written last did not reach the disk, or something did that the other files don't tell of.
        file.truncate(max(128, file.seek(0, 2) - damage) if damage else file.seek(0, 2) + 9)
    with LateWriter(resumed, 12, bits) as writer:
        assert (writer.documents == 12) == (damage == 0) and writer.documents <= 12
        append(writer, writer.documents, 20)
        assert writer.finish({}) == expected
    for name in FILE_NAMES:
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("bits", [8, 4])
def test_rows_of_several_segments_are_carried_over(
    write: Writer, bits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsr.index.parts.late.part._ROWS_AT_A_TIME", 7)
    random = np.random.default_rng(1)
    old = [write(made(random, 9, count), bits) for count in (40, 1, 25)]
    rows = [np.array([39, 0, 0, 12]), None, np.arange(25)[::-1]]
    nowhere = PartRecord("", {}, {})
    sources = [CarriedRows(late, tmp_path, nowhere, chosen) for late, chosen in zip(old, rows, strict=True)]
    folder = tmp_path / "late-new"
    folder.mkdir()
    record = added_parts()["late"].carry(sources, folder)
    assert record.folder == "late-new" and set(record.files) == set(FILE_NAMES)
    new = LateVectors.open(folder, LateRecord.from_record(record.record))
    expected = [(old[0], 39), (old[0], 0), (old[0], 0), (old[0], 12), (old[1], 0), *((old[2], row) for row in rows[2])]
    assert len(new) == len(expected) and list(new.problems()) == []
    for row, (late, its_row) in enumerate(expected):
        np.testing.assert_array_equal(new.vectors(row), late.vectors(its_row))
    wide = CarriedRows(write(made(random, 11), bits), tmp_path, nowhere)
    with pytest.raises(InputError, match="cannot be put into one segment"):
        added_parts()["late"].carry([sources[0], wide], tmp_path)
