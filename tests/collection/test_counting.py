from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lsr.collection.collection import Collection
from lsr.core.errors import InputError


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with Collection.create(tmp_path / "birds", model="bm25") as made:
        made.add(
            {"_id": str(number), "text": f"a bird {'that sings' * (number % 2)}", "year": 2000 + number % 3}
            for number in range(9)
        )
        made.delete("8")
        yield made


def test_documents_are_counted_by_text_and_filter(collection: Collection) -> None:
    assert collection.count() == len(collection) == 8
    assert collection.count("sings") == 4
    assert collection.count(filter="year = 2000") == 3
    assert collection.count("sings", filter="year = 2000") == 1
    assert collection.count("sings", min_score=1e6) == 0


def test_values_of_fields_are_counted(collection: Collection) -> None:
    of_all = collection.facets("year")["year"]
    assert {each.value: each.documents for each in of_all.values} == {2000: 3, 2001: 3, 2002: 2}
    found = collection.facets("year", "sings", filter="year > 2000")["year"]
    assert {each.value: each.documents for each in found.values} == {2001: 2, 2002: 1}
    with pytest.raises(InputError, match="wing"):
        collection.facets("wing")
