"""Makes variations of documents: any number of sparse vectors as hard to search as the originals.

Seeds are clustered into topics and subtopics. A made document starts from a random seed and a partner of its subtopic.
What both share stays. Each other term of the seed stays with a probability drawn once per document (mostly small; large
in the few documents that become near duplicates), or else is replaced by a random term of the partner, of the subtopic
or of the topic. Weights are those of the document that the term came from, slightly perturbed. So term frequencies,
co-occurrence of terms, lengths of documents and weights are all as in the seeds.

Compared with the 300,000 real documents and 2,000 real queries that the constants were fitted to (vector_statistics.py,
as many documents each; real | made from 75,000 of them | from 10,000 of them, both at 98.6 terms):

    share of postings in the 100 longest lists    .166 | .164 | .164     10th score over 1st    .83 | .85 | .87
    postings a query and document                 1.92 | 1.90 | 1.91     100th over 10th        .80 | .80 | .81
    bound of 1,024 alike documents over the best  3.79 | 4.11 | 3.99     1000th over 10th       .57 | .57 | .58
    bound over the 10th score                     2.33 | 2.53 | 2.42     nearest neighbour      .54 | .57 | .61

What differs: bounds are 4 to 9 % looser, the best document fits its query less well (cosine .27 and .25, not .33), and
the more documents are made from a seed, the more of them are near duplicates (nearest neighbour, 90th percentile: .86 |
.88 | .95). With 119 terms the lists are a little less skewed (.153), since the added terms are ones that the seed
lacked. Without real documents, bounds are half as loose again over the best score, and lists more skewed beyond the
first 100.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import njit
from topical_order import topical_order

from lsr.core.errors import InputError
from lsr.eval.bench import exact_top
from lsr.vectors.sparse import SparseVectors

BATCH = 1 << 14

# How a document differs from its seed: fitted to real documents, as described at the top of this file.
STAYING_EXPONENT = 2.5
NEAR_DUPLICATES = 0.08
FROM_PARTNER = 0.45
FROM_SUBTOPIC = 0.5
NOISE = 0.05
TOPIC_SPAN = 512
# At most this share of a query's terms is put into a document about it.
MOST_OF_QUERY = 0.6
# Number of seeds from which a document about a query draws its own.
SUITABLE_SEEDS = 64


class VectorMaker:
    """Makes documents from seed documents.

    Args:
        seeds: the documents to vary, any number; empty ones are ignored.
        terms: mean number of terms of a made document.
        queries: the subjects of `relevant`, a share of the documents.
        seed: for everything random.
    """

    def __init__(
        self,
        seeds: SparseVectors,
        *,
        terms: float,
        queries: SparseVectors | None = None,
        relevant: float = 0.0,
        seed: int = 0,
    ) -> None:
        seeds = seeds.take(np.flatnonzero(np.diff(seeds.indptr)))
        if not len(seeds):
            raise InputError("no documents with terms to make others from")
        if not terms > 0 or not 0 <= relevant <= 1:
            raise InputError("terms must be more than 0, and the share of relevant documents must lie in [0, 1]")
        queries = SparseVectors.empty(seeds.dim) if queries is None else queries
        if queries.dim != seeds.dim:
            raise InputError(f"the queries have {queries.dim:,} terms, but the documents have {seeds.dim:,}")
        order, ends = topical_order(seeds, seed)
        # In topical order, a cluster is a range of rows.
        self._seeds = seeds = seeds.take(order)
        self._seed = seed
        starts = np.concatenate([[0], ends[:-1]])
        self._subtopics = np.repeat(np.stack([starts, ends], axis=1), ends - starts, axis=0)
        first = np.maximum(0, np.arange(len(seeds)) - TOPIC_SPAN // 2)
        self._topics = np.stack([first, np.minimum(len(seeds), first + TOPIC_SPAN)], axis=1)
        self._stretch = terms * len(seeds) / seeds.nnz
        self._queries = queries
        self._relevant = relevant if queries.nnz else 0.0
        self._suitable = np.empty((0, SUITABLE_SEEDS), np.int64)
        self._query_weights = queries.weights
        if self._relevant:
            scale = np.quantile(seeds.weights, 0.95) / np.quantile(queries.weights, 0.95)
            self._query_weights = queries.weights * np.float32(scale)
            batches = (seeds[at : at + BATCH] for at in range(0, len(seeds), BATCH))
            found = exact_top(batches, queries, SUITABLE_SEEDS).rows
            # For a query that matches no seed, any will do.
            self._suitable = np.stack([np.resize(rows if len(rows) else [0], SUITABLE_SEEDS) for rows in found])

    def documents(self, count: int) -> Iterator[SparseVectors]:
        """Make documents in batches, with the ids "m0", "m1", …; weights are rounded to float16."""
        seeds, queries = self._seeds, self._queries
        for start in range(0, count, BATCH):
            stop = min(count, start + BATCH)
            indptr, indices, weights = _write_documents(
                *(seeds.indptr, seeds.indices, seeds.weights, self._subtopics, self._topics, self._stretch),
                *(queries.indptr, queries.indices, self._query_weights, self._suitable, self._relevant),
                *(stop - start, seeds.dim, np.random.default_rng([self._seed, 0, start])),
            )
            # No weight is rounded to 0.
            weights = np.maximum(weights.astype(np.float16), np.finfo(np.float16).smallest_normal).astype(np.float32)
            ids = [f"m{row}" for row in range(start, stop)]
            yield SparseVectors(indptr, indices, weights, ids, seeds.dim, validate=False)


@njit(nogil=True, cache=True)
def _below(stop, rng):
    return np.int64(rng.random() * stop)


@njit(nogil=True, cache=True)
def _elsewhere(indptr, partner, subtopic, topic, rng):
    """A random posting of another seed: the partner, one of the subtopic, or one of the topic."""
    kind = rng.random()
    source = partner
    if kind >= FROM_PARTNER + FROM_SUBTOPIC:
        source = topic[0] + _below(topic[1] - topic[0], rng)
    elif kind >= FROM_PARTNER:
        source = subtopic[0] + _below(subtopic[1] - subtopic[0], rng)
    return indptr[source] + _below(indptr[source + 1] - indptr[source], rng)


@njit(nogil=True, cache=True)
def _write_documents(
    indptr,
    indices,
    weights,
    subtopics,
    topics,
    stretch,
    query_indptr,
    query_indices,
    query_weights,
    suitable,
    relevant,
    count,
    dim,
    rng,
):
    """Write `count` documents: indptr int64, indices uint32 (ascending in a row), weights float32.

    indptr, indices, weights: the seeds, none empty. subtopics, topics: int64 [seeds, 2], the rows of each seed's
    cluster. stretch: terms of a document over those of its seed. query_*: the queries, in weights of documents;
    suitable: int64 [queries, n], seeds for documents about them; relevant: the share of these. rng: a numpy Generator.
    """
    out_indptr = np.zeros(count + 1, np.int64)
    out_indices = np.empty(1 << 20, np.uint32)
    out_weights = np.empty(1 << 20, np.float32)
    # The document's weights; -1 for a term of the seed that it does not hold, or not yet.
    held = np.zeros(dim, np.float32)
    # The last document whose partner held the term.
    shared = np.full(dim, -1, np.int64)
    met = np.empty(dim, np.uint32)
    for document in range(count):
        size = 0
        seed = _below(indptr.size - 1, rng)
        if rng.random() < relevant:
            query = _below(query_indptr.size - 1, rng)
            seed = suitable[query, _below(suitable.shape[1], rng)]
            part = MOST_OF_QUERY * rng.random()
            for p in range(query_indptr[query], query_indptr[query + 1]):
                if rng.random() < part:
                    met[size] = query_indices[p]
                    held[query_indices[p]] = query_weights[p] * (0.5 + 0.5 * rng.random())
                    size += 1
        subtopic, topic = subtopics[seed], topics[seed]
        partner = subtopic[0] + _below(subtopic[1] - subtopic[0], rng)
        for p in range(indptr[partner], indptr[partner + 1]):
            shared[indices[p]] = document
        first, last = indptr[seed], indptr[seed + 1]
        for p in range(first, last):
            if held[indices[p]] == 0:
                held[indices[p]] = -1

        staying = rng.random() ** STAYING_EXPONENT
        if rng.random() < NEAR_DUPLICATES:
            staying = 0.5 + 0.45 * rng.random()
        extra = np.int64(max(0.0, stretch - 1) * (last - first) + rng.random())
        for slot in range(first, last + extra):
            source = slot
            if slot >= last:
                # The drawn term is often present already.
                for _ in range(5):
                    source = _elsewhere(indptr, partner, subtopic, topic, rng)
                    if held[indices[source]] == 0:
                        break
            elif rng.random() >= stretch:
                continue
            elif shared[indices[slot]] != document and rng.random() >= staying:
                source = _elsewhere(indptr, partner, subtopic, topic, rng)
                if held[indices[source]] != 0:
                    source = slot
            term = indices[source]
            if held[term] <= 0:
                held[term] = max(np.float32(1e-4), weights[source] * (1 + NOISE * rng.standard_normal()))
                met[size] = term
                size += 1

        start = out_indptr[document]
        if start + size > out_indices.size:
            out_indices = np.concatenate((out_indices, np.empty_like(out_indices)))
            out_weights = np.concatenate((out_weights, np.empty_like(out_weights)))
        for p in range(first, last):
            held[indices[p]] = max(np.float32(0), held[indices[p]])
        terms = np.sort(met[:size])
        for i, term in enumerate(terms):
            out_indices[start + i], out_weights[start + i] = term, held[term]
            held[term] = 0
        out_indptr[document + 1] = start + size
    return out_indptr, out_indices[: out_indptr[-1]], out_weights[: out_indptr[-1]]
