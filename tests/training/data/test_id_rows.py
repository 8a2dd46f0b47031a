from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lsr.training.data.id_rows import IdRows


@given(st.lists(st.text(max_size=2)))
def test_agrees_with_a_dictionary(ids: list[str]) -> None:
    rows, expected = IdRows(), dict[str, int]()
    for id in ids:
        assert rows.get(id) == expected.get(id)
        assert rows.add(id) == expected.setdefault(id, len(expected))
        assert id in rows and len(rows) == len(expected)


def test_keeps_rows_while_the_table_grows() -> None:
    rows = IdRows()
    assert [rows.add(f"doc-{number}") for number in range(20_000)] == list(range(20_000))
    assert [rows.get(f"doc-{number}") for number in range(20_000)] == list(range(20_000))
    assert rows.get("doc-20000") is None


def test_memory_per_id_is_bounded() -> None:
    rows = IdRows()
    for number in range(50_000):
        rows.add(str(number))
        if number > 10_000 and number % 1000 == 0:
            arrays = (rows._slots, rows._hashes)
            assert sum(each.itemsize * len(each) for each in arrays) <= 19 * len(rows)
