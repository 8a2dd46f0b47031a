"""CIFF: what is written comes back, other programs agree on the bytes, and what is wrong in a file is named."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.core.errors import InputError
from lsr.core.vocabulary import Vocabulary
from lsr.vectors.ciff import reader, writer
from lsr.vectors.ciff.messages import Header, delimited, length_field, read_varint, varint, varint_field
from lsr.vectors.files import iter_vectors, read_vectors, read_vocabulary, write_vectors
from lsr.vectors.sparse import SparseVectors

VOCABULARY = Vocabulary(["the", "##s", 'quote"', "naïve", "new\nline", "\u2028", "", "𝛼"])
# Documents and postings as tests/vectors/ciff/golden/make_ciff.py wrote them.
GOLDEN = Path(__file__).parent / "golden" / "ciff-toolkit.ciff"
GOLDEN_TERMS = ["##ing", "bird", "naïve"]
GOLDEN_ROWS = {0: ([0, 2], [3, 127]), 1: ([0, 1], [255, 1]), 3: ([1], [128]), 299: ([1], [70_000])}

impacts = st.one_of(st.integers(1, 300), st.integers(1, 2**24))
rows = st.dictionaries(st.integers(0, len(VOCABULARY) - 1), impacts)
vector_sets = st.dictionaries(st.text(min_size=1), rows, max_size=8).map(
    lambda rows: SparseVectors.from_rows(
        [(sorted(row), [row[term] for term in sorted(row)]) for row in rows.values()], list(rows), len(VOCABULARY)
    )
)


def assert_same(one: SparseVectors, other: SparseVectors) -> None:
    assert one.ids == other.ids and one.dim == other.dim
    for name in ("indptr", "indices", "weights"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def made(n: int, dim: int, seed: int = 0) -> tuple[SparseVectors, Vocabulary]:
    """Rows of up to 20 terms with SPLADE-like weights, some rows empty."""
    rng = np.random.default_rng(seed)
    rows = [np.sort(rng.choice(dim, rng.integers(0, 21), replace=False)) for _ in range(n)]
    vectors = SparseVectors.from_rows([(row, rng.gamma(2, 0.4, len(row)) + 1e-3) for row in rows], None, dim)
    return vectors, Vocabulary(f"t{i}" for i in rng.permutation(dim))


def body(path: Path) -> bytes:
    """The file but for its header."""
    content = path.read_bytes()
    size, at = read_varint(content, 0)
    return content[at + size :]


# -- there and back ----------------------------------------------------------------------------------------------------


@given(vectors=vector_sets, cut=st.integers(0, 8), part=st.integers(1, 9), suffix=st.sampled_from(["", ".gz", ".zst"]))
@settings(max_examples=80, deadline=None)
def test_integers_come_back(
    tmp_path_factory: pytest.TempPathFactory, vectors: SparseVectors, cut: int, part: int, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("ciff") / f"v.ciff{suffix}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_RUN_POSTINGS", part)
        patch.setattr(reader, "_PART_POSTINGS", part)
        written = write_vectors(path, [vectors[:cut], vectors[cut:]], vocabulary=VOCABULARY, scale=1)
        parts = list(iter_vectors(path, vocabulary=VOCABULARY, batch_rows=3))
    assert written == len(vectors) and max(map(len, parts)) <= 3
    assert_same(SparseVectors.concatenate(parts), vectors)
    assert_same(read_vectors(path, vocabulary=VOCABULARY), vectors)


@pytest.mark.parametrize("scale", [None, 100, 51.2, 1e-3, 12_345.678])
def test_weights_come_back_within_half_a_step(tmp_path: Path, scale: float | None) -> None:
    vectors, vocabulary = made(500, 300)
    write_vectors(tmp_path / "v.ciff", [vectors], vocabulary=vocabulary, scale=scale)
    restored = read_vectors(tmp_path / "v.ciff", vocabulary=vocabulary)
    tf = read_vectors(tmp_path / "v.ciff", vocabulary=vocabulary, scale=1)
    assert restored.ids == vectors.ids
    np.testing.assert_array_equal(restored.indices, vectors.indices)
    used = scale or 255 / float(vectors.weights.max())
    exact = vectors.weights.astype(np.float64) * used
    np.testing.assert_array_equal(tf.weights, np.maximum(np.rint(exact), 1).astype(np.float32))
    np.testing.assert_allclose(restored.weights, tf.weights / used, rtol=1e-6)
    large = exact >= 1
    assert np.abs(restored.weights - vectors.weights)[large].max(initial=0) <= 0.5001 / used
    if scale is None:
        assert tf.weights.min() == 1 and tf.weights.max() == 255


def test_runs_and_parts_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, vocabulary = made(3000, 200)
    write_vectors(tmp_path / "one.ciff", [vectors], vocabulary=vocabulary)
    whole = read_vectors(tmp_path / "one.ciff", vocabulary=vocabulary)
    monkeypatch.setattr(writer, "_RUN_POSTINGS", 500)
    monkeypatch.setattr(writer, "_DOCUMENTS_AT_A_TIME", 7)
    monkeypatch.setattr(reader, "_PART_POSTINGS", 777)
    monkeypatch.setattr(reader, "_CHECKED_LISTS", 3)
    write_vectors(tmp_path / "many.ciff", [vectors[i : i + 11] for i in range(0, 3000, 11)], vocabulary=vocabulary)
    assert (tmp_path / "many.ciff").read_bytes() == (tmp_path / "one.ciff").read_bytes()
    assert_same(read_vectors(tmp_path / "many.ciff", vocabulary=vocabulary), whole)


def test_progress_adds_up_to_the_rows(tmp_path: Path) -> None:
    vectors, vocabulary = made(301, 50)
    reports: list[int] = []
    batches = [vectors[i : i + 10] for i in range(0, 301, 10)]
    write_vectors(tmp_path / "v.ciff", batches, vocabulary=vocabulary, progress=reports.append)
    assert sum(reports) == 301 and min(reports) > 0 and len(reports) > 31


def test_vectors_without_a_single_term(tmp_path: Path) -> None:
    vectors = SparseVectors.from_rows([([], [])] * 3, ["a", "b", "c"], len(VOCABULARY))
    write_vectors(tmp_path / "v.ciff", [vectors], vocabulary=VOCABULARY)
    assert_same(read_vectors(tmp_path / "v.ciff", vocabulary=VOCABULARY), vectors)
    assert read_vocabulary(tmp_path / "v.ciff") == Vocabulary()


# -- terms -------------------------------------------------------------------------------------------------------------


def test_terms_are_the_files_own_or_the_given_vocabularys(tmp_path: Path) -> None:
    path = tmp_path / "v.ciff"
    vectors = SparseVectors.from_rows([([0, 2, 3], [1, 2, 3]), ([3], [4])], ["a", "b"], 4)
    write_vectors(path, [vectors], vocabulary=Vocabulary(["sat", "never", "cat", "mat"]), scale=1)
    assert read_vocabulary(path) == Vocabulary(["cat", "mat", "sat"])
    own = SparseVectors.from_rows([([0, 1, 2], [2, 3, 1]), ([1], [4])], ["a", "b"], 3)
    assert_same(read_vectors(path), own)
    other = Vocabulary(["mat", "on", "sat", "the", "cat"])
    assert_same(
        read_vectors(path, vocabulary=other),
        SparseVectors.from_rows([([0, 2, 4], [3, 1, 2]), ([0], [4])], ["a", "b"], 5),
    )
    with pytest.raises(InputError, match=r"v\.ciff: message 3: the term 'mat' is not one of the 2 terms"):
        list(iter_vectors(path, vocabulary=Vocabulary(["cat", "sat"])))
    with pytest.raises(InputError, match="vocabularies of different sizes: 3 and 4"):
        iter_vectors(path, dim=4)


# -- other programs ----------------------------------------------------------------------------------------------------


def golden_vectors() -> SparseVectors:
    empty: tuple[list[int], list[int]] = ([], [])
    return SparseVectors.from_rows([GOLDEN_ROWS.get(i, empty) for i in range(300)], [f"d{i}" for i in range(300)], 3)


def test_a_file_of_ciff_toolkit_is_read() -> None:
    assert read_vocabulary(GOLDEN) == Vocabulary(GOLDEN_TERMS)
    assert_same(read_vectors(GOLDEN), golden_vectors())
    quarter = read_vectors(GOLDEN, scale=4)
    np.testing.assert_array_equal(quarter.weights, golden_vectors().weights / 4)
    with pytest.raises(InputError, match=r"row 0 \(id 'd0'\): weight inf of term 0 is not finite"):
        read_vectors(GOLDEN, scale=1e-40)


def test_the_bytes_are_those_of_ciff_toolkit(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.ciff", [golden_vectors()], vocabulary=Vocabulary(GOLDEN_TERMS), scale=1)
    assert body(tmp_path / "v.ciff") == body(GOLDEN)
    ours, theirs = (reader.CiffReader(path).header for path in (tmp_path / "v.ciff", GOLDEN))
    assert theirs.description == "made by ciff-toolkit" and theirs.scale is None and ours.scale == 1
    for name in ("version", "lists", "documents", "total_lists", "total_documents", "total_tf", "average_doclength"):
        assert getattr(ours, name) == getattr(theirs, name)
    content = GOLDEN.read_bytes()
    assert delimited(theirs.encode()) == content[: len(content) - len(body(GOLDEN))]


def test_bmp_reads_it_and_finds_the_same(tmp_path: Path) -> None:
    bmp = pytest.importorskip("bmp")
    vectors, vocabulary = made(400, 60, seed=3)
    write_vectors(tmp_path / "v.ciff", [vectors], vocabulary=vocabulary)
    tf = read_vectors(tmp_path / "v.ciff", vocabulary=vocabulary, scale=1)
    bmp.ciff2bmp(ciff_file=str(tmp_path / "v.ciff"), output=str(tmp_path / "v.bmp"), bsize=8, compress_range=False)
    searcher = bmp.Searcher(str(tmp_path / "v.bmp"))
    for terms in ([0, 7, 31], [59, 12, 5], [3, 4, 40]):
        query = np.zeros(60)
        query[terms] = [32, 20, 9]  # at most 32, to which BMP brings other queries
        scores = tf.to_scipy() @ query
        ids, found = searcher.search({vocabulary.term(t): int(query[t]) for t in terms}, k=10, alpha=1.0, beta=1.0)
        np.testing.assert_array_equal(found, np.sort(scores)[::-1][:10])
        np.testing.assert_array_equal(scores[[int(id) for id in ids]], found)


# -- what the format leaves open, and what it forbids ------------------------------------------------------------------


def negative(value: int) -> bytes:
    return varint(value + 2**64)


def posting(gap: int, tf: int) -> bytes:
    fields = (bytes([tag]) + (varint(v) if v >= 0 else negative(v)) for tag, v in ((8, gap), (16, tf)))
    return length_field(4, b"".join(fields))


def a_list(term: str | bytes, *postings: tuple[int, int], df: int | None = None) -> bytes:
    encoded = term.encode() if isinstance(term, str) else term
    fields = length_field(1, encoded) + varint_field(2, len(postings) if df is None else df)
    return fields + b"".join(posting(*each) for each in postings)


def record(docid: int, id: str | bytes, extra: bytes = b"") -> bytes:
    encoded = id.encode() if isinstance(id, str) else id
    return varint_field(1, docid) + length_field(2, encoded) + extra


CAT, MAT = a_list("cat", (0, 5), (1, 7)), a_list("mat", (1, 1))
A, B = record(0, "a"), record(1, "b")


def write(path: Path, lists: list[bytes], records: list[bytes], header: dict[str, Any]) -> Path:
    head = Header(**{"lists": len(lists), "documents": len(records), **header})
    path.write_bytes(b"".join(delimited(message) for message in (head.encode(), *lists, *records)))
    return path


def test_other_orders_and_unknown_fields(tmp_path: Path) -> None:
    unknown = varint_field(9, 300) + length_field(10, b"more") + bytes([11 << 3 | 1]) + bytes(8) + b"\x65" + bytes(4)
    tf_first = length_field(4, bytes([16, 9]) + unknown + bytes([8, 1]))
    lists = [
        # The term behind the postings, df in between, an unknown field everywhere.
        unknown + posting(0, 5) + varint_field(2, 2) + unknown + tf_first + length_field(1, b"mat") + unknown,
        a_list("cat", (1, 7)),
        a_list("empty"),
    ]
    records = [record(1, "b", unknown), unknown + record(0, "a", varint_field(3, 77))]
    path = write(tmp_path / "v.ciff", lists, records, {"version": 0})
    assert read_vocabulary(path) == Vocabulary(["cat", "empty", "mat"])
    assert_same(read_vectors(path), SparseVectors.from_rows([([2], [5]), ([0, 2], [7, 9])], ["a", "b"], 3))


@pytest.mark.parametrize(
    ("lists", "records", "header", "message"),
    [
        ([CAT, a_list("mat", (0, 1), (0, 2))], [A, B], {}, "message 3, term 'mat', posting 2: a gap of 0"),
        ([a_list("mat", (1, 1), (-1, 2))], [A, B], {}, "message 2, term 'mat', posting 2: a gap of -1"),
        ([a_list("mat", (-1, 1))], [A, B], {}, "message 2, term 'mat', posting 1: a gap of -1"),
        ([CAT, a_list("mat", (1, 1), (1, 2))], [A, B], {}, "message 3, term 'mat', posting 2: the gaps add up to"),
        (
            [CAT, a_list("mat", (1, 1), (2**63 - 1, 1), (2**63 - 8, 1))],
            [A, B],
            {},
            "message 3, term 'mat', posting 2: the gaps add up to docid 9223372036854775807, outside the header's 2",
        ),
        ([a_list("mat", (1, 1), (2**63 - 1, 1))], [A, B], {}, "message 2, term 'mat', posting 2: the gaps add up to"),
        ([a_list("mat", (2**63 - 8, 1))], [A, B], {}, "posting 1: the gaps add up to docid 9223372036854775800"),
        ([a_list("mat", (2**64 - 1, 1))], [A, B], {}, "message 2, term 'mat', posting 1: a gap of -1"),
        ([CAT, a_list("mat", (0, 0))], [A, B], {}, "message 3, term 'mat', posting 1: tf is 0, but must be at least 1"),
        ([CAT, a_list("mat", (0, 1), (1, -3))], [A, B], {}, "message 3, term 'mat', posting 2: tf is -3"),
        ([CAT, a_list("mat", (0, 1), df=2)], [A, B], {}, "message 3, term 'mat': its df is 2, but it has 1 postings"),
        ([CAT, MAT, CAT], [A, B], {}, "message 4: the term 'cat' already has a list, message 2"),
        ([CAT, a_list(b"\xff", (0, 1))], [A, B], {}, "message 3: the term is not UTF-8"),
        ([CAT, a_list("mat", (0, 1))[:-1]], [A, B], {}, "message 3 is damaged"),
        (
            [CAT, MAT],
            [A, B],
            {"lists": 1},
            "message 3 is not a DocRecord, though the header announces 1 postings lists",
        ),
        (
            [CAT, MAT],
            [A, B],
            {"lists": 3},
            "message 4 is not a PostingsList, though the header announces 3 postings lists",
        ),
        ([CAT, MAT], [B, A], {"lists": 3}, "message 4 is not a PostingsList"),
        ([CAT, MAT], [A, B], {"documents": 3}, "truncated: of the 6 messages that the header announces, message 6"),
        ([CAT, MAT], [A, B], {"lists": 3, "documents": 1}, "message 4 is not a PostingsList"),
        ([a_list("mat", (0, 1))], [A, B], {"documents": 1}, "6 bytes follow message 3, which should be the last"),
        ([CAT], [A, record(2, "b")], {}, "message 4: docid 2 is outside the file's 2 documents"),
        ([CAT], [A, record(0, "b")], {}, "message 4: docid 0 already has a record"),
        ([CAT], [A, record(1, "")], {}, "docid 1 has no collection_docid"),
        ([CAT], [A, record(1, b"\xff")], {}, "the collection_docid of docid 1 is not UTF-8"),
        ([CAT], [A, record(1, "a")], {}, "docid 1: duplicate id 'a'; ids must be unique"),
        ([CAT], [A, length_field(2, b"b")[:-1]], {}, "message 4 is damaged"),
        ([CAT], [A, B], {"version": 2}, "CIFF version 2 is not supported"),
        (
            [CAT],
            [A, B],
            {"documents": 2**62, "lists": 2**62},
            "the header announces 4,611,686,018,427,387,904 postings",
        ),
        ([CAT], [A, B], {"documents": 2**30}, "the header announces 1 postings lists and 1,073,741,824 documents, but"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, lists: list[bytes], records: list[bytes], header: dict[str, int], message: str
) -> None:
    path = write(tmp_path / "v.ciff", lists, records, header)
    with pytest.raises(InputError, match=message) as caught:
        list(iter_vectors(path))
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b'{"id": "1", "vector": {"the": 1}}\n' * 9,
        b"PAR1" * 40,
        b"\xff" * 20,
        gzip.compress(GOLDEN.read_bytes()),
        delimited(varint_field(2, 3)[:1] + negative(-3)) + bytes(10),
    ],
)
def test_not_a_ciff_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.ciff").write_bytes(content)
    with pytest.raises(InputError, match=r"v\.ciff: "):
        list(iter_vectors(tmp_path / "v.ciff"))


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "v.ciff", [CAT, MAT], [A, B], {}).read_bytes()
    for size in range(len(whole)):
        (tmp_path / "v.ciff").write_bytes(whole[:size])
        with pytest.raises(InputError):
            list(iter_vectors(tmp_path / "v.ciff"))
    for suffix in (".gz", ".zst"):
        path = tmp_path / f"v.ciff{suffix}"
        write_vectors(path, [golden_vectors()], vocabulary=Vocabulary(GOLDEN_TERMS))
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(InputError, match="damaged or truncated"):
            iter_vectors(path)


def test_damage_gives_an_error_or_lawful_vectors(tmp_path: Path) -> None:
    vectors, vocabulary = made(40, 30)
    path = tmp_path / "v.ciff"
    write_vectors(path, [vectors], vocabulary=vocabulary)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(400):
        damaged = whole.copy()
        at = rng.integers(0, len(whole), rng.integers(1, 4))
        damaged[at] = rng.choice(np.array([0, 1, 127, 128, 255, 34, 8, 10], np.uint8), len(at))
        path.write_bytes(damaged.tobytes())
        try:
            for v in iter_vectors(path, batch_rows=16):
                SparseVectors(v.indptr, v.indices, v.weights, v.ids, v.dim)
        except InputError:
            refused += 1
    assert refused > 200


# -- writing -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_written(tmp_path: Path) -> None:
    vectors = SparseVectors.from_rows([([0, 1], [1, 3])], ["a"], 2)
    names = Vocabulary(["x", "y"])
    for suffix, options, message in (
        ("ciff", {}, "CIFF stores terms, not term ids: give the vocabulary"),
        ("ciff", {"vocabulary": Vocabulary(["x"])}, "vocabularies of different sizes"),
        ("ciff", {"vocabulary": Vocabulary(["x", "\ud800"])}, "term 1, .* cannot be written in UTF-8"),
        ("ciff", {"vocabulary": names, "scale": 0}, "the scale must be a positive number, not 0"),
        ("ciff", {"vocabulary": names, "scale": float("nan")}, "the scale must be a positive number, not nan"),
        ("ciff", {"vocabulary": names, "scale": 1e9}, "weight 3 times 1e\\+09 exceeds"),
        ("ciff", {"vocabulary": names, "scale": 7e8}, "the tf of a document add up to 2,800,000,000"),
        ("parquet", {"scale": 2}, "a scale is only for CIFF"),
        ("jsonl", {"vocabulary": names, "scale": 2}, "a scale is only for CIFF"),
    ):
        with pytest.raises(InputError, match=message):
            write_vectors(tmp_path / f"v.{suffix}", [vectors], **options)
    with pytest.raises(InputError, match=r"the id '.*' cannot be written in UTF-8"):
        write_vectors(
            tmp_path / "v.ciff", [SparseVectors([0, 0], [], [], ["\udcff"], 2, validate=False)], vocabulary=names
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_no_room_to_decompress_is_told_from_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.ciff.gz"
    path.write_bytes(gzip.compress(GOLDEN.read_bytes()))
    full = Path("/dev/full").open("r+b", buffering=0)  # noqa: SIM115
    monkeypatch.setattr(reader.tempfile, "TemporaryFile", lambda buffering: full)
    with pytest.raises(InputError, match=r"v\.ciff\.gz: cannot be decompressed into .* set TMPDIR") as caught:
        iter_vectors(path)
    assert "damaged" not in str(caught.value)
