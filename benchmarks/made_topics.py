"""Seed documents without real ones: a topic model with the proportions of real learned-sparse vectors.

A theme is what a few dozen documents are about: a list of terms with weights. Neighbouring themes belong to one topic,
    and many topics make a domain. A document has one theme, and draws each of its terms from the theme, the topic, the
    domain or the whole vocabulary. Themes are made, or are given queries in topical order and mixtures of similar ones:
    then terms that occur together in queries do so in documents.

How often the terms of each rank occur, how large weights are and how long documents are, was measured on 300,000
passages of technical and general English (98.6 terms each) under a BERT-tiny SPLADE; there, weights hardly depend on
the rank. The other numbers were fitted by hand to what vector_statistics.py reports for these passages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from topical_order import topical_order

from lsr.vectors.sparse import SparseVectors

SEEDS = 200_000
BATCH = 20_000

# Share of documents with the term of each rank, and the quantiles of weights and of terms a document.
RANKS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 20_000, 26_000, 30_522)
FREQUENCIES = (0.6, 0.58, 0.26, 0.17, 0.085, 0.049, 0.022, 0.0075, 7.5e-4, 4.7e-5, 3.3e-6, 1e-6)
SHARES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1)
WEIGHTS = (0.001, 0.007, 0.037, 0.075, 0.2, 0.48, 1.02, 1.61, 1.87, 2.2, 2.9)
LENGTHS = (4, 20, 28, 37, 59, 93, 132, 169, 188, 223, 330)

# Number of made themes; given queries set their own number.
THEMES = 8192
THEMES_OF_TOPIC = 32
THEMES_OF_DOMAIN = 256
# Lengths of the made lists, and the share of one that is taken from its parent list.
DOMAIN_TERMS = 400
TOPIC_TERMS = 100
THEME_TERMS = 60
INHERITED = 0.85
# For each given query, the number of mixtures of neighbouring queries: documents about only the queries would make
# every answer too good.
SIBLINGS = 7
KIN = 16
# Where a document's terms come from; the others come from anywhere.
FROM_THEME = 0.25
FROM_TOPIC = 0.25
FROM_DOMAIN = 0.25
# Terms of the theme are heavier than those from anywhere: shares of all weights that are lighter and heavier.
THEME_LIGHTEST = 0.1
OTHER_HEAVIEST = 0.5
# A theme's weights differ from document to document by at most this share.
DISTURBANCE = 0.2


@dataclass(frozen=True)
class Themes:
    """Lists of terms, the heaviest of each first; neighbours belong to one topic.

    indptr int64 [themes + 1], terms int64, weights float32.
    """

    indptr: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


def made_seeds(queries: SparseVectors | None, dim: int, seed: int = 0) -> SparseVectors:
    """Make SEEDS documents over `dim` terms, about the queries if there are any; ids "0", "1", …"""
    rng = np.random.default_rng([seed, 2])
    frequencies = np.exp(np.interp(np.log(np.arange(1, dim + 1)), np.log(RANKS), np.log(FREQUENCIES)))
    # A term drawn twice counts once: to be in a share x of the documents, it must be drawn more often than x.
    chances = -np.log(1 - frequencies)
    terms_by_rank = rng.permutation(dim)
    if queries is not None:
        used = np.bincount(queries.indices, minlength=dim)
        terms_by_rank = terms_by_rank[np.argsort(-used[terms_by_rank], kind="stable")]
    vocabulary = Vocabulary(np.cumsum(chances / chances.sum()), terms_by_rank)
    themes = made_themes(vocabulary, rng) if queries is None else themes_of(queries, rng)
    parts = [_documents(themes, vocabulary, start, dim, rng) for start in range(0, SEEDS, BATCH)]
    return SparseVectors.concatenate(parts)


@dataclass(frozen=True)
class Vocabulary:
    """Terms by descending frequency, with the probability that a drawn one has at most a given rank."""

    cumulated: npt.NDArray[np.float64]
    terms: npt.NDArray[np.int64]

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Random terms."""
        ranks = np.searchsorted(self.cumulated, rng.random(shape), side="right")
        return self.terms[np.minimum(ranks, len(self.terms) - 1)]


