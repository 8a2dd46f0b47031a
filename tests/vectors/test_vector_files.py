"""Vector files: what is written is read back, in batches, and what breaks a rule is named."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.vocabulary import Vocabulary
from lsr.vectors import parquet as vector_parquet
from lsr.vectors.files import ParquetVectorWriter, iter_vectors, read_vectors, read_vocabulary, write_vectors
from lsr.vectors.sparse import SparseVectors

VOCABULARY = Vocabulary(["the", "##s", 'quote"', "naïve", "new\nline", "\u2028"])
SUFFIXES = [".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst"]
ALL_SUFFIXES = [*SUFFIXES, ".ciff", ".ciff.gz", ".ciff.zst"]  # CIFF rounds weights: see test_ciff.py

positive = st.floats(width=32, min_value=0, exclude_min=True, allow_infinity=False)
rows = st.dictionaries(st.integers(0, len(VOCABULARY) - 1), positive)
vector_sets = st.dictionaries(st.text(min_size=1), rows, max_size=6).map(
    lambda rows: SparseVectors.from_rows(
        [(sorted(row), [row[term] for term in sorted(row)]) for row in rows.values()], list(rows), len(VOCABULARY)
    )
)


def same(one: SparseVectors, other: SparseVectors) -> bool:
    arrays = ("indptr", "indices", "weights")
    return (
        one.ids == other.ids
        and one.dim == other.dim
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
    )


def many(n: int, dim: int = 50, seed: int = 0) -> SparseVectors:
    rng = np.random.default_rng(seed)
    matrix = rng.random((n, dim), dtype=np.float32)
    matrix[rng.random((n, dim)) < 0.8] = 0
    return SparseVectors.from_rows(
        [(np.flatnonzero(row), row[row > 0]) for row in matrix], [f"d{i}" for i in range(n)], dim
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(vectors=vector_sets, cut=st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, suffix: str, vectors: SparseVectors, cut: int) -> None:
    path = tmp_path_factory.mktemp("vectors") / f"v{suffix}"
    assert write_vectors(path, [vectors[:cut], vectors[cut:]], vocabulary=VOCABULARY) == len(vectors)
    assert same(read_vectors(path, vocabulary=VOCABULARY), vectors)
    parts = list(iter_vectors(path, vocabulary=VOCABULARY, batch_rows=2))
    assert all(len(part) <= 2 for part in parts)
    assert same(SparseVectors.concatenate(parts), vectors)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_save_and_load(tmp_path: Path, suffix: str) -> None:
    vectors = many(20, dim=len(VOCABULARY))
    vectors.save(tmp_path / f"v{suffix}", vocabulary=VOCABULARY)
    assert same(SparseVectors.load(tmp_path / f"v{suffix}", vocabulary=VOCABULARY), vectors)


@pytest.mark.parametrize("suffix", ALL_SUFFIXES)
def test_no_rows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    assert write_vectors(path, [SparseVectors.empty(len(VOCABULARY))], vocabulary=VOCABULARY) == 0
    assert [(len(part), part.dim) for part in iter_vectors(path, vocabulary=VOCABULARY)] == [(0, len(VOCABULARY))]
    with pytest.raises(InputError, match="no vectors to write"):
        write_vectors(tmp_path / f"none{suffix}", [], vocabulary=VOCABULARY)


# -- Parquet -----------------------------------------------------------------------------------------------------------


def test_row_groups_are_bounded_by_rows_and_by_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_parquet, "_GROUP_ROWS", 10)
    monkeypatch.setattr(vector_parquet, "_GROUP_PAIRS", 60)
    light = SparseVectors([*range(36)], [0] * 35, [1.0] * 35, [f"light{i}" for i in range(35)], 50)
    vectors = SparseVectors.concatenate([many(40), light])
    path = tmp_path / "v.parquet"
    with ParquetVectorWriter(path, 50) as writer:
        for start, stop in ((0, 1), (1, 1), (1, 30), (30, 32), (32, 75)):
            writer.write(vectors[start:stop])
    assert writer.rows == 75
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert max(group.num_rows for group in groups) == 10
    assert max(group.column(1).num_values for group in groups) <= 60
    assert same(read_vectors(path), vectors)


@pytest.mark.parametrize("pairs", [5, 3, 2])
def test_a_row_that_does_not_fit_starts_a_new_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pairs: int
) -> None:
    monkeypatch.setattr(vector_parquet, "_GROUP_PAIRS", pairs)
    path = tmp_path / "v.parquet"
    row = ([0, 1, 2], [1, 1, 1])
    parts = [SparseVectors.from_rows([row] * len(ids), ids, dim=3) for ids in (["a"], ["b", "c"], ["d"])]
    assert write_vectors(path, parts) == 4
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(i).column(1).num_values for i in range(metadata.num_row_groups)] == [3, 3, 3, 3]
    assert same(read_vectors(path), SparseVectors.concatenate(parts))


def test_a_row_larger_than_a_group_gets_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_parquet, "_GROUP_PAIRS", 3)
    vectors = many(5)
    write_vectors(tmp_path / "v.parquet", [vectors])
    assert pq.read_metadata(tmp_path / "v.parquet").num_row_groups == 5
    assert same(read_vectors(tmp_path / "v.parquet"), vectors)


def test_parquet_has_the_interchange_columns(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.parquet", [many(3)])
    schema = pq.read_schema(tmp_path / "v.parquet")
    assert schema.names == ["id", "indices", "values"]
    assert [str(schema.field(name).type.value_type) for name in ("indices", "values")] == ["uint32", "float"]
    assert schema.metadata[b"dim"] == b"50"


def table(indices: Any, values: Any, ids: Any = None, **metadata: str) -> pa.Table:
    ids = [f"d{i}" for i in range(len(indices))] if ids is None else ids
    made = pa.table({"id": ids, "indices": indices, "values": values, "text": ["not read"] * len(indices)})
    return made.replace_schema_metadata(metadata)


@pytest.mark.parametrize("terms", [pa.int8(), pa.int32(), pa.int64(), pa.uint16(), pa.uint64()])
@pytest.mark.parametrize("weights", [pa.float16(), pa.float32(), pa.float64(), pa.int32()])
@pytest.mark.parametrize("make_list", [pa.list_, pa.large_list])
def test_other_types_are_read(tmp_path: Path, terms: pa.DataType, weights: pa.DataType, make_list: Any) -> None:
    indices = pa.array([[1, 7], [], [3]], make_list(terms))
    values = pa.array([[1, 2], [], [4]], pa.list_(pa.float32())).cast(make_list(weights))
    pq.write_table(table(indices, values), tmp_path / "v.parquet")
    expected = SparseVectors.from_rows([([1, 7], [1, 2]), ([], []), ([3], [4])], ["d0", "d1", "d2"], 8)
    assert same(read_vectors(tmp_path / "v.parquet"), expected)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.int64(), pa.dictionary(pa.int8(), pa.string())]
)
def test_other_id_types_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    ids = pa.array(["7", "8"])
    ids = ids.dictionary_encode() if pa.types.is_dictionary(kind) else ids.cast(kind)
    pq.write_table(table([[1], [2]], [[1.0], [2.0]], ids), tmp_path / "v.parquet")
    assert read_vectors(tmp_path / "v.parquet").ids == ["7", "8"]


@pytest.mark.parametrize("statistics", [True, False])
def test_dim_is_found_where_none_is_recorded(tmp_path: Path, statistics: bool) -> None:
    path = tmp_path / "v.parquet"
    indices = pa.array([[], [3_000_000_000], [5], []], pa.list_(pa.uint32()))
    pq.write_table(table(indices, [[], [1.0], [1.0], []]), path, row_group_size=1, write_statistics=statistics)
    assert [part.dim for part in iter_vectors(path, batch_rows=1)] == [3_000_000_001] * 4
    assert next(iter_vectors(path, dim=2**32)).dim == 2**32
    with pytest.raises(InputError, match=r"row 1 \(id 'd1'\): term id 3000000000 is outside the vocabulary of 6 terms"):
        list(iter_vectors(path, vocabulary=VOCABULARY))


def test_dim_that_does_not_agree(tmp_path: Path) -> None:
    path = tmp_path / "v.parquet"
    write_vectors(path, [many(3)])
    for other in ({"dim": 51}, {"vocabulary": VOCABULARY}):
        with pytest.raises(InputError, match=r"v\.parquet: vocabularies of different sizes"):
            iter_vectors(path, **other)
    pq.write_table(table([[1]], [[1.0]], dim="many"), path)
    with pytest.raises(InputError, match="recorded as b'many'"):
        iter_vectors(path)


def test_zeros_are_dropped(tmp_path: Path) -> None:
    pq.write_table(table([[1, 2], [3], [4, 5]], [[0.0, 1.0], [-0.0], [2.0, 0.0]]), tmp_path / "v.parquet")
    expected = SparseVectors.from_rows([([2], [1.0]), ([], []), ([4], [2.0])], ["d0", "d1", "d2"], 6)
    assert same(read_vectors(tmp_path / "v.parquet"), expected)


def test_terms_of_other_tools_come_in_any_order(tmp_path: Path) -> None:
    pq.write_table(
        table([[9, 2], [], [1], [3, 0, 1]], [[1.0, 2.0], [], [3.0], [4.0, 0.0, 5.0]]), tmp_path / "v.parquet"
    )
    rows = [([2, 9], [2.0, 1.0]), ([], []), ([1], [3.0]), ([1, 3], [5.0, 4.0])]
    assert same(read_vectors(tmp_path / "v.parquet"), SparseVectors.from_rows(rows, [f"d{i}" for i in range(4)], 10))


@pytest.mark.parametrize(
    ("indices", "values", "ids", "message"),
    [
        ([[1], [2], [3, 3]], [[1.0], [1.0], [1.0, 1.0]], None, "row 2 (id 'd2'): term ids must be sorted and unique"),
        ([[1], [2], [-3]], [[1.0], [1.0], [1.0]], None, "row 2 (id 'd2'): term id -3 is outside"),
        ([[1], [2], [3]], [[1.0], [1.0], [float("nan")]], None, "row 2 (id 'd2'): weight nan of term 3"),
        ([[1], [2], [3]], [[1.0], [1.0], [-1.0]], None, "row 2 (id 'd2'): weight -1.0 of term 3"),
        ([[1], [2], [3]], [[1.0], [1.0], [1.0, 2.0]], None, "row 2 (id 'd2'): 1 indices but 2 values"),
        ([[1], [2], [3, None]], [[1.0], [1.0], [1.0, 1.0]], None, "field 'indices': row 2 (id 'd2'): null inside"),
        ([[1], [2], [3]], [[1.0], [1.0], [None]], None, "field 'values': row 2 (id 'd2'): null inside"),
        ([[1], [2], None], [[1.0], [1.0], [1.0]], None, "field 'indices': row 2: null"),
        ([[1], [2], [3]], [[1.0], [1.0], [1.0]], ["a", "b", None], "field 'id': row 2: null"),
        ([[1], [2], [3]], [[1.0], [1.0], [1.0]], ["a", "b", ""], "row 2: an id must be a non-empty string"),
        ([[1], [2], [3]], [[1.0], [1.0], [1.0]], ["a", "b", "b"], "row 2: duplicate id 'b'"),
    ],
)
def test_bad_row_is_named_across_batches(tmp_path: Path, indices: Any, values: Any, ids: Any, message: str) -> None:
    pq.write_table(table(indices, values, ids), tmp_path / "v.parquet")
    batches = iter_vectors(tmp_path / "v.parquet", dim=10, batch_rows=2 if ids is None else 1)
    next(batches)
    with pytest.raises(InputError) as caught:
        list(batches)
    assert str(caught.value).startswith(f"{tmp_path / 'v.parquet'}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["a"], "indices": [[1]]}, "field 'values': sparse vectors need the columns id, indices, values"),
        ({"id": ["a"], "indices": [1], "values": [[1.0]]}, "field 'indices': must be a column of lists of integers"),
        (
            {"id": ["a"], "indices": [[1.5]], "values": [[1.0]]},
            "field 'indices': must be a column of lists of integers",
        ),
        ({"id": ["a"], "indices": [[1]], "values": [["1"]]}, "field 'values': must be a column of lists of floats"),
        ({"id": [1.5], "indices": [[1]], "values": [[1.0]]}, "field 'id': must be a column of strings or integers"),
    ],
)
def test_other_columns(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    with pytest.raises(InputError) as caught:
        iter_vectors(tmp_path / "v.parquet")
    assert message in str(caught.value)


def test_not_a_vector_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"v\.parquet: no such file"):
        iter_vectors(tmp_path / "v.parquet")
    for name in ("v.hdf5", "v.parquet.gz"):
        with pytest.raises(InputError, match=r"the name of a vector file must end in \.parquet, \.jsonl"):
            iter_vectors(tmp_path / name)
    write_vectors(tmp_path / "v.parquet", [many(1000)])
    whole = (tmp_path / "v.parquet").read_bytes()
    (tmp_path / "v.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a readable Parquet file"):
        iter_vectors(tmp_path / "v.parquet")


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ALL_SUFFIXES)
def test_a_failed_write_leaves_nothing_and_keeps_what_was_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    vectors = many(5, dim=len(VOCABULARY))

    def interrupted() -> Iterator[SparseVectors]:
        yield vectors
        raise KeyboardInterrupt

    for batches, error in (
        (interrupted(), KeyboardInterrupt),
        ([vectors, vectors[2:3]], InputError),
        ([vectors, SparseVectors.empty(99)], InputError),
    ):
        with pytest.raises(error):
            write_vectors(path, batches, vocabulary=VOCABULARY)
        assert list(tmp_path.iterdir()) == []

    write_vectors(path, [vectors], vocabulary=VOCABULARY)
    before = path.read_bytes()
    with pytest.raises(OutputExistsError):
        write_vectors(path, [vectors], vocabulary=VOCABULARY)
    with pytest.raises(KeyboardInterrupt):
        write_vectors(path, interrupted(), vocabulary=VOCABULARY, force=True)
    assert path.read_bytes() == before
    write_vectors(path, [vectors[:1]], vocabulary=VOCABULARY, force=True)
    assert len(read_vectors(path, vocabulary=VOCABULARY)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ALL_SUFFIXES)
def test_an_id_written_twice_is_named(tmp_path: Path, suffix: str) -> None:
    vectors = many(5, dim=len(VOCABULARY))
    with pytest.raises(InputError, match="row 6: duplicate id 'd0'"):
        write_vectors(tmp_path / f"v{suffix}", [vectors, many(6, 6)[5:], vectors[:1]], vocabulary=VOCABULARY)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_progress_adds_up_to_the_rows(tmp_path: Path, suffix: str) -> None:
    vectors, reports = many(25, len(VOCABULARY)), []
    batches = [vectors[i : i + 10] for i in range(0, 25, 10)]
    write_vectors(tmp_path / f"v{suffix}", batches, vocabulary=VOCABULARY, progress=reports.append)
    assert reports == [10, 10, 5]


def test_the_terms_of_a_file(tmp_path: Path) -> None:
    vectors = SparseVectors.from_rows([([2, 3], [1, 2])], ["a"], len(VOCABULARY))
    for suffix in ALL_SUFFIXES:
        write_vectors(tmp_path / f"v{suffix}", [vectors], vocabulary=VOCABULARY)
        terms = read_vocabulary(tmp_path / f"v{suffix}")
        assert terms == (None if suffix == ".parquet" else Vocabulary(["naïve", 'quote"'])), suffix
    with pytest.raises(InputError, match=r"none\.ciff: no such file"):
        read_vocabulary(tmp_path / "none.ciff")


def test_jsonl_needs_a_vocabulary_of_the_right_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give the vocabulary"):
        write_vectors(tmp_path / "v.jsonl", [many(2)])
    with pytest.raises(InputError, match="vocabularies of different sizes: 6 and 50 terms"):
        write_vectors(tmp_path / "v.jsonl", [many(2)], vocabulary=VOCABULARY)


# -- JSON lines --------------------------------------------------------------------------------------------------------


def test_jsonl_as_anserini_has_it(tmp_path: Path) -> None:
    lines = [
        '{"id": 0, "contents": "the text", "vector": {"cat": 120, "sat": 0, "a": 55}}',
        '{"id": "1", "content": "", "vector": {}}',
        '{"_id": "2", "vector": {"dog": 0.1, "a": 0}}',
    ]
    path = tmp_path / "v.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert read_vocabulary(path) == Vocabulary(["a", "cat", "dog", "sat"])
    expected = SparseVectors.from_rows([([0, 1], [55, 120]), ([], []), ([2], [0.1])], ["0", "1", "2"], 4)
    assert same(read_vectors(path), expected)
    assert [part.dim for part in iter_vectors(path, batch_rows=1)] == [4, 4, 4]
    vocabulary = Vocabulary(["sat", "dog", "cat", "a", "more"])
    assert read_vectors(path, vocabulary=vocabulary).indices.tolist() == [2, 3, 1]


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ('{"id": "1", "vector": {"the": 1}', None, "malformed JSON"),
        ('{"id": "1", "vector": {"the": NaN}}', None, "malformed JSON: NaN is not a JSON number"),
        ('{"id": "1", "vector": {"the": 1, "the": 2}}', None, "malformed JSON: 'the' appears twice in one object"),
        ('{"vector": {"the": 1}}', "id", "missing; the fields here are 'vector'"),
        ('{"id": null, "vector": {"the": 1}}', "id", "must be a string or an integer, not null"),
        ('{"id": "good", "vector": {"the": 1}}', "id", "duplicate id 'good'"),
        ('{"id": "1"}', "vector", "missing"),
        ('{"id": "1", "vector": [1, 2]}', "vector", "must be an object of weights by term"),
        ('{"id": "1", "vector": {"##s": 1, "the": -0.5}}', "vector.the", "of at least 0, not -0.5"),
        ('{"id": "1", "vector": {"the": 1e999}}', "vector.the", "finite number (float32) of at least 0, not inf"),
        ('{"id": "1", "vector": {"the": 1e39}}', "vector.the", "finite number (float32)"),
        ('{"id": "1", "vector": {"the": ' + "9" * 400 + "}}", "vector.the", "finite number (float32)"),
        ('{"id": "1", "vector": {"##s": 1, "the": "2"}}', "vector.the", 'a weight must be a number, not "2"'),
        ('{"id": "1", "vector": {"the": true}}', "vector.the", "a weight must be a number, not true"),
        ('{"id": "1", "vector": {"the": null}}', "vector.the", "a weight must be a number, not null"),
        ('{"id": "1", "vector": {"the": 1, "unknown": 1}}', "vector.unknown", "not one of the 6 terms"),
        (b'{"id": "1\xff"}', None, "not UTF-8"),
    ],
)
def test_bad_vector_line(tmp_path: Path, line: str | bytes, field: str | None, message: str) -> None:
    path = tmp_path / "v.jsonl"
    raw = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(b'{"id": "good", "vector": {"the": 1}}\n\n' + raw + b"\n")
    with pytest.raises(InputError) as caught:
        list(iter_vectors(path, vocabulary=VOCABULARY))
    assert (caught.value.source, caught.value.line, caught.value.field) == (str(path), 3, field)
    assert message in str(caught.value)


def test_a_jsonl_dim_that_does_not_agree(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    path.write_text('{"id": "1", "vector": {"the": 1}}\n')
    with pytest.raises(InputError, match="vocabularies of different sizes: 6 and 7"):
        iter_vectors(path, vocabulary=VOCABULARY, dim=7)
    with pytest.raises(InputError, match="batch_rows must be at least 1"):
        iter_vectors(path, batch_rows=0)
