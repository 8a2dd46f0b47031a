"""Figures of a collection: what it is made of, how long its documents are, how heavy their terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsr.index import Index

# Documents that are looked at, bars of a histogram, and terms that are named.
_SAMPLED, _BARS, _TERMS = 1000, 16, 20


def figures(index: Index, *, writing: bool) -> dict[str, Any]:
    """See `lsr.service.schemas.figures.StatsAnswer`."""
    said = index.describe()
    segments = said.get("segments") or []
    on_disk = sum(each["documents"] for each in segments) if "segments" in said else len(index)
    return {
        "documents": len(index.documents),
        "deleted": said.get("deleted", 0),
        "in_memory": len(index) - on_disk,
        "segments": segments,
        "bytes": said["bytes"],
        "writing": writing,
        **_sampled(index),
        "frequent_terms": _frequent(index),
    }


def _sampled(index: Index) -> dict[str, Any]:
    """Histograms of some documents, and how many of their weights are stored as the heaviest."""
    alive = index.documents.alive
    rows = np.arange(len(index)) if alive is None else np.flatnonzero(np.unpackbits(alive, bitorder="little"))
    rows = rows[np.linspace(0, len(rows) - 1, min(_SAMPLED, len(rows)), dtype=np.int64)] if len(rows) else rows
    weights = [index.vector(row)[1] for row in rows.tolist()]
    lengths = np.array([len(each) for each in weights])
    every = np.concatenate(weights) if weights else np.zeros(0, np.float32)
    heaviest = np.float32(index.manifest.weight_scale) * 255
    return {
        "sampled": len(rows),
        "lengths": _histogram(lengths),
        "weights": _histogram(every),
        "saturated": round(float(np.mean(every >= heaviest)), 6) if len(every) else 0.0,
    }


def _histogram(values: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    if not len(values):
        return []
    counts, edges = np.histogram(values, bins=_BARS, range=(0, float(values.max()) or 1.0))
    return [
        {"low": round(float(low), 4), "count": count} for low, count in zip(edges[:-1], counts.tolist(), strict=True)
    ]


def _frequent(index: Index) -> list[dict[str, Any]]:
    """The terms that are in the most documents."""
    if "terms" not in index.parts:
        return []
    counts = index.parts["terms"].of(np.arange(index.dim))
    order = np.argsort(-counts, kind="stable")[:_TERMS]
    names = index.vocabulary
    return [
        {"term": names.term(term) if names is not None else str(term), "documents": int(counts[term])}
        for term in order.tolist()
        if counts[term]
    ]
