"""Queries that a run loses against a baseline, grouped by what most likely lost them, with what would help."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lsr.core.documents import Document
from lsr.core.errors import NotFoundError
from lsr.core.vocabulary import WORD
from lsr.encoding.lexical.analysis import Analyser
from lsr.encoding.lexical.settings import WORDS_ALONE, LexicalRecord
from lsr.encoding.lexical.stop_words import STOP_WORDS
from lsr.eval.analysis.compare import Difference, compare_runs, documents_of, texts_of
from lsr.eval.collections import TestCollection
from lsr.eval.runs import Run

if TYPE_CHECKING:
    from lsr.encoding.shared.tokens import TextTokenizer
    from lsr.search.retriever import Retriever
    from lsr.vectors.explanation import Explanation

_CHUNK = re.compile(r"\w+(?:[-./:]\w+)*")
# Letters and digits, or words at a joint that prose has not: part numbers, versions, names in code.
_IDENTIFIER = re.compile(r"(?=.*\d)(?=.*[^\W\d_]).*|.*[_./:].*")
_WORD = re.compile(r"\w+")
# More than this share of a difference of scores is most of it; so many terms show it.
_MOST_OF, _TERMS = 0.5, 5


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason for which a query is lost.

    Attributes:
        title: in a few words.
        helps: what would help.
    """

    title: str
    helps: str


CAUSES = {
    "no shared term": Cause(
        "query and relevant document share no term",
        "words beside the model's terms, dense vectors beside both (mode hybrid), or feedback",
    ),
    "cut": Cause(
        "shared words stand only past what the model reads of the document",
        "windows, or a longer max_length",
    ),
    "identifier": Cause(
        "an identifier of the query stands in the document",
        "words beside the model's terms; terms that are never split",
    ),
    "pieces": Cause(
        "shared words are broken into pieces by the model's tokenizer",
        "words beside the model's terms, or a model of a larger vocabulary",
    ),
    "pruned": Cause(
        "shared words have no weight in the document's vector",
        "less pruning, a larger top_k, or words beside the model's terms",
    ),
    "stop words": Cause(
        "a wrong document stands higher by words that say nothing",
        "queries weighed by the collection's IDF, or a model that is trained with it",
    ),
    "drift": Cause(
        "a wrong document stands higher by terms that the query's text does not have",
        "fewer terms of a query, more weight for words, or another model",
    ),
    "own words": Cause(
        "a wrong document stands higher by the query's own words",
        "re-ranking, or dense vectors beside both (mode hybrid)",
    ),
    "other": Cause("none of these", "nothing that is known here: look at the documents"),
}
"""By name, in the order in which the first that holds is taken for the cause."""


