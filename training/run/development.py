"""Measuring a student during training: exported, it indexes a judged collection and searches it exactly."""

from __future__ import annotations

from pathlib import Path

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.files import scratch_folder
from lsr.encoding.lexical.queries import IndexWords, WordNumbers
from lsr.encoding.lexical.words import WordCounter
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.encoding.sparse.rows import assemble
from lsr.eval.collections import load_collection
from lsr.eval.measures.metrics import score_run
from lsr.eval.measures.sparsity import Activation, flops
from lsr.eval.runs import Ranking, Run
from lsr.index import IndexBuilder
from lsr.training.config import DevelopmentConfig, WordsConfig
from lsr.training.model.student import Student
from lsr.vectors.beside import beside
from lsr.vectors.sparse import SparseVectors

_METRIC = "ndcg@10"
_DEPTH = 10


class Development:
    """A judged collection to measure students on, with the measures of `lsr eval`, on a part of the corpus.

    Documents are held in memory, within the limits of the configuration.

    Args:
        config: the collection, and how much of it.
        work: a folder for exported students and indexes, which are removed after each measurement.
        words: what is searched beside the student's terms, as by an index with words.

    Raises InputError as `load_collection` does, and for a collection with nothing left to measure.
    """

    def __init__(self, config: DevelopmentConfig, work: Path, words: WordsConfig | None = None) -> None:
        collection = load_collection(config.source, None if config.source.startswith("irds:") else config.split)
        self.work, self.words = work, words
        self.queries = [query for query in collection.queries if query.text.strip()][: config.queries]
        self.qrels = {query.id: collection.qrels[query.id] for query in self.queries}
        relevant = {id for judged in self.qrels.values() for id, grade in judged.items() if grade > 0}
        self.documents: list[Document] = []
        others = len(relevant) if config.documents is None else max(0, config.documents - len(relevant))
        for document in collection.documents():
            if document.id in relevant:
                self.documents.append(document)
            elif config.documents is None or others > 0:
                self.documents.append(document)
                others -= 1
        if not self.queries or not self.documents:
            raise InputError(f"{config.source} has no judged queries and documents to measure on")

    def __call__(self, student: Student) -> dict[str, float]:
        """nDCG@10, the mean number of active terms of documents and queries, and FLOPS (Σ_j p_q(j) p_d(j)).

        Words count in the first alone.
        """
        with scratch_folder(self.work / "measuring") as folder:
            student.save(folder / "model")
            encoder = SparseEncoder.load(folder / "model", device=str(student.device))
            documents = encoder.encode_documents(
                [document.contents for document in self.documents], [document.id for document in self.documents]
            )
            queries = encoder.encode_queries([query.text for query in self.queries], [each.id for each in self.queries])
            of_queries, of_documents = Activation.of_vectors(queries), Activation.of_vectors(documents)
            if self.words is not None:
                documents, queries = self._with_words(self.words, documents, queries)
            with IndexBuilder(folder / "index", dim=documents.dim) as builder:
                builder.add(documents)
                index = builder.finish()
            found = index.search_batch(queries, _DEPTH, mode="exact")
            run: Run = {
                query.id: Ranking(hits.ids, hits.scores) for query, hits in zip(self.queries, found, strict=True)
            }
        scores = score_run(run, self.qrels, [_METRIC])
        return {
            _METRIC: scores.means()[_METRIC],
            "document_terms": of_documents.mean_terms,
            "query_terms": of_queries.mean_terms,
            "flops": flops(of_queries, of_documents),
        }

    def _with_words(
        self, settings: WordsConfig, documents: SparseVectors, queries: SparseVectors
    ) -> tuple[SparseVectors, SparseVectors]:
        """Documents and queries with words as further terms."""
        with WordCounter(settings.settings()) as counter:
            counter.add([document.contents for document in self.documents])
            found = counter.finish()
            joined = found.beside(documents, 0)
            words = IndexWords(
                found.record(), WordNumbers(found.words), found.documents.__getitem__, len(self.documents)
            )
        rows = [words.query(query.text) for query in self.queries]
        further = assemble([(ids + queries.dim, weights) for ids, weights in rows], queries.ids, joined.dim)
        return joined, beside(queries, further)
