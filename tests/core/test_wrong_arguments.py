"""Arguments of the wrong kind, of what the packages export: each is an LsrError that says what is wanted, none a bare
TypeError, KeyError, IndexError or AttributeError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Collection, Document, IndexBuilder, LiveRetriever, LsrError, Retriever, SearchPlan, SparseVectors
from lsr.core.documents import is_blank
from lsr.core.schema import Schema
from lsr.core.vocabulary import Vocabulary
from lsr.index import DenseSettings, Index, LateWriter, add_dense, parameter_grid, prune_index, upgrade_index
from lsr.index.filters.language import parse_filter
from lsr.index.filters.tree import And, In, Not, every
from lsr.index.fusion.settings import parameters_class
from lsr.text import FieldNames, open_corpus, open_queries
from lsr.text.qrels import read_qrels
from lsr.text.windows import WindowSettings, cut_text, join_windows, split_window_id
from lsr.vectors import iter_vectors, read_vectors, read_vocabulary, write_vectors
from lsr.vectors.explanation import explain_match
from lsr.vectors.pruning import Mass, MaxRatio, Quantile, Threshold, TopK, exact_quantile, fit

VECTORS = SparseVectors.from_rows([([0, 1], [1.0, 2.0]), ([1], [3.0])], ["p", "q"], 4)
TERMS = Vocabulary(list("abcd"))
NO_TEXT: list[Any] = [None, 5, 2.5, b"x", ["x"], {"x": 1}, object(), np.zeros(3)]
NO_PATH: list[Any] = [5, 2.5, ["x"], object(), np.zeros(3), "a\0b", "\ud800"]
NO_COUNT: list[Any] = ["x", 2.5, float("nan"), ["x"], {}, object(), 2**70]
NO_NUMBER: list[Any] = ["x", [1], {}, object(), b"1"]
NO_LIST: list[Any] = [None, 5, 2.5, True, object()]
NO_ROWS: list[Any] = [None, "x", b"x", 5, [None], ["x"], [[0], [1, 2]], {"a": 1}, [10**6], object()]
NO_CLASS: list[Any] = [5, "x", b"x", ["x"], {"x": 1}, object()]
NO_DICT: list[Any] = [None, 5, "x", ["x"], object()]
NO_FUNCTION: list[Any] = [5, "x", ["x"], object()]

FREE: list[tuple[str, Callable[[Any], Any], list[Any]]] = [
    ("Vocabulary", Vocabulary, [None, 5, "terms", [5], [None], object()]),
    ("Vocabulary.term", TERMS.term, [None, 2.5, "a", [0], 4, -5, 2**70]),
    ("Vocabulary.id", TERMS.id, NO_TEXT),
    ("Vocabulary.add", TERMS.add, NO_TEXT),
    ("SparseVectors.take", VECTORS.take, [*NO_ROWS, -1, True]),
    ("SparseVectors.keep", VECTORS.keep, [None, 5, "x", [True] * 3, np.zeros(3), np.zeros(2, np.bool_)]),
    ("SparseVectors.from_torch", SparseVectors.from_torch, [None, 5, "x", [[1.0]], np.eye(2)]),
    ("SparseVectors.row", VECTORS.row, [None, 2.5, "x", [0], 2, -3]),
    ("SparseVectors[:]", lambda wrong: VECTORS[wrong:2], ["x", 2.5, [0]]),
    ("SparseVectors.indices", lambda wrong: SparseVectors([0, 1], wrong, [1.0], ["q"], 5), [[[1, 2], [3]], None, "x"]),
    ("SparseVectors.load", SparseVectors.load, NO_PATH),
    ("SparseVectors.save", lambda wrong: VECTORS.save("no.parquet", vocabulary=wrong), NO_CLASS),
    ("read_vectors", read_vectors, NO_PATH),
    ("iter_vectors", lambda wrong: iter_vectors("no.parquet", batch_rows=wrong), [None, *NO_COUNT]),
    ("read_vectors.dim", lambda wrong: read_vectors("no.parquet", dim=wrong), NO_COUNT),
    ("read_vocabulary", read_vocabulary, NO_PATH),
    ("write_vectors", lambda wrong: write_vectors("no.parquet", [VECTORS], progress=wrong), NO_FUNCTION),
    ("TopK", TopK, [None, *NO_COUNT]),
    ("TopK.prune", TopK(1).prune, NO_CLASS),
    *((rule.__name__, rule, [None, *NO_NUMBER]) for rule in (Mass, MaxRatio, Threshold, Quantile)),
    ("fit", lambda wrong: fit(wrong, lambda: [VECTORS.weights]), NO_CLASS),
    ("exact_quantile", lambda wrong: exact_quantile(lambda: [VECTORS.weights], wrong), [1, -0.5, float("nan"), "x"]),
    ("explain_match", lambda wrong: explain_match(wrong, VECTORS.row(0), TERMS), NO_CLASS),
    ("DenseSettings", lambda wrong: DenseSettings(truncate=wrong), NO_COUNT),
    ("parameter_grid", lambda wrong: parameter_grid(TERMS, wrong), [None, *NO_COUNT]),
    ("upgrade_index", upgrade_index, NO_PATH),
    ("prune_index", lambda wrong: prune_index(wrong, "no", TopK(1)), NO_CLASS),
    ("add_dense", lambda wrong: add_dense(wrong, [np.eye(2)]), NO_CLASS),
    ("LateWriter", lambda wrong: LateWriter(Path("no"), wrong), [None, *NO_COUNT]),
    ("IndexBuilder", lambda wrong: IndexBuilder("no", dim=4, settings=wrong), NO_CLASS),
    ("IndexBuilder.vocabulary", lambda wrong: IndexBuilder("no", dim=4, vocabulary=wrong), NO_CLASS),
    ("parse_filter", parse_filter, NO_TEXT),
    ("In", lambda wrong: In("year", wrong), NO_LIST),
    ("Not", Not, [None, *NO_CLASS]),
    ("And", And, NO_LIST),
    ("every", every, NO_LIST),
    ("parameters_class", parameters_class, [*NO_TEXT, "nothing"]),
    ("SearchPlan.from_record", SearchPlan.from_record, NO_DICT),
    ("SearchPlan.retrieve", lambda wrong: SearchPlan(retrieve=wrong), [None, *NO_CLASS]),
    ("Schema.from_record", Schema.from_record, NO_DICT),
    ("open_corpus", open_corpus, NO_PATH),
    ("open_corpus.fields", lambda wrong: open_corpus("no.jsonl", fields=wrong), NO_CLASS),
    ("open_queries.format", lambda wrong: open_queries("no.jsonl", format=wrong), NO_TEXT[1:]),
    ("FieldNames", lambda wrong: FieldNames(id=wrong), NO_TEXT[1:]),
    ("WindowSettings", lambda wrong: WindowSettings(words=wrong), [None, *NO_COUNT]),
    ("cut_text", lambda wrong: cut_text(wrong, 2, 1), NO_TEXT),
    ("split_window_id", split_window_id, NO_TEXT),
    ("join_windows", join_windows, [*NO_LIST, [], [5], [Document("a", "b")]]),
    ("is_blank", is_blank, NO_TEXT),
    ("read_qrels", read_qrels, NO_PATH),
    ("LiveRetriever", LiveRetriever, [None, *NO_FUNCTION]),
]


@pytest.mark.parametrize("call, wrong", [row[1:] for row in FREE], ids=[row[0] for row in FREE])
def test_what_needs_no_index(call: Callable[[Any], Any], wrong: list[Any], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    refused(call, wrong)
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    with Collection.create(tmp_path_factory.mktemp("wrong") / "birds", model="bm25") as made:
        made.add([Document("owl", "Owls hunt.", fields={"year": 2020}), Document("tern", "Terns migrate.")])
        yield made


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    with IndexBuilder(tmp_path_factory.mktemp("wrong") / "vectors", dim=4) as builder:
        builder.add(VECTORS)
        made = builder.finish()
    return add_dense(made, [np.eye(2, 3)])


def of_index(index: Index) -> Mapping[str, tuple[Callable[[Any], Any], list[Any]]]:
    documents, sparse, dense = index.documents, index.sparse, index.parts["dense"]
    query, asked = sparse.prepare([0], [1.0]), dense.prepare([[1.0, 0, 0]])
    return {
        "Documents.ids": (documents.ids, NO_ROWS),
        "Documents.row_ids": (documents.row_ids, NO_ROWS),
        "Documents.at": (documents.at, [None, "x", 2.5, [0], 9, -1]),
        "search_prepared": (sparse.search_prepared, NO_CLASS),
        "scores_prepared": (lambda wrong: sparse.scores_prepared(wrong, np.array([0])), NO_CLASS),
        "scores_prepared.rows": (lambda wrong: sparse.scores_prepared(query, wrong), NO_ROWS),
        "search_batch.progress": (lambda wrong: index.search_batch(VECTORS, progress=wrong), NO_FUNCTION),
        "search.terms": (lambda wrong: index.search(wrong, [1.0]), [[[0], [1, 2]], "x", None]),
        "parts": (lambda wrong: index.parts[wrong], NO_TEXT),
        "Dense.search": (dense.search, [None, "x", b"x", {"a": 1}, object()]),
        "Dense.search.k": (lambda wrong: dense.search([1.0, 0, 0], wrong), [None, 0, *NO_COUNT]),
        "Dense.search.effort": (lambda wrong: dense.search([1.0, 0, 0], effort=wrong), NO_COUNT),
        "Dense.search.allow": (lambda wrong: dense.search([1.0, 0, 0], allow=wrong), [5, "x", [1], np.zeros(2)]),
        "Dense.scores": (lambda wrong: dense.scores([1.0, 0, 0], wrong), NO_ROWS),
        "Dense.search_prepared": (lambda wrong: dense.search_prepared(wrong, 1), NO_CLASS),
        "Dense.scores_prepared": (lambda wrong: dense.scores_prepared(asked[0], wrong), NO_ROWS),
    }


def test_of_an_index(index: Index) -> None:
    for call, wrong in of_index(index).values():
        refused(call, wrong)


def test_of_a_collection(collection: Collection, tmp_path: Path) -> None:
    def create(name: str) -> Callable[[Any], Any]:
        return lambda wrong: Collection.create(tmp_path / "new", **{"model": "bm25", name: wrong})  # type: ignore[arg-type]

    for name in ("mean_length", "weight_scale", "title_weight"):
        refused(create(name), NO_NUMBER)
    refused(create("never_split"), NO_LIST)
    refused(create("policy"), NO_CLASS)
    refused(lambda wrong: Collection(collection.path, retriever=wrong), NO_CLASS)
    refused(lambda wrong: collection.update_fields("owl", {}, only_if=wrong), NO_FUNCTION)
    refused(lambda wrong: collection.add([Document("owl", "Owls.")], progress=wrong), NO_FUNCTION)
    refused(lambda wrong: collection.compact(progress=wrong), NO_FUNCTION)
    refused(lambda wrong: collection.facets("year", wrong), NO_TEXT[1:])
    for fields in (*NO_DICT, {1: 2}, {"x": {1: 2}}, {"x": {2}}, {"x": float("inf")}):
        refused(lambda wrong: collection.update_fields("owl", wrong), [fields])
    assert not (tmp_path / "new").exists()
    wrong = [Document(5, "x"), Document("x", None), Document(["x"], "x"), Document("x", "x", fields={1: 2}), {5: 6}]  # type: ignore[arg-type]
    added = collection.add([*wrong, {"_id": "x", "text": "x", 3: 4}, Document("x", "x", fields=5)])  # type: ignore[arg-type,list-item]
    assert (added.created, len(added.refused)) == (0, 7)
    collection.compact()
    assert [document.id for document in collection.scan()] == ["owl", "tern"], "and it can be written to as before"


def test_of_a_retriever(collection: Collection) -> None:
    retriever, plan = Retriever(collection.snapshot), SearchPlan()
    queries = retriever.encode_queries(["owls"], plan)
    refused(lambda wrong: retriever.encode_queries(wrong, plan), [*NO_LIST, [5], [None]])
    refused(lambda wrong: retriever.encode_queries(["owls"], wrong), NO_CLASS)
    refused(lambda wrong: retriever.rank(wrong, 3, plan), NO_CLASS)
    refused(lambda wrong: retriever.rank(queries, 3, wrong), NO_CLASS)
    refused(lambda wrong: retriever.rank_one(queries, wrong, 3, plan), [None, "x", 1, -2])
    refused(lambda wrong: retriever.explain(wrong, "owl"), NO_TEXT)
    refused(retriever.encode, NO_TEXT)
    refused(lambda wrong: retriever.encode("owls", top_k=wrong), NO_COUNT)
    refused(lambda wrong: retriever.search("owls", offset=wrong), [*NO_COUNT, -1])
    assert [document.id for document in collection.scan()] == ["owl", "tern"]


def refused(call: Callable[[Any], Any], wrong: list[Any]) -> None:
    for each in wrong:
        with pytest.raises(LsrError) as told:
            found = call(each)
            if isinstance(found, Iterator):
                next(found)
        assert not re.search(r"(?<![\w-])--\w", str(told.value)), "of arguments, not of flags"
