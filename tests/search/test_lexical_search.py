"""Words beside a model's terms: one vector, one search, one score."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lsr import Document, Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.core.errors import IndexFormatError, InputError, ModelError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.index import Index, IndexSettings
from lsr.index.build.prune import prune_index
from lsr.index.format.manifest import Manifest
from lsr.search.flat import plan_of
from lsr.search.lexical import store_synonyms
from lsr.vectors.pruning import TopK

DOCUMENTS = [
    Document("tern", "A seabird that flies from the Arctic to the Antarctic and back each year.", "Arctic tern"),
    Document("sourdough", "Bread leavened by wild yeast kept alive in a starter of flour and water.", "Sourdough"),
    Document("glacier", "A body of dense ice that moves slowly downhill under its own weight.", "Glacier"),
    Document("violin", "A string instrument played with a bow; smaller than the viola.", "Violin"),
]
QUESTIONS = ["flying seabirds", "wild yeast bread bread", "a violin's bow", "moves downhill", "zzz"]
FINE = IndexSettings(weight_bits=24)


@pytest.fixture(scope="module")
def folders(encoder: SparseEncoder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The documents with a model's terms, with words, and with both."""
    folder = tmp_path_factory.mktemp("lexical")
    index_corpus(DOCUMENTS, folder / "model", encoder, settings=FINE)
    index_corpus(DOCUMENTS, folder / "words", WordsAlone(), settings=FINE)
    index_corpus(DOCUMENTS, folder / "both", encoder, lexical=LexicalSettings(), settings=FINE)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def search(folders: dict[str, Path], encoder: SparseEncoder) -> Callable[[str], Retriever]:
    def opened(name: str) -> Retriever:
        retriever = Retriever.open(folders[name])
        if name != "words":
            retriever.encoder = encoder
        return retriever

    return opened


def scores(retriever: Retriever, text: str, **plan: float) -> dict[str, float]:
    return {hit.id: hit.score for hit in retriever.search(text, 5, **plan)}


@pytest.mark.parametrize("text", QUESTIONS)
@pytest.mark.parametrize("weight", [None, 0.0, 0.5, 3.0])
def test_a_score_is_the_models_plus_so_many_times_that_of_bm25(
    search: Callable[[str], Retriever], text: str, weight: float | None
) -> None:
    model, words = scores(search("model"), text), scores(search("words"), text)
    given = {} if weight is None else {"lexical_weight": weight}
    factor = LexicalSettings().weight if weight is None else weight
    found = scores(search("both"), text, **given)
    expected = {id: model.get(id, 0) + factor * words.get(id, 0) for id in {*model, *(words if factor else ())}}
    assert found == pytest.approx(expected, rel=1e-5)


def test_many_queries_are_answered_as_one_by_one(search: Callable[[str], Retriever]) -> None:
    retriever = search("both")
    for weight in (None, 0.0, 1.5):
        answers = retriever.search(QUESTIONS, 5, lexical_weight=weight)
        for text, answer in zip(QUESTIONS, answers, strict=True):
            one = retriever.search(text, 5, lexical_weight=weight)
            assert [(hit.id, hit.score) for hit in answer] == [(hit.id, hit.score) for hit in one]


def test_words_and_pieces_stand_in_the_explanation_with_what_each_gave(search: Callable[[str], Retriever]) -> None:
    retriever = search("both")
    [best] = retriever.search("wild yeast", 1, explain=True)
    assert best.id == "sourdough" and best.matches is not None
    parts = {match.term: match.contribution for match in best.matches}
    assert {"word:wild", "word:yeast"} <= set(parts)
    assert sum(parts.values()) == pytest.approx(best.score, rel=1e-5)
    assert retriever.explain("wild yeast", "sourdough").score == pytest.approx(best.score, rel=1e-5)
    assert {"word:wild", "word:yeast"} <= set(retriever.encode("wild yeast"))
    # A document that is not in the index is weighed as one that is.
    text = retriever.index.documents.get("sourdough").contents
    document = retriever.encode(text, "document")
    terms, weights = retriever.index.vector(1)
    stored = {retriever.vocabulary.term(int(term)): weight for term, weight in zip(terms, weights, strict=True)}
    assert document.keys() == stored.keys()
    assert [document[term] for term in stored] == pytest.approx(list(stored.values()), rel=1e-3, abs=1e-3)


def test_an_index_of_words_alone_needs_no_model(search: Callable[[str], Retriever]) -> None:
    retriever = search("words")
    assert retriever.model == "bm25" and retriever.index.dim == len(retriever.index.parts["words"])
    assert next(iter(retriever.search("ice moves"))).id == "glacier"
    assert len(retriever.search("zzz")) == 0 and len(retriever.search(" ")) == 0
    with pytest.raises(ModelError, match="words alone"):
        _ = retriever.encoder


def test_feedback_learns_terms_of_the_model_and_keeps_the_words(search: Callable[[str], Retriever]) -> None:
    """Each score is that of the model's feedback plus the words'."""
    feedback = {"feedback": "rocchio", "feedback_documents": 1, "mode": "exact"}
    both = {hit.id: hit.score for hit in search("both").search("wild yeast", 4, **feedback)}
    learned = {hit.id: hit.score for hit in search("model").search("wild yeast", 4, **feedback)}
    words = scores(search("words"), "wild yeast")
    assert both.keys() == learned.keys() > words.keys() > set()
    weight = LexicalSettings().weight
    assert both == pytest.approx({id: learned[id] + weight * words.get(id, 0) for id in learned}, rel=1e-4)


