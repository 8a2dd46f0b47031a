"""Ordering documents so that neighbours are similar: spherical k-means, then chains of nearest neighbours.

k-means on the sphere: Dhillon and Modha, Machine Learning 42, 2001.
"""

import numpy as np

from lsr.core.jit import kernel


@kernel
def set_centroids(indptr, terms, weights, rows, labels, centroids):
    """Fill centroids (float32 [dim, clusters]) with the sum of each cluster's documents, scaled to length 1.

    indptr, terms, weights: the documents; rows: int64 [n], those to use; labels: int64 [n], the cluster of each. A
        cluster without documents, or of empty ones, gets zeros.
    """
    centroids[:] = 0
    for i in range(rows.size):
        for p in range(indptr[rows[i]], indptr[rows[i] + 1]):
            centroids[terms[p], labels[i]] += np.float32(weights[p])
    lengths = np.zeros(centroids.shape[1], np.float32)
    for term in range(centroids.shape[0]):
        for cluster in range(lengths.size):
            lengths[cluster] += centroids[term, cluster] * centroids[term, cluster]
    for cluster in range(lengths.size):
        lengths[cluster] = np.float32(1) / np.sqrt(lengths[cluster]) if lengths[cluster] > 0 else np.float32(0)
    for term in range(centroids.shape[0]):
        for cluster in range(lengths.size):
            centroids[term, cluster] *= lengths[cluster]


@kernel
def nearest_centroids(indptr, terms, weights, rows, centroids, labels):
    """Fill labels (int64 [n]) with the centroid of the largest inner product with each document (ties: the first).

    A document's terms below a quarter of its heaviest are left out: they cost the most and decide little.
    """
    sums = np.empty(centroids.shape[1], np.float32)
    for i in range(rows.size):
        first, last = indptr[rows[i]], indptr[rows[i] + 1]
        heaviest = 0
        for p in range(first, last):
            heaviest = max(heaviest, np.int64(weights[p]))
        sums[:] = 0
        for p in range(first, last):
            if 4 * np.int64(weights[p]) >= heaviest:
                weight = np.float32(weights[p])
                column = centroids[terms[p]]
                for cluster in range(sums.size):
                    sums[cluster] += weight * column[cluster]
        labels[i] = np.argmax(sums)


@kernel
def chain(indptr, terms, weights, rows, dense, order):
    """Put `rows` into `order` so that each is followed by the most similar (by cosine) of those that are left.

    rows, order: int64 [n]; time grows with n². dense: int32 [dim], all zero, left all zero.
    """
    left = rows.copy()
    lengths = np.empty(rows.size, np.float32)
    for i in range(rows.size):
        squares = 1.0
        for p in range(indptr[rows[i]], indptr[rows[i] + 1]):
            squares += np.float64(weights[p]) * weights[p]
        lengths[i] = np.sqrt(squares)
    at, count = 0, rows.size
    for step in range(rows.size):
        row = left[at]
        order[step] = row
        count -= 1
        left[at], lengths[at] = left[count], lengths[count]
        for p in range(indptr[row], indptr[row + 1]):
            dense[terms[p]] = weights[p]
        best = np.float32(-1)
        for i in range(count):
            product = 0
            for p in range(np.uint64(indptr[left[i]]), np.uint64(indptr[left[i] + 1])):
                product += dense[terms[p]] * np.int32(weights[p])
            cosine = np.float32(product) / lengths[i]
            if cosine > best:
                best, at = cosine, i
        for p in range(indptr[row], indptr[row + 1]):
            dense[terms[p]] = 0


@kernel
def gather_documents(indptr, indices, order, out):
    """Copy the values of documents `order` (uint32) one after another into `out`, which holds just them."""
    at = 0
    for row in order:
        for p in range(indptr[row], indptr[row + 1]):
            out[at] = indices[p]
            at += 1