def made_themes(vocabulary: Vocabulary, rng: np.random.Generator) -> Themes:
    """Make THEMES lists of THEME_TERMS terms each, drawn from the topic's list, the domain's, or the vocabulary."""
    theme = np.arange(THEMES)
    domains = vocabulary.draw((THEMES // THEMES_OF_DOMAIN + 1, DOMAIN_TERMS), rng)
    of_topics = np.arange(0, THEMES, THEMES_OF_TOPIC) // THEMES_OF_DOMAIN
    topics = _inherit(domains, of_topics, vocabulary.draw((len(of_topics), TOPIC_TERMS), rng), rng)
    own = _inherit(domains, theme // THEMES_OF_DOMAIN, vocabulary.draw((THEMES, THEME_TERMS), rng), rng)
    terms = _inherit(topics, theme // THEMES_OF_TOPIC, own, rng)
    weights = -np.sort(-_weights(own.shape, THEME_LIGHTEST, 1, rng), axis=1)
    return Themes(np.arange(THEMES + 1) * THEME_TERMS, terms.ravel(), weights.ravel())


def _inherit(
    parents: npt.NDArray[np.int64],
    parent: npt.NDArray[np.int64],
    children: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """The children's lists, with a share INHERITED of each replaced by random terms of the parent's list."""
    inherited = parents[parent[:, None], rng.integers(0, parents.shape[1], children.shape)]
    return np.where(rng.random(children.shape) < INHERITED, inherited, children)


def themes_of(queries: SparseVectors, rng: np.random.Generator) -> Themes:
    """The queries in topical order, weighted like documents, each with SIBLINGS mixtures of neighbouring ones."""
    queries = queries.take(topical_order(queries, int(rng.integers(1 << 32)))[0])
    lengths = np.diff(queries.indptr)
    places = np.lexsort((-queries.weights, np.repeat(np.arange(len(queries)), lengths)))
    first = queries.indptr[np.maximum(0, np.arange(len(queries)) - KIN // 2)]
    last = queries.indptr[np.minimum(len(queries), np.arange(len(queries)) + KIN // 2 + 1)]
    starts = np.repeat(queries.indptr[:-1], lengths)
    chosen = np.empty((1 + SIBLINGS) * queries.nnz, np.int64)
    for sibling in range(1 + SIBLINGS):
        taken = places
        if sibling:
            taken = rng.integers(np.repeat(first, lengths), np.repeat(last, lengths))
        chosen[SIBLINGS * starts + sibling * np.repeat(lengths, lengths) + np.arange(queries.nnz)] = taken
    order = np.argsort(queries.weights, kind="stable")
    weights = np.empty(queries.nnz, np.float32)
    weights[order] = np.interp(np.linspace(0, 1, queries.nnz), SHARES, WEIGHTS)
    indptr = np.concatenate([[0], np.cumsum(np.repeat(lengths, 1 + SIBLINGS))])
    return Themes(indptr, queries.indices[chosen].astype(np.int64), weights[chosen])


def _weights(
    shape: tuple[int, ...], lowest: float, highest: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Random weights, between two quantiles of all weights."""
    return np.interp(rng.uniform(lowest, highest, shape), SHARES, WEIGHTS).astype(np.float32)


def _documents(themes: Themes, vocabulary: Vocabulary, start: int, dim: int, rng: np.random.Generator) -> SparseVectors:
    """Make BATCH documents, with ids counting from `start`."""
    indptr, count = themes.indptr, len(themes.indptr) - 1
    lengths = np.interp(rng.random(BATCH), SHARES, LENGTHS).astype(np.int64)
    rows = np.repeat(np.arange(BATCH), lengths)
    # Some themes are written about more often than others.
    theme = (count * rng.random(BATCH) ** 1.5).astype(np.int64)[rows]
    kind = rng.random(len(rows))

    # A document is most likely to mention the head of its theme.
    chance = rng.random(len(rows)) ** np.where(kind < FROM_THEME, 1.5, 1.0)
    reach = np.where(kind < FROM_THEME + FROM_TOPIC, THEMES_OF_TOPIC // 2, THEMES_OF_DOMAIN // 2)
    reach[kind < FROM_THEME] = 0
    first, last = indptr[np.maximum(0, theme - reach)], indptr[np.minimum(count, theme + reach + 1)]
    place = first + ((last - first) * chance).astype(np.int64)
    anywhere = kind >= FROM_THEME + FROM_TOPIC + FROM_DOMAIN
    terms = np.where(anywhere, vocabulary.draw(rows.shape, rng), themes.terms[place])
    disturbed = np.minimum(WEIGHTS[-1], themes.weights[place] * (1 + DISTURBANCE * rng.uniform(-1, 1, len(rows))))
    weights = np.where(anywhere, _weights(rows.shape, 0, OTHER_HEAVIEST, rng), disturbed).astype(np.float32)

    keys, chosen = np.unique(rows * dim + terms, return_index=True)
    document, term = np.divmod(keys, dim)
    indptr = np.searchsorted(document, np.arange(BATCH + 1))
    ids = [str(start + i) for i in range(BATCH)]
    return SparseVectors(indptr, term, np.maximum(weights[chosen], WEIGHTS[0]), ids, dim)
