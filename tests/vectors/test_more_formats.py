"""Vectors as SciPy's .npz, as CSV, and as JSON lines of term ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.vectors import SparseVectors, iter_vectors, read_vectors, read_vocabulary, write_vectors
from lsr.vectors.files import holds_vectors

VECTORS = SparseVectors.from_rows([([0, 3], [1.5, 2]), ([], []), ([2], [0.1])], ["a", 'b "c"', "é"], dim=5)


def same(left: SparseVectors, right: SparseVectors) -> bool:
    arrays = all(np.array_equal(getattr(left, name), getattr(right, name)) for name in ("indptr", "indices", "weights"))
    return arrays and left.ids == right.ids and left.dim == right.dim


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".csv.gz"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    assert write_vectors(path, [VECTORS[:2], VECTORS[2:]]) == 3
    assert same(read_vectors(path, dim=5), VECTORS) and holds_vectors(path) and read_vocabulary(path) is None
    assert [len(part) for part in iter_vectors(path, dim=5, batch_rows=2)] == [2, 1]
    with pytest.raises(InputError, match="came before"):
        write_vectors(path, [VECTORS, VECTORS], force=True)
    assert same(read_vectors(path, dim=5), VECTORS)


# As no one means them, and some have them: white space of all kinds, ends of lines, zeros, names longer than a screen.
ODD_IDS = [
    "a b", "tab\there", "new\nline", "car\rret", "crlf\r\nx", "two\n\nends", "\n", " lead", "trail ", "nb\u00a0sp",
    "ls\u2028sep", "nel\u0085x", "\ufeffmark", "50%20off", "quote\"'", "a,b;c", "😀", "é", "e\u0301", "x" * 70_000,
    "ctl\x01x", "tail\0", "tail", "#",
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".csv.gz", ".parquet", ".jsonl", ".ciff"])
def test_no_id_is_lost_or_changed(tmp_path: Path, suffix: str) -> None:
    """What a format cannot hold would be known only after all is encoded: so each holds every id."""
    path, count = tmp_path / f"v{suffix}", len(ODD_IDS)
    vectors = SparseVectors(range(count + 1), [0] * count, [0.5] * count, ODD_IDS, 1)
    vocabulary = Vocabulary(["bird"]) if suffix in (".jsonl", ".ciff") else None
    write_vectors(path, [vectors[:5], vectors[5:]], vocabulary=vocabulary)
    assert [id for part in iter_vectors(path, batch_rows=3) for id in part.ids] == ODD_IDS
    assert read_vectors(path).weights.tolist() == [0.5] * count


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([1, 0], "do not fit"), ([1, 9], "do not fit"), ([1, 1], "not UTF-8"), ([3], "fit the shape")],
)
def test_spelled_ids_are_checked(tmp_path: Path, lengths: list[int], message: str) -> None:
    arrays = {"format": b"csr", "shape": [2, 1], "indptr": [0, 1, 2], "indices": [0, 0], "data": [1.0, 1.0]}
    spelled = np.frombuffer("aé".encode(), np.uint8)
    np.savez(tmp_path / "v.npz", ids_lengths=np.array(lengths, np.int64), ids_utf8=spelled, **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        read_vectors(tmp_path / "v.npz")


def test_scipy_reads_ours_and_we_read_scipy_s(tmp_path: Path) -> None:
    write_vectors(tmp_path / "ours.npz", [VECTORS])
    assert (scipy.sparse.load_npz(tmp_path / "ours.npz").toarray() == VECTORS.to_scipy().toarray()).all()
    # Entries of one place are summed, zeros dropped, and columns need not be sorted.
    theirs = scipy.sparse.csr_matrix(([1.0, 2, 3, 0], ([0, 0, 0, 1], [2, 2, 0, 1])), shape=(2, 4))
    unsorted = scipy.sparse.csr_matrix((np.array([1.0, 2]), np.array([3, 0]), np.array([0, 2, 2])), shape=(2, 4))
    for number, matrix in enumerate((theirs, unsorted)):
        for compressed in (True, False):
            scipy.sparse.save_npz(tmp_path / f"{number}.npz", matrix, compressed=compressed)
            found = read_vectors(tmp_path / f"{number}.npz")
            assert (found.to_scipy().toarray() == matrix.toarray()).all() and found.ids == ["0", "1"]


def lines(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_layouts_of_csv(tmp_path: Path) -> None:
    terms = lines(tmp_path / "t.csv", "id,term,weight\na,bird,1\na,sky,0.5\nb,bird,2\nc,,\n")
    assert list(read_vocabulary(terms) or ()) == ["bird", "sky"]
    found = read_vectors(terms)
    assert found.ids == ["a", "b", "c"] and found.to_scipy().toarray().tolist() == [[1, 0.5], [2, 0], [0, 0]]
    numbers = read_vectors(lines(tmp_path / "n.csv", "docid;index;weight\r\na;7;1\r\na;5;0.5\r\nb;2026917151;2\r\n"))
    assert numbers.indices.tolist() == [5, 7, 2_026_917_151] and numbers.dim == 2_026_917_152
    lists = read_vectors(lines(tmp_path / "l.csv", 'id,indices,values\na,"[7, 5]","[1, 0.5]"\nb,3,4\n'))
    assert [row[0].tolist() for row in map(lists.row, range(2))] == [[5, 7], [3]]


def test_json_lines_of_term_ids(tmp_path: Path) -> None:
    beside = '{"id": "a", "indices": [7, 5], "values": [1, 2.5]}\n{"id": "b", "indices": [], "values": []}\n'
    nested = (
        '{"id": "a", "vector": {"indices": [7, 5], "values": [1, 2.5]}}\n{"id": "b", "indices": [], "values": []}\n'
    )
    for number, text in enumerate((beside, nested)):
        path = lines(tmp_path / f"{number}.jsonl", text)
        assert holds_vectors(path) and read_vocabulary(path) is None
        found = read_vectors(path)
        assert found.ids == ["a", "b"] and found.dim == 8
        assert found.indices.tolist() == [5, 7] and found.weights.tolist() == [2.5, 1]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "id,index,weight\na,x,1\n", r"a\.csv:2: field 'index': must be a term id"),
        ("a.csv", "id,index,weight\na,1,nan\n", r"a\.csv:2: field 'weight': must be a finite number"),
        ("a.csv", "id,index,weight\na,1,-1\n", r"a\.csv:2: field 'weight': a weight must be at least 0"),
        ("a.csv", "id,index,weight\na,1,1\nb,1,1\na,2,1\n", r"a\.csv:4: field 'id': the id 'a' came before"),
        ("a.csv", "id,index,weight\na,1\n", r"a\.csv:2: 2 cells where the header names 3"),
        ("a.csv", "id,indices,values\na,1 2,1\n", r"a\.csv:2: 2 indices but 1 values"),
        ("a.csv", "id,index,weight\na,1,1\na,1,2\n", "row 0"),
        ("a.csv", "who,what\n", "have the columns id,term,weight"),
        ("a.csv", "", "there are none"),
        ("a.jsonl", '{"id": "a", "indices": [1], "values": [1, 2]}\n', r"a\.jsonl:1: field 'values': 1 indices but 2"),
        ("a.jsonl", '{"id": "a", "indices": [1, 1], "values": [1, 2]}\n', "term id 1 stands twice"),
        ("a.jsonl", '{"id": "a", "indices": [-1], "values": [1]}\n', "field 'indices': a term id must be a whole"),
        ("a.jsonl", '{"id": "a", "indices": [1], "values": ["x"]}\n', "field 'values': a weight must be a finite"),
        (
            "a.jsonl",
            '{"id": "a", "indices": [1], "values": [1]}\n{"id": "b", "vector": {"t": 1}}\n',
            "as the first has",
        ),
        ("a.npz", "PK no archive", "not a readable .npz file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_vectors(lines(tmp_path / name, text))


def test_archives_that_are_no_csr_matrix(tmp_path: Path) -> None:
    matrix = scipy.sparse.csr_matrix(np.eye(3))
    scipy.sparse.save_npz(tmp_path / "csc.npz", matrix.tocsc())
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    parts = {"data": matrix.data, "indices": matrix.indices, "shape": matrix.shape, "format": b"csr"}
    np.savez(tmp_path / "offsets.npz", indptr=[0, 3, 2, 3], **parts)
    np.savez(tmp_path / "far.npz", indptr=[0, 1, 2, 2**40], **parts)
    np.savez(tmp_path / "short.npz", indptr=[0, 1], **parts)
    np.savez(tmp_path / "columns.npz", indptr=[0, 1, 2, 3], **{**parts, "indices": [0, 1, 7]})
    np.savez(tmp_path / "twice.npz", indptr=[0, 1, 2, 3], ids=["a", "b", "a"], **parts)
    np.savez(tmp_path / "pickled.npz", indptr=[0, 1, 2, 3], ids=np.array(["a", "b", None]), **parts)
    for name in ("csc", "other", "offsets", "far", "short", "columns", "twice", "pickled"):
        with pytest.raises(InputError, match=name):
            read_vectors(tmp_path / f"{name}.npz")