def test_words_alone_are_searched_exactly_however_many_documents_there_are(
    search: Callable[[str], Retriever], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsr.index.engines.choose.APPROXIMATE_FROM_DOCUMENTS", 1)
    for name, mode in (("words", "exact"), ("both", "approximate"), ("model", "approximate")):
        retriever = search(name)
        assert retriever.index.sparse.choose_mode(5, filtered=False) == mode
        terms, weights = retriever.index.vector(0)
        assert retriever.index.search(terms, weights, 5).stats.mode == mode


def test_pruning_drops_terms_of_the_model_and_no_word(
    folders: dict[str, Path], search: Callable[[str], Retriever], tmp_path: Path
) -> None:
    pruned = prune_index(Index.open(folders["both"]), tmp_path / "pruned", TopK(3))
    first = pruned.parts["words"].first
    for row in range(len(pruned)):
        terms, _ = pruned.vector(row)
        assert (terms < first).sum() == 3
        before, _ = Index.open(folders["both"]).vector(row)
        assert terms[3:].tolist() == before[before >= first].tolist()
    assert scores(Retriever(pruned), "yeast", lexical_weight=1000.0).keys() >= {"sourdough"}


def test_a_weight_that_has_no_use_is_refused(search: Callable[[str], Retriever]) -> None:
    with pytest.raises(InputError, match=r"'lexical_weight': this index holds no words"):
        search("model").search("yeast", lexical_weight=1.0)
    assert scores(search("model"), "yeast", lexical_weight=0.0) == scores(search("model"), "yeast")
    with pytest.raises(InputError, match="lexical_weight"):
        plan_of("dense", lexical_weight=1.0)
    with pytest.raises(InputError, match="lexical_weight"):
        plan_of("exact", lexical_weight=-1.0)


def test_words_cut_by_other_rules_are_not_searched_with_these(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["words"], tmp_path / "old")
    manifest = Manifest.read(folder)
    record = json.loads(json.dumps(manifest.encoder))
    record["lexical"]["analysis"] = 0
    replace(manifest, encoder=record).write(folder)
    with pytest.raises(ModelError, match="rules of version 0"):
        Retriever.open(folder).search("yeast")
    record["lexical"]["settings"]["k1"] = -3
    replace(manifest, encoder=record).write(folder)
    with pytest.raises(IndexFormatError, match=r"record of its words makes no sense: field .settings.k1"):
        Retriever.open(folder)


def test_an_interrupted_run_may_go_on_with_other_words(
    encoder: SparseEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was encoded does not depend on how words are counted."""
    import lsr.build.corpus

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lsr.build.corpus, "_build", stopped)
        with pytest.raises(KeyboardInterrupt):
            index_corpus(DOCUMENTS, tmp_path / "index", encoder, lexical=LexicalSettings())
    index = index_corpus(DOCUMENTS, tmp_path / "index", encoder, lexical=LexicalSettings(language="none"))
    words = index.parts["words"]
    assert "flies" in words and "fli" not in words
    np.testing.assert_array_equal(index.parts["terms"].documents[words.first :] > 0, True)


def test_a_weight_of_words_beside_a_vector_that_is_given_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="is of the vectors that are made of texts"):
        Retriever.open(folders["both"]).search(vector={"bird": 1.0}, lexical_weight=2.0)


def test_synonyms_are_stored_with_an_index_and_searched_without_indexing_again(
    folders: dict[str, Path], encoder: SparseEncoder, tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["words"], tmp_path / "own")
    assert len(Retriever.open(folder).search("fiddle")) == 0
    store_synonyms(Index.open(folder), ["fiddle, violin"])
    found = Retriever.open(folder).search("fiddle")
    assert [hit.id for hit in found] == ["violin"]
    full = Retriever.open(folders["words"]).search("violin").hits[0].score
    assert found.hits[0].score == pytest.approx(0.5 * full, rel=1e-5), "half of what the term itself gives"
    pruned = prune_index(Index.open(folder), tmp_path / "pruned", TopK(30))
    assert pruned.manifest.synonyms == ["fiddle, violin"]
    store_synonyms(Index.open(folder), [])
    assert Index.open(folder).manifest.synonyms is None
    with pytest.raises(InputError, match="holds no words, by which synonyms are found"):
        store_synonyms(Index.open(folders["model"]), ["a, b"])


def test_documents_without_any_word(encoder: SparseEncoder, tmp_path: Path) -> None:
    """Signs alone: an index that was to hold words has none, and is searched as one without."""
    signs = [Document("a", "?!"), Document("b", "…")]
    index_corpus(signs, tmp_path / "signs", encoder, lexical=LexicalSettings())
    retriever = Retriever.open(tmp_path / "signs")
    retriever.encoder = encoder
    assert retriever.lexical_weight is None and len(retriever.encode("a bird", "document")) > 1
    assert len(retriever.search("what?")) <= 2 and len(retriever.search(["a bird", " "])) == 2
    with pytest.raises(InputError, match="holds no words"):
        retriever.search("what?", lexical_weight=1.0)
    with pytest.raises(InputError, match="hold no words, and there is no model"):
        index_corpus(signs, tmp_path / "alone", WordsAlone())
    assert [path.name for path in tmp_path.iterdir()] == ["signs"]
