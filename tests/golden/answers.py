"""Asking golden folders: the same questions when their answers were written and ever since.

answers.json beside a golden index holds `facts`, and `searches`: what was asked and what came back, floats with all
the digits that matter. "exact" answers are exact sums, rounded once, and equal on every machine to the bit; the others
come from products that a CPU may add up in another order, and are compared with a tolerance, unless LSR_GOLDEN_EXACT is
set.

Answers without `"sums": "exact"` were written when a score was a float32 sum over terms in ascending order: a rounding
for each term away from the score of today. Hits and their order must be the same, and scores within SUMS, also where
LSR_GOLDEN_EXACT is set.
"""

from __future__ import annotations

import json
import math
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import faces
import numpy as np

HERE = Path(__file__).parent
EXACT = bool(os.environ.get("LSR_GOLDEN_EXACT"))
CLOSE = 1e-5
# Relative: some 80 roundings of a float32, since a fusion that divides by differences of scores makes more of them.
SUMS = 5e-6


class Stored:
    """The vectors of the golden queries, by id and by text: query_vectors.json."""

    def __init__(self) -> None:
        stored = json.loads((HERE / "query_vectors.json").read_text())
        self.text = {query["id"]: query["text"] for query in stored}
        self._by_text = {query["text"]: query for query in stored}
        self.dim = 0

    def sparse_row(self, text: str, side: str = "sparse") -> tuple[np.ndarray, np.ndarray]:
        terms, weights = self._by_text[text][side]
        return np.array(terms, np.uint32), np.array(weights, np.float32)

    def sparse(self, texts: list[str], side: str = "sparse") -> Any:
        rows = [self.sparse_row(text, side) for text in texts]
        return faces.SparseVectors.from_rows(rows, [str(i) for i in range(len(rows))], self.dim)

    def dense(self, texts: list[str]) -> np.ndarray:
        return np.array([self._by_text[text]["dense"] for text in texts], np.float32)

    def late(self, text: str) -> np.ndarray:
        return np.array(self._by_text[text]["late"], np.float32)


class Opened:
    """A golden index with the means to ask it: `side` names the sparse vectors of the queries in query_vectors.json."""

    def __init__(self, path: Path, side: str = "sparse") -> None:
        self.path = path
        self.side = side
        self.index = faces.Index.open(path)
        self.stored = Stored()
        self.stored.dim = self.index.dim

    @cached_property
    def retriever(self) -> Any:
        return faces.retriever(self.path, lambda texts: self.stored.sparse(texts, self.side), self.stored.dense)

    @cached_property
    def by_text(self) -> Any:
        return faces.retriever(self.path)

    def ask(self, call: dict[str, Any]) -> dict[str, Any]:
        """What a call gives: hits as [id, score], with the window where there is one, and what else it tells."""
        options = {name: value for name, value in call.items() if name not in ("by", "query", "exact")}
        # A golden query by its id, or what was typed.
        text = self.stored.text.get(call["query"], call["query"])
        if "allow" in options:
            options["allow"] = np.arange(len(self.index)) % options["allow"] == 1
        return getattr(self, f"_{call['by']}")(text, options)

    def _index(self, text: str, options: dict[str, Any]) -> dict[str, Any]:
        hits = self.index.search(*self.stored.sparse_row(text, self.side), **options)
        return {"hits": pairs(hits.ids, hits.scores), "work": faces.work(hits.stats)}

    def _batch(self, text: str, options: dict[str, Any]) -> dict[str, Any]:
        found = self.index.search_batch(self.stored.sparse([text, text], self.side), **options)
        assert pairs(found[0].ids, found[0].scores) == pairs(found[1].ids, found[1].scores)
        return {"hits": pairs(found[0].ids, found[0].scores), "work": faces.work(found[0].stats)}

    def _retriever(self, text: str, options: dict[str, Any]) -> dict[str, Any]:
        return self._response(self.retriever.search(text, **options))

    def _vector(self, text: str, options: dict[str, Any]) -> dict[str, Any]:
        terms, weights = self.stored.sparse_row(text, self.side)
        names = self.index.vocabulary
        vector = {names.term(int(term)): float(weight) for term, weight in zip(terms, weights, strict=True)}
        return self._response(self.retriever.search_vector(vector, **options))

    def _text(self, text: str, options: dict[str, Any]) -> dict[str, Any]:
        """With the encoders that the index records, which lie in the hub's cache."""
        return self._response(self.by_text.search(text, **options))

    def _late(self, text: str, options: dict[str, Any]) -> dict[str, Any]:
        scores = faces.late_scores(self.index, self.stored.late(text))
        return {"hits": pairs(faces.row_ids(self.index), scores)}

    def _response(self, response: Any) -> dict[str, Any]:
        hits, matches, stages = [], {}, {}
        for hit in response.hits:
            window = [] if hit.window is None else [[hit.window.number, hit.window.start, hit.window.stop]]
            hits.append([hit.id, digits(hit.score), *window])
            if hit.matches is not None:
                matches[hit.id] = [
                    [m.term, *map(digits, (m.query_weight, m.document_weight, m.contribution))] for m in hit.matches
                ]
            if hit.stages:
                stages[hit.id] = {
                    name: [digits(s.score), s.rank, digits(s.contribution)] for name, s in hit.stages.items()
                }
        answer: dict[str, Any] = {"hits": hits, "work": faces.work(response.stats)}
        if response.dense_weight is not None:
            answer["dense_weight"] = response.dense_weight
        return answer | ({"matches": matches} if matches else {}) | ({"stages": stages} if stages else {})


