"""A collection of shards answers as one index of the same documents does, to the bit."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharded_toys import HashingEncoder, files_of, made_documents, made_queries

import lsr.build.sharded.pieces
from lsr import Collection, Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.sharded.job import index_sharded
from lsr.core.errors import ConflictError, InputError, OutputExistsError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.index import Index, IndexSettings, add_dense, verify
from lsr.index.format.shards import shard_of
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import FusionSettings, RetrievalPlan, RetrieveSettings
from lsr.text.windows import WindowSettings


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lsr.build.sharded.pieces, "SHARD_DOCUMENTS", 16)


def made_both(
    folder: Path, documents: list[Document], encoder: Any, shards: int, **options: Any
) -> tuple[Index, Index]:
    """One index, and a collection of shards, of the same documents."""
    one = index_corpus(documents, folder / "one", encoder, **options)
    return one, index_sharded(documents, folder / "shards", encoder, shards=shards, **options)


def sparse_answers(index: Index, encoder: HashingEncoder, texts: list[str], mode: str, k: int) -> list[Any]:
    """Ids and scores of the model's terms and of words, each by itself and together."""
    vectors = encoder.encode_documents(texts, [str(n) for n in range(len(texts))])
    words, found = index.parts.get("words"), []
    for number, text in enumerate(texts):
        terms, weights = (part.tolist() for part in vectors.row(number))
        held = [] if words is None else [words.find(word) for word in sorted(set(text.split()))]
        terms += [each for each in held if each is not None]
        weights += [1.5] * (len(terms) - len(weights))
        hits = index.search(terms, weights, k, mode=mode)
        found.append((hits.ids, hits.scores.tobytes()))
    return found


@settings(max_examples=5)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 70),
    shards=st.integers(1, 9),
    outlier=st.sampled_from([0.0, 90.0]),
    bits=st.sampled_from([8, 16, 24]),
    title_weight=st.sampled_from([0.0, 2.0]),
    lexical=st.booleans(),
)
def test_answers_are_those_of_one_index(
    seed: int, count: int, shards: int, outlier: float, bits: int, title_weight: float, lexical: bool
) -> None:
    encoder = HashingEncoder(outlier)
    documents = made_documents(seed, count)
    options = {
        "lexical": LexicalSettings(language="none") if lexical else None,
        "title_weight": title_weight,
        "settings": IndexSettings(weight_bits=bits),
    }
    with TemporaryDirectory() as folder:
        one, many = made_both(Path(folder), documents, encoder, shards, **options)
        assert many.manifest.weight_scale == one.manifest.weight_scale
        assert many.manifest.outliers == one.manifest.outliers
        assert many.manifest.encoder == one.manifest.encoder
        assert len(many.documents) == len(documents)
        assert many.documents.fields.schema == one.documents.fields.schema
        for k in (1, 7, count + 1):
            for mode in ("exact", "exhaustive"):
                texts = made_queries(seed, 4)
                assert sparse_answers(many, encoder, texts, mode, k) == sparse_answers(one, encoder, texts, mode, k)
        for document in documents:
            assert many.documents.get(document.id) == document
        assert not verify(many.path)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> tuple[Retriever, Retriever]:
    """An index of words alone, and shards of the same documents."""
    lsr.build.sharded.pieces.SHARD_DOCUMENTS, before = 16, lsr.build.sharded.pieces.SHARD_DOCUMENTS
    try:
        one, many = made_both(tmp_path_factory.mktemp("words"), made_documents(3, 200), WordsAlone(), 5)
    finally:
        lsr.build.sharded.pieces.SHARD_DOCUMENTS = before
    return Retriever(one), Retriever(many)


