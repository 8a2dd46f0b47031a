from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from lsr.core.unique_ids import UniqueIds


@given(st.lists(st.text(max_size=3)))
def test_agrees_with_a_set(ids: list[str]) -> None:
    unique, expected = UniqueIds(), set()
    for id in ids:
        assert unique.add(id) == (id not in expected)
        expected.add(id)
    assert len(unique) == len(expected)


def test_remembers_all_ids_while_the_table_grows() -> None:
    ids = [f"doc-{number}" for number in range(50_000)]
    unique = UniqueIds()
    assert all(unique.add(id) for id in ids)
    random.Random(0).shuffle(ids)
    assert not any(unique.add(id) for id in ids)
    assert len(unique) == 50_000


def test_memory_per_id_is_bounded() -> None:
    unique = UniqueIds()
    for number in range(200_000):
        unique.add(str(number))
        if number > 10_000 and number % 1000 == 0:
            assert unique._slots.itemsize * len(unique._slots) <= 22 * len(unique)
