"""Words beside a student: BM25 as an index computes it, added to what losses see, without a gradient."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from two_ranks import run_on_two_ranks

from lsr import Document
from lsr.build.corpus import index_corpus
from lsr.core.errors import InputError
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.index import IndexSettings
from lsr.search.retriever import Retriever
from lsr.training.config import TrainingConfig, WordsConfig
from lsr.training.data import TrainingSet
from lsr.training.losses.objective import VectorBatch
from lsr.training.model.batches import Group
from lsr.training.run import train
from lsr.training.run import words as training_words
from lsr.training.run.criterion import Criterion
from lsr.training.run.log import read_log
from lsr.training.run.words import TrainingWords

TEXTS = ["the cats sat", "a dog barks", "cat and dog", "rain"]
QUERIES = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
DOCUMENTS = torch.tensor([[2.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
WORDS = torch.tensor([[0.5, 3.0, 0.0, 1.0], [0.0, 0.25, 1.5, 4.0]])
KNOWN = {"ids": torch.tensor([[10, 11], [12, 13]]), "relevant": torch.tensor([[10], [12]]), "words": WORDS}


def group(query: str, *candidates: str) -> Group:
    return Group(query, list(candidates), [], [], None)


def counted(folder: Path, **settings: Any) -> TrainingWords:
    return TrainingWords.count(WordsConfig(**settings).settings(), TEXTS, len(TEXTS), folder / "words")


def test_bm25_by_hand(tmp_path: Path) -> None:
    """Words are cat sat | dog bark | cat dog | rain: cat and dog in two of four texts, which have 7 words."""
    idf = {"cat": math.log(1 + 2.5 / 2.5), "dog": math.log(1 + 2.5 / 2.5), "rain": math.log(1 + 3.5 / 1.5)}

    def tf(count: int, length: int) -> float:
        return count / (count + 1.2 * (0.25 + 0.75 * length / (7 / 4)))

    found = counted(tmp_path, weight=2.0)([group("Cats, cat", "the cats sat", "dogs"), group("rainy dog", "rain", "x")])
    assert found.dtype == torch.float32 and not found.requires_grad
    expected = [
        [2 * 2 * idf["cat"] * tf(1, 2), 0, 0, 0],
        [0, 2 * idf["dog"] * tf(1, 1), 0, 0],
    ]
    # "rainy" is stemmed to "raini", and is no word of these texts.
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    # Other settings replace what was counted.
    [[rain]] = counted(tmp_path, weight=1.0)([group("rain", "rain rain dog")]).tolist()
    assert rain == pytest.approx(idf["rain"] * tf(2, 3), rel=1e-6)


def test_as_an_index_of_the_texts(tiny_set: Path, tmp_path: Path) -> None:
    made = TrainingSet.open(tiny_set)
    texts = list(made.texts)
    settings = LexicalSettings()
    index = index_corpus(
        [Document(str(n), text) for n, text in enumerate(texts)],
        tmp_path / "index",
        WordsAlone(),
        lexical=settings,
        settings=IndexSettings(weight_bits=16),
    )
    words = TrainingWords.count(settings, texts, len(texts), tmp_path / "words")
    queries = [made[i].query for i in range(5)]
    found = words([group(query, *texts) for query in queries])[:, : len(texts)].numpy() / settings.weight
    vectors = Retriever(index).sparse_queries(queries)
    for row, hits in enumerate(index.search_batch(vectors, len(texts), mode="exact")):
        assert len(hits.rows) > 1
        np.testing.assert_allclose(found[row, np.array(hits.ids, np.int64)], hits.scores, rtol=1e-3)
        assert np.count_nonzero(found[row]) == len(hits.rows)


def test_losses_see_the_sum() -> None:
    batch = VectorBatch(QUERIES, DOCUMENTS, DOCUMENTS, KNOWN)
    assert batch.own_scores().tolist() == [[2.5, 4.0], [3.5, 4.0]]
    assert batch.batch_scores().tolist() == [[2.5, 4.0, 0.0, 2.0], [0.0, 2.25, 3.5, 4.0]]
    scores, targets = batch.in_batch_scores()
    assert scores.tolist() == batch.batch_scores().tolist() and targets.tolist() == [0, 2]
    alone = VectorBatch(QUERIES, DOCUMENTS, DOCUMENTS, {name: KNOWN[name] for name in ("ids", "relevant")})
    assert alone.own_scores().tolist() == [[2.0, 1.0], [2.0, 0.0]]


@pytest.mark.parametrize("in_batch", [False, True])
def test_the_gradient_reaches_the_model_alone(in_batch: bool) -> None:
    """It is that of the sum: (softmax of all scores less the target) times the query."""
    record = {"data": [{"source": "x"}], "run": {"steps": 1}, "losses": [{"name": "info_nce", "in_batch": in_batch}]}
    criterion = Criterion(TrainingConfig.from_record(record, "test").losses, {}, steps=1)
    queries, documents, words = (each.clone().requires_grad_() for each in (QUERIES, DOCUMENTS, WORDS))
    outcome = criterion(queries, documents, KNOWN | {"words": words.detach()}, step=0, shares=torch.zeros(2))
    outcome.loss.backward()
    assert words.grad is None and queries.grad is not None and documents.grad is not None
    scores = QUERIES @ DOCUMENTS.T + WORDS
    hidden = torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0]], dtype=torch.bool)
    shares = scores.masked_fill(hidden if not in_batch else hidden & False, -torch.inf).softmax(1)
    expected = (shares - torch.tensor([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])).T @ QUERIES / 2
    torch.testing.assert_close(documents.grad, expected)


def test_a_run_with_words(recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words change what is learned, are counted once, and are what the first loss of the run says."""
    plain = train(TrainingConfig.from_record(recipe, "test"), tmp_path / "plain")
    config = TrainingConfig.from_record(recipe | {"words": {"weight": 3.0}}, "test")
    train(config, tmp_path / "words")
    first, second = (read_log(tmp_path / name / "log.jsonl")[0] for name in ("plain", "words"))
    assert first["document_terms"] == second["document_terms"]  # the same texts, and the same model still
    assert second["info_nce"] < first["info_nce"]  # each query's own text holds its words
    assert plain.exists()
    recorded = yaml.safe_load((tmp_path / "words" / "config.yaml").read_text())
    assert recorded["words"] == {"weight": 3.0, "language": "english", "k1": 1.2, "b": 0.75}

    def again(*_: object) -> None:
        raise AssertionError("words are counted once")

    monkeypatch.setattr(training_words, "_count", again)
    folder = tmp_path / "words" / "data" / "words"
    settings = WordsConfig(weight=3.0).settings()
    TrainingWords.count(settings, [], 60, folder)
    for other, total in ((settings, 61), (LexicalSettings(language="none", weight=3.0), 60)):
        with pytest.raises(AssertionError, match="once"):
            TrainingWords.count(other, [], total, folder)