ASKED: list[dict[str, Any]] = [
    {},
    {"filter": "year > 1992"},
    {"filter": 'tag = "a" or not year > 1991'},
    {"sort": "-year, _id"},
    {"sort": "tag", "filter": "year < 1994"},
    {"facets": "tag", "count": True},
    {"offset": 5},
    {"min_score": 1.0, "count": True},
    {"group_by": "tag"},
    {"feedback": "rocchio"},
    {"explain": True},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_searches_by_text(words: tuple[Retriever, Retriever], asked: dict[str, Any]) -> None:
    found = 0
    for text in made_queries(5, 8):
        answers = [each.search(text, 10, **asked) for each in words]
        one, many = ([(hit.id, hit.score, hit.document) for hit in each.hits] for each in answers)
        assert one == many
        assert answers[0].facets == answers[1].facets and answers[0].total == answers[1].total
        found += len(one)
    assert found > 30


def test_going_on_behind_a_hit(words: tuple[Retriever, Retriever]) -> None:
    one, many = words
    for sort in (None, "-year"):
        last = one.search("word3 word4", 5, sort=sort).hits[-1]
        after = last.sort if sort else [last.score, last.id]
        pages = [
            [hit.id for hit in each.search("word3 word4", 5, sort=sort, search_after=after).hits] for each in words
        ]
        assert pages[0] == pages[1] and len(pages[0]) == 5
    assert many.index.documents.rows == one.index.documents.rows


@pytest.mark.parametrize("only_if_needed", [True, False])
@pytest.mark.parametrize("long", [True, False])
def test_windows(tmp_path: Path, only_if_needed: bool, long: bool) -> None:
    windows = WindowSettings(words=30, stride=20)
    documents = made_documents(4, 90, long=long)
    one, many = made_both(tmp_path, documents, WordsAlone(), 4, windows=windows, only_if_needed=only_if_needed)
    assert (many.documents.windows is None) == (one.documents.windows is None) == (only_if_needed and not long)
    assert len(many) == len(one) and len(many.documents) == 90
    retrievers = Retriever(one), Retriever(many)
    for text in made_queries(6, 8):
        answers = [each.search(text, 10) for each in retrievers]
        assert [(h.id, h.score, h.document) for h in answers[0].hits] == [
            (h.id, h.score, h.document) for h in answers[1].hits
        ]


PLANS = [
    RetrievalPlan(retrieve=RetrieveSettings(mode=mode, depth=depth), fusion=FusionSettings(method=method))
    for mode, depth, method in (("hybrid", 100, "tmm"), ("hybrid", 5, "rrf"), ("sparse-first", 10, "tmm"))
]


def test_fused_answers(tmp_path: Path) -> None:
    documents, encoder = made_documents(8, 120), HashingEncoder()
    one, many = made_both(tmp_path, documents, encoder, 6)
    chance = np.random.default_rng(2)
    dense = {document.id: chance.standard_normal(5).astype(np.float32) for document in documents}

    def with_dense(index: Index) -> Index:
        return add_dense(index, [np.stack([dense[id] for id in index.documents.row_ids(np.arange(len(index)))])])

    one = with_dense(one)
    for shard in many.manifest.shards.records:
        with_dense(Index.open(many.path / shard.name))
    many = Index.open(many.path)
    assert "dense" in many.parts
    for text in made_queries(9, 10):
        sparse, vector = (
            encoder.encode_documents([text], ["query"]).row(0),
            chance.standard_normal(5).astype(np.float32),
        )
        for plan in PLANS:
            found = []
            for index in (one, many):
                hits = search_rows(index, HybridQuery(sparse, vector), 12, plan)
                found.append((index.documents.row_ids(hits.rows), hits.scores.tobytes()))
            assert found[0] == found[1]


def test_a_model_and_the_documentation_of_python(tmp_path: Path) -> None:
    from lsr.demo.corpus import standard_library_documents

    documents = list(standard_library_documents(modules=["json", "csv", "gzip", "heapq"]))
    encoder = SparseEncoder.load("lsr-doc-tiny")  # queries are a table, weighed by the collection's IDF
    one, many = made_both(tmp_path, documents, encoder, 3, lexical=LexicalSettings())
    retrievers = [Retriever(one), Retriever(many)]
    for text in ("read a csv file", "parse json text", "smallest items of a heap"):
        answers = [each.search(text, 20) for each in retrievers]
        assert [(h.id, h.score) for h in answers[0].hits] == [(h.id, h.score) for h in answers[1].hits]
        assert answers[0].hits
        assert retrievers[0].encode(text) == retrievers[1].encode(text)


def test_documents_are_where_their_ids_say(tmp_path: Path) -> None:
    documents = made_documents(1, 80)
    many = index_sharded(documents, tmp_path / "shards", HashingEncoder(), shards=4)
    for number, shard in enumerate(many.manifest.shards.records):
        held = {each.id for each in Index.open(many.path / shard.name).documents.scan()}
        assert held == {each.id for each in documents if shard_of(each.id, 4) == number}
    # By hand: what later versions have to go on with.
    assert [shard_of(id, 10) for id in ("a", "b", "", "é")] == [3, 3, 6, 3]


def test_order_of_the_corpus_changes_no_file_but_that_of_texts(tmp_path: Path) -> None:
    documents = made_documents(1, 80)
    first = index_sharded(documents, tmp_path / "a", HashingEncoder(), shards=4)
    again = index_sharded(documents, tmp_path / "b", HashingEncoder(), shards=4)
    other = index_sharded(made_documents(2, 80), tmp_path / "c", HashingEncoder(), shards=4)
    assert files_of(first.path) == files_of(again.path)
    assert first.manifest.shards.fingerprint == again.manifest.shards.fingerprint
    assert first.manifest.shards.fingerprint != other.manifest.shards.fingerprint


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    documents, path = made_documents(1, 80), tmp_path / "made"
    with pytest.raises(KeyboardInterrupt):
        index_sharded(documents, path, HashingEncoder(stop_after=40), shards=4)
    assert not path.exists()
    encoder = HashingEncoder()
    made = index_sharded(documents, path, encoder, shards=4)
    assert 0 < len(encoder.encoded) < 80
    whole = index_sharded(documents, tmp_path / "whole", HashingEncoder(), shards=4)
    assert files_of(path) == files_of(whole.path) and len(made) == 80
    assert not (tmp_path / "made.encoding").exists()


def test_a_corpus_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        index_sharded(made_documents(1, 80), tmp_path / "made", HashingEncoder(stop_after=40), shards=4)
    with pytest.raises(InputError, match="changed since"):
        index_sharded(made_documents(2, 80), tmp_path / "made", HashingEncoder(), shards=4)
    with pytest.raises(OutputExistsError, match="shards was 4, is 5"):
        index_sharded(made_documents(1, 80), tmp_path / "made", HashingEncoder(), shards=5)


def test_an_id_that_occurs_twice(tmp_path: Path) -> None:
    documents = [*made_documents(1, 50), Document("again", "word1"), Document("again", "word2")]
    with pytest.raises(InputError, match="again"):
        index_sharded(documents, tmp_path / "made", HashingEncoder(), shards=4)
    assert not (tmp_path / "made").exists()


def test_shards_and_one_index_take_each_others_place(tmp_path: Path) -> None:
    path, documents = tmp_path / "made", made_documents(1, 40)
    index_corpus(documents, path, HashingEncoder())
    with pytest.raises(OutputExistsError, match="already holds an index"):
        index_sharded(documents, path, HashingEncoder(), shards=3)
    before = Index.open(path)
    many = index_sharded(documents[:30], path, HashingEncoder(), shards=3, force=True)
    assert len(many) == 30 and len(before.documents.get(documents[-1].id).text) >= 0
    assert sorted(each.name[:5] for each in path.iterdir()) == ["shard", "shard", "shard", "shard"]
    index_sharded(documents, path, HashingEncoder(), shards=2, force=True)
    assert len(list(path.iterdir())) == 3
    index_corpus(documents, path, HashingEncoder(), force=True)
    assert sorted(each.name[:7] for each in path.iterdir()) == ["manifes", "segment"]


def test_shards_as_a_collection(tmp_path: Path) -> None:
    documents = made_documents(1, 40)
    index_sharded(documents, tmp_path / "made", WordsAlone(), shards=3)
    with Collection.open(tmp_path / "made") as collection:
        assert len(collection) == 40 and documents[3].id in collection and "other" not in collection
        assert collection.get(documents[3].id) == documents[3]
        assert {each.id for each in collection.scan()} == {each.id for each in documents}
        before = collection.moment
        for write in (collection.add, collection.delete, collection.update_fields, collection.compact):
            with pytest.raises(ConflictError, match="takes no writes"):
                write(documents[0])  # type: ignore[operator]
        index_sharded(documents[:20], tmp_path / "made", WordsAlone(), shards=2, force=True)
        collection._reader.refresh()  # type: ignore[attr-defined]
        assert len(collection) == 20 and collection.moment != before


@pytest.mark.parametrize("shards", [0, True, "3", 10_001])
def test_numbers_of_shards_that_there_cannot_be(tmp_path: Path, shards: Any) -> None:
    with pytest.raises(InputError, match="shards"):
        index_sharded(made_documents(1, 3), tmp_path / "made", HashingEncoder(), shards=shards)
