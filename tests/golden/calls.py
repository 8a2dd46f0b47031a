"""What each golden index was asked: the part of make_golden.py that says so."""

from __future__ import annotations

from typing import Any

Calls = list[dict[str, Any]]
SPARSE: Calls = [
    {"by": "index"},
    {"by": "index", "mode": "exact", "k": 3},
    {"by": "index", "mode": "exhaustive", "k": 30},
    {"by": "index", "mode": "approximate"},
    {"by": "index", "mode": "approximate", "cut": 0.3, "max_blocks": 5},
    {"by": "index", "mode": "approximate", "heap_factor": 0.8, "k": 5},
    {"by": "index", "mode": "exact", "allow": 3},
    {"by": "index", "mode": "exact", "allow": 60},
    {"by": "index", "mode": "approximate", "allow": 2},
    {"by": "batch", "k": 7},
]
BLOCKS: Calls = [
    {"by": "index", "mode": "seismic"},
    {"by": "index", "mode": "seismic", "query_cut": 4, "heap_factor": 0.7},
    {"by": "index", "mode": "seismic", "allow": 3},
    {"by": "index", "mode": "bmp"},
    {"by": "index", "mode": "bmp", "alpha": 0.7, "beta": 0.5},
    {"by": "index", "mode": "bmp", "allow": 3},
]
RETRIEVER: Calls = [
    {"by": "retriever", "k": 3, "explain": True},
    {"by": "retriever", "mode": "exhaustive", "allow": 3},
    {"by": "retriever", "feedback": "rocchio"},
    {"by": "retriever", "feedback": "rm3", "feedback_documents": 5, "feedback_terms": 20, "feedback_query_weight": 0.3},
]
VECTOR: Calls = [{"by": "vector", "k": 3, "explain": True}]
HYBRID: Calls = [
    {"by": "retriever", "mode": "hybrid"},
    {"by": "retriever", "mode": "hybrid", "k": 5, "explain": True, "dense_weight": 0.4},
    {"by": "retriever", "mode": "hybrid", "fusion": "tmm", "completion": "exact", "k": 5},
    {"by": "retriever", "mode": "hybrid", "fusion": "min_max", "completion": "none", "depth": 20},
    {"by": "retriever", "mode": "hybrid", "fusion": "z_score", "depth": 30, "exact": False},
    {"by": "retriever", "mode": "hybrid", "fusion": "none", "dense_weight": 0.9},
    {"by": "retriever", "mode": "hybrid", "fusion": "rrf", "rank_constant": 20},
    {"by": "retriever", "mode": "hybrid", "allow": 3, "sparse_mode": "exhaustive"},
    {"by": "retriever", "mode": "sparse-first", "depth": 15},
    {"by": "retriever", "mode": "dense"},
    {"by": "retriever", "mode": "dense", "allow": 2, "dense_mode": "exact"},
    {"by": "retriever", "mode": "hybrid", "feedback": "rocchio", "exact": False},
    {"by": "retriever", "mode": "hybrid", "feedback": "rm3", "feedback_vectors": "sparse", "interpolate": "before"},
    {"by": "retriever", "mode": "hybrid", "feedback": "rm3", "interpolate": "both", "exact": False},
    {"by": "retriever", "mode": "dense", "feedback": "rocchio", "exact": False},
]
LATE: Calls = [{"by": "late"}]
TEXT: Calls = [{"by": "text", "k": 5, "exact": False}]
RERANK: Calls = [
    {"by": "text", "k": 5, "rerank": "late", "exact": False},
    {"by": "text", "mode": "hybrid", "k": 5, "rerank": "late", "rerank_depth": 8, "rerank_weight": 0.5, "exact": False},
    {"by": "text", "k": 5, "rerank": "lsr-golden/cross", "rerank_depth": 10, "exact": False},
]
APPROXIMATE_DENSE: Calls = [
    {"by": "retriever", "mode": "dense", "dense_mode": "approximate", "exact": False},
    {"by": "retriever", "mode": "dense", "dense_mode": "exact", "exact": False},
    {"by": "retriever", "mode": "hybrid", "dense_mode": "approximate", "exact": False},
]
TUNED: Calls = [
    {"by": "index", "recall": 0.8},
    {"by": "index", "recall": 1.0, "k": 5},
    {"by": "index", "recall": 0.6, "k": 20},
    {"by": "retriever", "recall": 0.8},
    {"by": "retriever", "mode": "hybrid"},
    {"by": "retriever", "mode": "hybrid", "fusion": "rrf"},
]
WINDOWS: Calls = [*SPARSE[:4], SPARSE[6], *RETRIEVER]
# What is asked of indexes that hold words. The answers are sums of logarithms, which need not be equal to the bit.
TYPED = [
    "which documents does getusername index?",
    "jsontokenizer of FrameBuffer.cpp",
    "ora00942 at 10.20.0.7",
    "python 3.11 and http2, c++",
    "nguyen, obrien, lukasik, sorensen, loreal",
    "10000 email of the US, covid 19",
    "京都 茶屋",
    "서울 시장",
    "an automobile",
    "tyre of a motor car",
    "zzz qqq",
]
WORDS: Calls = [
    {"by": "text", "k": 3, "exact": False},
    {"by": "text", "k": 1, "explain": True, "exact": False},
    {"by": "text", "mode": "exhaustive", "k": 5, "exact": False},
    {"by": "text", "k": 5, "allow": 3, "exact": False},
]
BESIDE: Calls = [
    {"by": "text", "k": 5, "lexical_weight": 0.0, "exact": False},
    {"by": "text", "k": 1, "lexical_weight": 4.0, "explain": True, "exact": False},
]
INDEXES: dict[str, Calls] = {
    "plain": [*SPARSE, *RETRIEVER, *VECTOR, *TEXT],
    "blocks": [*SPARSE[:4], *BLOCKS],
    "bits-16": [*SPARSE, *VECTOR],
    "doc": [*SPARSE[:4], *RETRIEVER[:1], *TEXT],
    "vectors": [*SPARSE],
    "windows-max": [*WINDOWS, *TEXT],
    "windows-sum": [*WINDOWS, *HYBRID[:1], *HYBRID[3:7], *HYBRID[9:12], *LATE],
    "pruned": [*SPARSE[:4], *BLOCKS, *VECTOR],
    "hybrid": [*SPARSE[:3], *HYBRID, *LATE, *TEXT, *RERANK],
    "dense-hnsw": APPROXIMATE_DENSE,
    "dense-sq8": APPROXIMATE_DENSE,
    "tuned": TUNED,
    "early": [*SPARSE[:4], *APPROXIMATE_DENSE, *TEXT],
}
SIDES = {"doc": "doc", "vectors": "bm25", "bm25": "bm25"}
# Added later, each by the commit that has it first: an index is made where there is none, and asked what is TYPED.
NEW: dict[str, Calls] = {
    "words": [*WORDS, *BESIDE, SPARSE[1], SPARSE[6]],
    "bm25": WORDS,
}