def pairs(ids: list[str], scores: np.ndarray) -> list[list[Any]]:
    """[id, score] of each hit."""
    return [[id, digits(score)] for id, score in zip(ids, scores, strict=True)]


def digits(number: Any) -> float | None:
    """A number with as many digits as tell it from all others of its type: nine at most for a float32."""
    if number is None:
        return None
    single = np.float32(number)
    return float(str(single)) if single == number else float(number)


def _without_single_stages(answer: Any) -> Any:
    """An answer without what its hits' stages say, where each has one: that is the hit's own score, said or not."""
    if isinstance(answer, dict) and all(len(stages) == 1 for stages in answer.get("stages", {}).values()):
        return {name: each for name, each in answer.items() if name != "stages"}
    return answer


def compare(found: Any, expected: Any, *, exact: bool, where: str = "", close: float = CLOSE) -> None:
    """AssertionError, which says where, unless two answers are equal; but for `exact` ones, floats may be near."""
    found, expected = _without_single_stages(found), _without_single_stages(expected)
    if exact:
        assert json.loads(json.dumps(found)) == expected, where
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name, value in expected.items():
            compare(found[name], value, exact=False, where=f"{where}.{name}", close=close)
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for number, value in enumerate(expected):
            compare(found[number], value, exact=False, where=f"{where}[{number}]", close=close)
    elif isinstance(expected, float):
        assert math.isclose(found, expected, rel_tol=close, abs_tol=close), f"{where}: {found} and {expected}"
    else:
        assert found == expected, f"{where}: {found!r} and {expected!r}"


def compare_sums(found: Any, expected: Any, written: dict[str, Any], where: str = "") -> None:
    """`compare` an exact answer of a file of answers: to the bit, unless they were `written` before sums were exact."""
    compare(found, expected, exact=written.get("sums") == "exact", where=where, close=SUMS)


def compare_rankings(found: dict[str, Any], expected: dict[str, Any], close: float, where: str) -> None:
    """For queries encoded on another machine: scores near, and hits in this order but for those that all but tie."""
    scores = {hit[0]: hit[1] for hit in expected["hits"]}
    assert len(found["hits"]) == len(expected["hits"]), where
    last = expected["hits"][-1][1] if expected["hits"] else 0.0
    for (id, score, *_), (_, at_rank, *_) in zip(found["hits"], expected["hits"], strict=True):
        assert math.isclose(score, at_rank, rel_tol=close, abs_tol=close), f"{where}: {id}"
        assert math.isclose(score, scores.get(id, last), rel_tol=close, abs_tol=close), f"{where}: {id}"
