"""What a Parquet file says of itself, against pyarrow's reading of it, and files that say what cannot be true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.core import parquet_layout
from lsr.core.parquet_layout import check_layout, check_pages, read_layout

ROWS = 3000


@pytest.fixture(
    params=[
        {},
        {"compression": "none", "use_dictionary": False},
        {"compression": "zstd", "data_page_version": "2.0", "write_page_index": True, "data_page_size": 2000},
        {"write_statistics": False, "version": "1.0", "row_group_size": 7},
    ]
)
def sound(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    random = np.random.default_rng(0)
    lists = [random.integers(0, 900, count).tolist() for count in random.integers(0, 9, ROWS)]
    table = pa.table(
        {
            "id": list(map(str, range(ROWS))),
            "text": [f"text {number % 50}" if number % 7 else None for number in range(ROWS)],
            "number": pa.array(random.integers(-5, 5, ROWS), pa.int64()),
            "indices": pa.array(lists, pa.list_(pa.int32())),
            "deep": [{"a": {"b": [number, None]}} for number in range(ROWS)],
        }
    )
    path = tmp_path / "sound.parquet"
    pq.write_table(table, path, **{"row_group_size": 1000, **request.param})
    return path


def test_groups_and_columns_are_those_that_pyarrow_reads(sound: Path) -> None:
    metadata = pq.read_metadata(sound)
    groups = check_layout(sound)
    assert len(groups) == metadata.num_row_groups >= 3
    for number, group in enumerate(groups):
        theirs = metadata.row_group(number)
        assert (group.rows, group.size, len(group.columns)) == (
            theirs.num_rows,
            theirs.total_byte_size,
            theirs.num_columns,
        )
        for place, column in enumerate(group.columns):
            other = theirs.column(place)
            assert column.path == other.path_in_schema
            assert (column.values, column.size, column.packed, column.data) == (
                other.num_values,
                other.total_uncompressed_size,
                other.total_compressed_size,
                other.data_page_offset,
            )
            assert column.dictionary == (other.dictionary_page_offset if other.has_dictionary_page else 0)
            if column.path in ("number", "indices.list.element") and other.is_stats_set:
                assert column.largest == other.statistics.max


def test_pages_add_up_to_their_columns(sound: Path) -> None:
    for group in read_layout(sound):
        pages = check_pages(sound, group)
        # A column's size counts the headers of its pages, too.
        assert 0.5 * sum(column.size for column in group.columns) < pages <= sum(c.size for c in group.columns)


@pytest.mark.parametrize("count", [0, 3, 11])
def test_what_ends_otherwise_is_refused(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"x" * count)
    with pytest.raises(ValueError, match="does not end"):
        read_layout(path)


def test_a_footer_longer_than_the_file_or_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + (1 << 20).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="does not end"):
        read_layout(path)
    pq.write_table(pa.table({"a": [1]}), path)
    monkeypatch.setattr(parquet_layout, "_MOST_FOOTER", 10)
    with pytest.raises(ValueError, match="what it says of itself"):
        read_layout(path)


def test_every_byte_of_a_footer_that_is_changed_is_read_or_refused(tmp_path: Path) -> None:
    """Nothing but ValueError comes of it, and what is read lies in the file."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["a", "b"], "indices": pa.array([[1], [2, 3]], pa.list_(pa.int32()))}), path)
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    refused = 0
    for place in range(footer, len(content)):
        for value in (0, 0x7F, 0xFF):
            path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            try:
                groups = check_layout(path)
            except ValueError:
                refused += 1
                continue
            for column in (column for group in groups for column in group.columns):
                assert 0 <= column.start <= column.start + column.packed <= len(content)
    assert refused > 100


def test_many_levels_are_refused(tmp_path: Path) -> None:
    deep: pa.DataType = pa.int32()
    for _ in range(60):
        deep = pa.list_(deep)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": pa.array([None], deep)}), path)
    with pytest.raises(ValueError, match="levels deep"):
        read_layout(path)


def test_values_of_lists_that_take_no_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": pa.array([[None] * 100_000], pa.list_(pa.int32()))}), path)
    check_layout(path)
    monkeypatch.setattr(parquet_layout, "LARGE", 1000)
    with pytest.raises(ValueError, match=r"column a.list.element unpacks to 100,000 values"):
        check_layout(path)
