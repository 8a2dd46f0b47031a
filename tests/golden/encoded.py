"""What golden encoders, vector files and training sets hold, in the form of their answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faces
import numpy as np

TEXTS = [
    "An index is searched by its blocks; a filter is looked at before a document is scored.",
    "",
    "vectors vectors vectors of documents",
    "Zweifelsohne unbekannte Wörter",
    "the model and the encoder read the text of a document, then the terms of the index " * 4,
]


def sparse(vectors: Any) -> list[dict[str, float]]:
    """Each row as {term id: weight}."""
    rows = [vectors.row(row) for row in range(len(vectors))]
    return [dict(zip(map(str, terms.tolist()), rounded(weights), strict=True)) for terms, weights in rows]


def rounded(values: np.ndarray) -> Any:
    """Lists of numbers with seven digits, as many as encoders on different processors can be held to."""
    if values.ndim > 1:
        return [rounded(row) for row in values]
    return [float(f"{value:.7g}") for value in values.tolist()]


def encode(name: str, path: Path) -> dict[str, Any]:
    """What an encoder says of itself, and gives for TEXTS."""
    if name == "bm25":
        documents = list(faces.open_corpus(path))
        bm25 = faces.Bm25Encoder.fit([document.contents for document in documents])
        return {
            "settings": bm25.settings(),
            "documents": sparse(bm25.encode_documents(TEXTS)),
            "queries": sparse(bm25.encode_queries(TEXTS)),
        }
    if name == "cross":
        cross = faces.CrossEncoder.load(path, dtype="float32")
        return {"scores": rounded(cross.score(TEXTS[0], TEXTS))}
    if name == "dense":
        dense = faces.DenseEncoder.load(path, dtype="float32")
        return {
            "settings": nameless(dense.settings()),
            "documents": rounded(dense.encode_documents(TEXTS)),
            "queries": rounded(dense.encode_queries(TEXTS)),
        }
    if name == "late":
        tokens = faces.TokenEncoder.load(path, dtype="float32")
        documents = [[indptr.tolist(), rounded(part)] for indptr, part in tokens.stream_documents(TEXTS)]
        return {
            "settings": nameless(tokens.settings()),
            "documents": documents,
            "queries": [rounded(vectors) for vectors in tokens.encode_queries(TEXTS)],
        }
    encoder = faces.SparseEncoder.load(path, dtype="float32")
    return {
        "settings": nameless(encoder.settings()),
        "inference_free": encoder.inference_free,
        "documents": sparse(encoder.encode_documents(TEXTS)),
        "queries": sparse(encoder.encode_queries(TEXTS)),
        "heaviest": [term for term, _ in encoder.decode(encoder.encode_queries(TEXTS[:1]), top_k=3)[0]],
    }


def nameless(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without where the model lies."""
    return json.loads(json.dumps({name: value for name, value in settings.items() if name != "model"}))


def describe_file(path: Path) -> dict[str, Any]:
    """Rows, terms and a digest of all that a vector file holds."""
    vocabulary = faces.read_vocabulary(path)
    parts = list(faces.iter_vectors(path, vocabulary=vocabulary))
    vectors = faces.SparseVectors.concatenate(parts)
    return {
        "ids": faces.digest(*vectors.ids),
        "rows": len(vectors),
        "dim": vectors.dim,
        "nnz": int(vectors.nnz),
        "scale": faces.recorded_scale(path),
        "vocabulary": None if vocabulary is None else faces.digest(*vocabulary),
        "vectors": faces.digest(
            vectors.indptr.astype(np.int64), vectors.indices.astype(np.uint32), vectors.weights.astype(np.float32)
        ),
        "first": [part.tolist() for part in vectors.row(0)],
    }


def describe_set(path: Path) -> dict[str, Any]:
    """All that a training set holds."""
    opened = faces.TrainingSet.open(path)
    return {
        "about": opened.about,
        "scored": opened.scored,
        "texts": [[opened.texts.id(row), opened.texts[row]] for row in range(len(opened.texts))],
        "examples": [
            [example.query_id, example.query, example.positives, example.negatives, example.scores]
            for example in opened
        ],
    }