@dataclass(frozen=True, slots=True)
class LostQuery:
    """A query that is lost against the baseline.

    Attributes:
        lost: its scores (`first` is the baseline's), and the relevant document by which most is lost.
        causes: the names of all causes that hold, the first being the one that it is grouped by.
        details: the words, or terms, that show each cause.
    """

    lost: Difference
    causes: list[str]
    details: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The queries that a run loses against a baseline.

    Attributes:
        metric: by which they are lost.
        queries: number of judged queries.
        means: of the baseline and of the run.
        lost: all that are lost, those by which most is lost first.
    """

    metric: str
    queries: int
    means: tuple[float, float]
    lost: list[LostQuery]

    def groups(self) -> dict[str, list[LostQuery]]:
        """The lost queries by their first cause, causes in their order."""
        found = {name: [each for each in self.lost if each.causes[0] == name] for name in CAUSES}
        return {name: each for name, each in found.items() if each}

    def to_record(self, most: int | None = None) -> dict[str, Any]:
        """JSON values, with at most so many examples of each cause."""
        return {
            "metric": self.metric,
            "queries": self.queries,
            "means": {"baseline": self.means[0], "run": self.means[1]},
            "lost": len(self.lost),
            "causes": [
                {
                    "cause": name,
                    **asdict(CAUSES[name]),
                    "queries": len(found),
                    "also": sum(name in each.causes[1:] for each in self.lost),
                    "lost": -sum(each.lost.difference for each in found) / self.queries,
                    "examples": [asdict(each) for each in found[:most]],
                }
                for name, found in self.groups().items()
            ],
        }


def diagnose(
    run: Run, baseline: Run, collection: TestCollection, retriever: Retriever, metric: str = "ndcg@10"
) -> Diagnosis:
    """Find what lost each query of `run`, which was searched in the retriever's index, against `baseline`.

    For each, the relevant document by which most is lost is looked at, beside the one that stands first in the run. A
    cause is what holds for these, not a proof: change it and measure again. The corpus is read once.

    Raises as `compare_runs` does, and ModelError if the model of the index cannot be loaded.
    """
    compared = compare_runs(baseline, run, collection.qrels, metric, texts=texts_of(collection))
    lost = [each for each in compared.differences if each.difference < 0]
    documents = documents_of(collection, {each.document for each in lost if each.document is not None})
    look = _Looking(retriever, documents)
    found = [look.at(each, _first_wrong(run, each.query, collection.qrels[each.query])) for each in lost]
    return Diagnosis(compared.metric, len(collection.qrels), compared.means, found)


def _first_wrong(run: Run, query: str, judged: Mapping[str, int]) -> str | None:
    """The first document of a ranking that is not judged relevant."""
    ranking = run.get(query)
    return None if ranking is None else next((id for id in ranking.ids if judged.get(id, 0) <= 0), None)


class _Looking:
    """Looks at queries and documents of one index."""

    def __init__(self, retriever: Retriever, documents: Mapping[str, Document]) -> None:
        index = retriever.index
        self._retriever, self._documents = retriever, documents
        words = LexicalRecord.of_encoder(index.encoder)
        self._has_words = words is not None
        language = "english" if words is None else words.settings.language
        self._analyser = Analyser(language) if words is None else Analyser.of(words.settings)
        self._stop_words = STOP_WORDS.get(language, frozenset())
        self._tokenizer = _tokenizer(retriever)
        windows = index.documents.windows
        whole = windows is not None and windows.settings.score != "first"
        overlap = (index.encoder or {}).get("window_overlap")
        self._read = None if whole or overlap is not None else (index.encoder or {}).get("max_length")

    def at(self, lost: Difference, wrong: str | None) -> LostQuery:
        """The query with its causes."""
        details: dict[str, list[str]] = {}
        document = self._documents.get(lost.document or "")
        if lost.text and document is not None:
            details = self._of_document(lost.text, document)
            if wrong is not None:
                details |= self._of_wrong(lost.text, document.id, wrong)
        causes = [name for name in CAUSES if name in details] or ["other"]
        return LostQuery(lost, causes, {name: details[name] for name in causes if name in details})

    def _of_document(self, text: str, document: Document) -> dict[str, list[str]]:
        """What keeps a relevant document from being found."""
        found: dict[str, list[str]] = {}
        explanation = self._explain(text, document.id)
        if explanation is None:
            return found
        if not explanation.matches:
            found["no shared term"] = []
        shared = self._shared(text, document.contents)
        contents = document.contents.casefold()
        names = [chunk for chunk in dict.fromkeys(_CHUNK.findall(text)) if _IDENTIFIER.fullmatch(chunk)]
        if names := [each for each in names if each.casefold() in contents]:
            found["identifier"] = names
        if self._tokenizer is None:
            return found
        read = self._what_is_read(document.contents)
        stems = set(self._analyser.words(read))
        late = [word for word in shared if not stems.intersection(self._analyser.words(word))]
        if late:
            found["cut"] = late
        if not self._has_words:
            lengths = self._lengths(shared)
            if broken := [word for word, length in zip(shared, lengths, strict=True) if length > 1]:
                found["pieces"] = broken
            there = self._terms_of(document.id)
            spelt = {word.casefold() for word in _WORD.findall(read)}
            whole = [word for word, length in zip(shared, lengths, strict=True) if length == 1]
            if gone := [word for word in whole if word in spelt and word not in there]:
                found["pruned"] = gone
        return found

    def _of_wrong(self, text: str, document: str, wrong: str) -> dict[str, list[str]]:
        """By which kind of terms most of what puts a wrong document above a relevant one is won."""
        right, other = self._explain(text, document), self._explain(text, wrong)
        if right is None or other is None or other.score <= right.score:
            return {}
        gains = {match.term: match.contribution for match in other.matches}
        for match in right.matches:
            gains[match.term] = gains.get(match.term, 0.0) - match.contribution
        own = {word.casefold() for word in _WORD.findall(text)}
        if self._tokenizer is not None:
            own |= self._pieces_of(text)
        kinds: dict[str, list[str]] = {}
        for term in sorted(gains, key=lambda term: -gains[term]):
            kinds.setdefault(self._kind(term, own), []).append(term)
        won = {name: sum(gains[term] for term in terms) for name, terms in kinds.items()}
        most = max(won, key=won.__getitem__)
        if won[most] <= _MOST_OF * (other.score - right.score):
            return {}
        return {most: [term for term in kinds[most] if gains[term] > 0][:_TERMS]}

    def _kind(self, term: str, own: set[str]) -> str:
        if term.removeprefix(WORD) in self._stop_words:
            return "stop words"
        return "own words" if term.startswith(WORD) or term in own else "drift"

    def _explain(self, text: str, document: str) -> Explanation | None:
        try:
            return self._retriever.explain(text, document)
        except NotFoundError:
            return None

    def _shared(self, text: str, contents: str) -> list[str]:
        """The query's words, as spelt there in lower case, that the document has too, whatever their endings."""
        there = set(self._analyser.words(contents))
        words = dict.fromkeys(word.casefold() for word in _WORD.findall(text))
        return [word for word in words if there.intersection(self._analyser.words(word))]

    def _what_is_read(self, contents: str) -> str:
        """The beginning of a text that the model reads, word by word."""
        if self._read is None:
            return contents
        words = contents.split()
        tokens = 2  # the special ones
        for number, length in enumerate(self._lengths(words)):
            tokens += length
            if tokens > self._read:
                return " ".join(words[:number])
        return contents

    def _lengths(self, words: Sequence[str]) -> list[int]:
        """The number of tokens of each word."""
        assert self._tokenizer is not None
        return [len(each) for each in self._tokenizer.encode(words)[0]] if words else []

    def _pieces_of(self, text: str) -> set[str]:
        assert self._tokenizer is not None
        names = self._retriever.vocabulary
        return {names.term(id) for id in self._tokenizer.encode_one(text) if id < len(names)}

    def _terms_of(self, document: str) -> set[str]:
        """The terms of a document's vectors."""
        index, names = self._retriever.index, self._retriever.vocabulary
        rows = index.documents.rows_of(document)
        return {names.term(int(term)) for row in rows for term in index.vector(row)[0]}


def _tokenizer(retriever: Retriever) -> TextTokenizer | None:
    """The tokenizer of the model of documents; None for an index of words, or of vectors of one's own."""
    from lsr.encoding.shared.tokens import MOST_TOKENS, TextTokenizer

    if not retriever.has_encoder or retriever.model == WORDS_ALONE:
        return None
    folder = retriever.document_encoder.spec.document.folder
    return TextTokenizer(folder, max_length=MOST_TOKENS, special_tokens=False)
