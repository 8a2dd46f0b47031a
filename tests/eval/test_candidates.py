"""Re-ranking of candidates: reading them, the order that scores make, and what an index says of them."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lsr import Document
from lsr.build.corpus import index_corpus
from lsr.core.errors import InputError
from lsr.core.types import Scores
from lsr.encoding.lexical.alone import WordsAlone
from lsr.eval import Ranking
from lsr.eval.candidates import Candidate, candidates_of_run, read_candidates, rerank, rerank_in_index
from lsr.search.flat import plan_of
from lsr.search.retriever import Retriever
from lsr.text.windows import WindowSettings

LINES = ("q2\tp1\tcold sea\tice on a sea", "q1\tp1\ta cat\tice on a sea", "q1\tp2\ta cat\ta cat sat on a cat")
DOCUMENTS = [
    Document("p1", "ice on a sea"),
    Document("p2", "a cat sat on a cat"),
    Document("p3", "cat", "sea"),
    Document("p4", "bread"),
]
TEXTS = {"q1": "a cat", "q2": "cold sea", "q 3": "bread"}


def shared_words(queries: Sequence[str], texts: Sequence[Sequence[str]]) -> list[Scores]:
    """How many words of a text are words of its query."""
    return [
        np.array([sum(word in query.split() for word in text.split()) for text in of_query], np.float32)
        for query, of_query in zip(queries, texts, strict=True)
    ]


def run_of(**ids: str) -> dict[str, Ranking]:
    return {q: Ranking(found.split(), -np.arange(len(found.split()), dtype=np.float32)) for q, found in ids.items()}


def test_candidates_are_ranked_by_their_scores(tmp_path: Path) -> None:
    path = tmp_path / "top1000.dev.gz"
    path.write_bytes(gzip.compress("\n".join(LINES).encode()))
    counted: list[int] = []
    made = rerank(read_candidates(path), shared_words, progress=counted.append)
    # "a cat" and "a cat sat on a cat": a, cat, a, cat; "ice on a sea": a. Of "cold sea": sea.
    assert {query: (ranking.ids, ranking.scores.tolist()) for query, ranking in made.items()} == {
        "q2": (["p1"], [1.0]),
        "q1": (["p2", "p1"], [4.0, 1.0]),
    }
    assert sum(counted) == 3


def test_the_best_are_kept_whatever_the_order_and_ties_go_by_id() -> None:
    scores = [3, 9, 1, 9, 5, 9, 0, 2]
    given = [Candidate("q", f"d{place}", "query", str(score)) for place, score in enumerate(scores)]
    for stream in (given, given[::-1]):
        made = rerank(stream, lambda _, texts: [np.array(list(map(float, texts[0])), np.float32)], k=2)
        assert (made["q"].ids, made["q"].scores.tolist()) == (["d1", "d3"], [9, 9])


def test_no_more_than_some_thousand_texts_are_scored_at_once_and_no_more_scores_kept_than_asked() -> None:
    sizes: list[int] = []

    def score(queries: Sequence[str], texts: Sequence[Sequence[str]]) -> list[Scores]:
        sizes.append(sum(map(len, texts)))
        return [np.array([float(text) for text in found], np.float32) for found in texts]

    stream = (Candidate(f"q{n % 3}", f"d{n:05}", "query", str(n * 7919 % 20_011)) for n in range(20_000))
    made = rerank(stream, score, k=10)
    assert max(sizes) <= 4096 and sum(sizes) == 20_000
    for place in range(3):
        expected = sorted(((n * 7919 % 20_011, n) for n in range(place, 20_000, 3)), reverse=True)[:10]
        assert made[f"q{place}"].ids == [f"d{n:05}" for _, n in expected]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q3\tp1\tonly a query", "expected 4 columns .*, found 3"),
        ("q3\tp1\ta\tb\tc", "expected 4 columns .*, found 5"),
        ("q1 Q0 p1 1 2.5 tag", "found 1; a TREC run takes queries and documents beside it"),
        ("\tp1\ta query\ttext", "is empty"),
        ("q3\t\ta query\ttext", "is empty"),
        ("q3\tp1\t \ttext", "query 'q3' has no text"),
        ("q1\tp4\tanother\ttext", "query 'q1' has another text than before: 'another', and it was 'a cat'"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "top1000.dev"
    path.write_text("\n".join([*LINES, "", line]))
    with pytest.raises(InputError, match=message) as raised:
        list(read_candidates(path))
    assert (raised.value.source, raised.value.line) == (str(path), 5)


def test_no_candidates_and_one_twice(tmp_path: Path) -> None:
    path = tmp_path / "top1000.dev"
    path.write_text("\n")
    with pytest.raises(InputError, match="contains no candidates"):
        list(read_candidates(path))
    path.write_text("\n".join([*LINES, LINES[0]]))
    with pytest.raises(InputError, match="query 'q2' has the candidate 'p1' twice"):
        rerank(read_candidates(path), shared_words)


def test_a_run_is_given_its_texts() -> None:
    run = run_of(q1="p4 p3", q2="p3") | {"q%203": Ranking(["p4"], np.ones(1))}
    found = list(candidates_of_run(run, TEXTS, iter(DOCUMENTS)))
    assert found == [
        Candidate("q1", "p3", "a cat", "sea cat"),
        Candidate("q2", "p3", "cold sea", "sea cat"),
        Candidate("q1", "p4", "a cat", "bread"),
        Candidate("q 3", "p4", "bread", "bread"),
    ]
    with pytest.raises(InputError, match="query 'q9' of the run is not among the 3 queries"):
        candidates_of_run(run_of(q9="p1"), TEXTS, DOCUMENTS)
    with pytest.raises(InputError, match="2 documents of the run are not there; the first is 'p8'"):
        list(candidates_of_run(run_of(q1="p8 p1 p9"), TEXTS, DOCUMENTS))


@pytest.mark.parametrize("windows", [None, WindowSettings(words=2, stride=1)])
def test_an_index_ranks_candidates_as_it_ranks_all(tmp_path: Path, windows: WindowSettings | None) -> None:
    index_corpus(DOCUMENTS, tmp_path / "index", WordsAlone(), windows=windows)
    retriever = Retriever.open(tmp_path / "index")
    plan = plan_of("exact")
    made = rerank_in_index(run_of(q1="p4 p3 p1 p2", q2="p4 p3"), TEXTS, retriever, plan)
    whole = retriever.search("cat", 10, plan)
    scores = {hit.id: pytest.approx(hit.score) for hit in whole.hits}
    assert scores.keys() == {"p2", "p3"}
    # What shares no word comes last, as it stood in the run.
    assert made["q1"].ids == [*scores, "p4", "p1"] and dict(zip(*_pairs(made["q1"]), strict=True)) == scores | {
        "p4": 0.0,
        "p1": 0.0,
    }
    # p1 has the sea, too, and is no candidate.
    assert made["q2"].ids == ["p3", "p4"]
    assert rerank_in_index(run_of(q1="p4 p3 p1 p2"), TEXTS, retriever, plan, k=1)["q1"].ids == [whole.hits[0].id]
    with pytest.raises(InputError, match="no document with id 'p9', which the run has"):
        rerank_in_index(run_of(q1="p9"), TEXTS, retriever, plan)
    with pytest.raises(InputError, match="query 'q9' of the run"):
        rerank_in_index(run_of(q9="p1"), TEXTS, retriever, plan)


def _pairs(ranking: Ranking) -> tuple[list[str], list[float]]:
    return ranking.ids, ranking.scores.tolist()
