"""The suites that come with lsr: each can be read, and ir_datasets has what they name."""

from __future__ import annotations

import ir_datasets
import pytest

from lsr.core.errors import InputError
from lsr.eval.suites.config import read_suite
from lsr.eval.suites.shipped import suite_path, suites


@pytest.mark.parametrize("name", suites())
def test_every_name_is_in_the_registry_with_documents_queries_and_judgements(name: str) -> None:
    suite = read_suite(name)
    assert suite.title
    for collection in suite.collections:
        dataset = ir_datasets.load(collection.source.removeprefix("irds:"))
        assert dataset.has_docs() and dataset.has_queries() and dataset.has_qrels(), collection.source


def test_what_they_measure() -> None:
    beir = read_suite("beir")
    assert len({each.group or each.label for each in beir.collections}) == 15
    assert [each.label for each in beir.collections if each.drop_self] == ["arguana"]
    assert sum(each.group == "cqadupstack" for each in beir.collections) == 12
    assert [each.label for each in read_suite("nanobeir").collections if each.drop_self] == ["nano-arguana"]
    dl = read_suite("trec-dl")
    assert dl.measures_of(dl.collections[0]) == ["ndcg@10", "map-l2", "mrr@10-l2", "recall@1000-l2"]
    assert len(read_suite("miracl").collections) == 18 and len(read_suite("mrtydi").collections) == 11


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(InputError, match=r"nanobeer is neither a YAML file nor a suite .*; did you mean nanobeir\?"):
        suite_path("nanobeer")