def test_texts_without_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hold no words"):
        TrainingWords.count(LexicalSettings(), ["the", "?!"], 2, tmp_path / "words")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"weight": 0}, r"words\.weight: .*greater than 0, not 0"),
        ({"weight": math.inf}, r"words\.weight: .*less than or equal to 1000000"),
        ({"weight": math.nan}, r"words\.weight: .*, not nan"),
        ({"weight": "much"}, r"words\.weight: .*number.*, not 'much'"),
        ({"b": 1.5}, r"words\.b: .*less than or equal to 1, not 1\.5"),
        ({"k1": -1}, r"words\.k1: .*greater than or equal to 0, not -1"),
        ({"language": "englsh"}, r"words\.language.*no stemmer for 'englsh'; did you mean english"),
        ({"wieght": 1}, r"words\.wieght: words has no 'wieght'; .*did you mean 'weight'\?"),
        (1.5, r"words: must be a mapping of weight, language, k1, b, not 1\.5"),
    ],
)
def test_bad_values(words: object, message: str) -> None:
    record = {"data": [{"source": "x"}], "run": {"steps": 1}, "words": words}
    with pytest.raises(InputError, match=message):
        TrainingConfig.from_record(record, "a recipe")


@pytest.mark.process
def test_candidates_of_all_processes(commands: Path, tmp_path: Path) -> None:
    """Two processes with one query each see the scores that one with both sees, in the order of ranks."""
    queries, candidates = ["cat", "dog bark"], [["the cats sat", "rain"], ["a dog barks", "cat and dog"]]
    words = counted(tmp_path)
    expected = words([group(query, *texts) for query, texts in zip(queries, candidates, strict=True)])
    script = tmp_path / "score.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nimport torch\nfrom torch import distributed\n"
        "from lsr.training.losses.objective import VectorBatch\nfrom lsr.training.model.batches import Group\n"
        "from lsr.training.run.words import TrainingWords\n"
        "folder = Path(sys.argv[1])\ndistributed.init_process_group('gloo')\nrank = distributed.get_rank()\n"
        f"query, texts = {queries!r}[rank], {candidates!r}[rank]\n"
        f"words = TrainingWords(folder / 'words', {words.weight})([Group(query, texts, [], [], None)])\n"
        "nothing = torch.zeros(1, 3), torch.zeros(2, 3)\n"
        "batch = VectorBatch(*nothing, torch.zeros(4, 3), {'words': words})\n"
        "torch.save((words, batch.own_scores(), batch.batch_scores()), folder / f'{rank}.pt')\n"
        "distributed.destroy_process_group()\n"
    )
    run_on_two_ranks(commands, script, tmp_path)
    for rank in (0, 1):
        found, own, here = torch.load(tmp_path / f"{rank}.pt")
        assert torch.equal(found, expected[rank : rank + 1])
        assert torch.equal(own, expected[rank : rank + 1, 2 * rank : 2 * rank + 2]) and torch.equal(here, own)
