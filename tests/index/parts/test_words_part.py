"""The names of very many last terms, read as they are asked for."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from index_tampering import edit_array, edit_manifest

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.core.vocabulary import Vocabulary
from lsr.index import Index, IndexBuilder, upgrade_index, verify
from lsr.index.build.export import iter_vectors, terms_of
from lsr.index.build.prune import prune_index
from lsr.index.live.inspection import describe_document
from lsr.index.parts.words import WordVocabulary
from lsr.vectors.pruning import TopK
from lsr.vectors.sparse import SparseVectors

TOKENS = ["[PAD]", "sea", "##bird", "word"]
WORDS = ["sea", "bird", "", "größe", "a b", *(f"w{number}" for number in range(90_000))]
DIM = len(TOKENS) + len(WORDS)


def build(path: Path, tokens: list[str] | None = TOKENS, words: list[str] | None = WORDS) -> Index:
    dim = len(tokens or ()) + len(words or ())
    rows = [([0, dim - 1 - row % (dim - 1)], [1.0, 2.0 + row]) for row in range(20)]
    vocabulary = None if tokens is None else Vocabulary(tokens)
    with IndexBuilder(path, dim=dim, vocabulary=vocabulary, words=words) as builder:
        builder.add(SparseVectors.from_rows(rows, dim=dim), [Document(str(row), "text") for row in range(20)])
        return builder.finish()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return Index.open(build(tmp_path_factory.mktemp("words") / "index").path)


def test_words_have_the_last_ids(index: Index) -> None:
    words = index.parts["words"]
    assert (words.first, len(words)) == (len(TOKENS), len(WORDS))
    assert list(words) == WORDS and words[3] == "größe" and words[-1] == WORDS[-1] and words[2:5] == WORDS[2:5]
    for number in (0, 2, 3, 4, 70_000, len(WORDS) - 1):
        assert words.find(WORDS[number]) == len(TOKENS) + number
        assert words.word(len(TOKENS) + number) == WORDS[number]
    assert words.find("w90000") is None and words.find("\ud800") is None and "bird" in words and 5 not in words
    for id in (3, DIM, -1):
        with pytest.raises(InputError, match=r"words are 4 … 90008"):
            words.word(id)


def test_the_vocabulary_names_them_too(index: Index) -> None:
    vocabulary = index.vocabulary
    assert isinstance(vocabulary, Vocabulary) and len(vocabulary) == DIM
    names = [*TOKENS, *(f"word:{word}" for word in WORDS)]
    assert list(vocabulary) == names
    for id in (0, 3, 4, 5, 6, DIM - 1):
        assert vocabulary.id(names[id]) == id and vocabulary.term(id) == names[id] and names[id] in vocabulary
    assert vocabulary.term(-1) == names[-1]
    assert vocabulary.id("w5") is None and vocabulary.id("word:") == 6 and "word:no" not in vocabulary
    with pytest.raises(InputError):
        vocabulary.term(DIM)
    with pytest.raises(TypeError, match="nothing can be added"):
        vocabulary.add("new")
    plain = Vocabulary(names)
    assert vocabulary == plain and plain == vocabulary and vocabulary == Index.open(index.path).vocabulary
    assert vocabulary != Vocabulary([*names[:-1], "other"]) and Vocabulary(TOKENS) != vocabulary and vocabulary != 5
    assert pickle.loads(pickle.dumps(vocabulary)) == plain
    assert terms_of(index) is vocabulary and "90,005 words" in repr(vocabulary)
    assert describe_document(index, "3")["vector"] == {
        "word:w89996": pytest.approx(5, abs=0.05),
        "[PAD]": pytest.approx(1, abs=0.05),
    }


def test_nothing_of_the_table_is_read_to_open_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = build(tmp_path / "index").path
    monkeypatch.setattr("lsr.index.parts.names.NameTable.name", lambda *_: pytest.fail("a name was read"))
    assert len(Index.open(path).vocabulary or ()) == DIM


def test_an_index_of_words_alone(tmp_path: Path) -> None:
    for number, tokens in enumerate((None, [])):
        index = build(tmp_path / str(number), tokens)
        assert index.parts["words"].first == 0 and index.parts["words"].find("bird") == 1
        assert list(index.vocabulary or ())[:2] == ["word:sea", "word:bird"] and verify(index.path) == []
        assert index.search([len(WORDS) - 1], [1.0]).ids == ["0"]


def test_few_words_share_nothing(tmp_path: Path) -> None:
    index = build(tmp_path / "index", TOKENS, WORDS[:60])
    assert index.segments[0].record.columns is None and "words" in index.parts and verify(index.path) == []
    assert index.vocabulary == Vocabulary([*TOKENS, *(f"word:{word}" for word in WORDS[:60])])


def test_without_words_nothing_is_said_of_them(tmp_path: Path) -> None:
    for number, words in enumerate((None, [])):
        index = build(tmp_path / str(number), words=words)
        assert "words" not in index.parts and type(index.vocabulary) is Vocabulary and not index.manifest.words
        assert "words" not in index.describe() and "words" not in (index.path / "manifest.json").read_text()


def test_pruned_and_copied_and_upgraded_they_stay(index: Index, tmp_path: Path) -> None:
    pruned = prune_index(index, tmp_path / "pruned", TopK(1))
    assert pruned.vocabulary == index.vocabulary and isinstance(pruned.vocabulary, WordVocabulary)
    assert verify(pruned.path) == [] and pruned.segments[0].record.columns == index.segments[0].record.columns == 65_536
    assert pruned.describe()["words"] == len(WORDS) and not upgrade_index(pruned.path).changed
    with IndexBuilder(tmp_path / "copy", dim=DIM, vocabulary=index.vocabulary) as builder:
        for vectors in iter_vectors(index):
            builder.add(vectors)
        assert builder.finish().parts["words"] == index.parts["words"]


@pytest.mark.parametrize(
    ("tokens", "words", "says"),
    [
        (TOKENS, ["a", "b", "a"], "the word 'a' is there twice: as word 0 and as word 2"),
        (["x", "word:a"], ["b", "a"], "term 'word:a' is named as the word 'a' would be"),
        (None, ["a", 5], "words must hold a string each, not 5"),
        (None, ["a", "\ud800"], "word 1, .* is not valid Unicode"),
    ],
)
def test_what_words_cannot_be(tmp_path: Path, tokens: list[str] | None, words: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        build(tmp_path / "index", tokens, words)
    assert not (tmp_path / "index").exists()


def test_they_are_as_many_as_the_vectors_say(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the vocabulary has 4 terms and 3 words, but the vectors have 8"):
        IndexBuilder(tmp_path / "index", dim=8, vocabulary=Vocabulary(TOKENS), words=["a", "b", "c"])
    with pytest.raises(InputError, match=r"has 0 terms and 3 words, but the vectors have 8"):
        IndexBuilder(tmp_path / "index", dim=8, words=["a", "b", "c"])


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("word_bytes.npy", lambda a: a.__setitem__(1, 255), "not UTF-8"),
        ("word_hashes.npy", lambda a: a.__setitem__(0, 0), "not the hash of the word number"),
        ("word_hashes.npy", lambda a: a.__setitem__(slice(None), a[::-1].copy()), "not sorted"),
        ("word_numbers.npy", lambda a: a.__setitem__(1, a[0]), "not every word occurs exactly once"),
        ("word_numbers.npy", lambda a: a.__setitem__(1, 10**6), "not below 90,005"),
        ("word_indptr.npy", lambda a: a.__setitem__(3, 10**9), "offsets do not ascend"),
    ],
)
def test_damage_is_named(tmp_path: Path, file: str, change, says: str) -> None:
    index = build(tmp_path / "index")
    edit_array(index, file, change)
    problems = verify(index.path)
    assert problems and all(file in problem for problem in problems) and says in problems[0]


@pytest.mark.parametrize("value", [0, DIM + 1, "5", 3])
def test_a_manifest_that_counts_them_wrong(tmp_path: Path, value: object) -> None:
    path = build(tmp_path / "index").path
    edit_manifest(path, lambda record: record.update(words=value))
    with pytest.raises(IndexFormatError, match=r"words|word_"):
        Index.open(path)


def test_colliding_hashes_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsr.index.parts.names.hash_name", lambda encoded: len(encoded) % 2)
    words = build(tmp_path / "index", TOKENS, WORDS[:200]).parts["words"]
    assert [words.find(word) for word in words] == list(range(4, 204))
    assert words.find("w99999") is None


def test_a_weight_of_a_word_is_found(index: Index) -> None:
    id = index.parts["words"].find("w89997")
    hits = index.search(np.array([id]), [1.0])
    assert hits.ids == ["2"]
