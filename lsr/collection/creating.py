"""Making an empty collection, for a model."""

from __future__ import annotations

import pydoc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.arguments import path_of
from lsr.core.errors import InputError
from lsr.core.options import beneath
from lsr.core.schema import Schema
from lsr.core.unfinished import is_unfinished
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.analysis import ANALYSIS
from lsr.encoding.lexical.settings import RECORD, WORDS_ALONE, LexicalRecord, LexicalSettings
from lsr.encoding.titles import check_title_weight, recorded
from lsr.index.collection.create import check_place, create_collection
from lsr.index.format.manifest import index_identity
from lsr.index.format.output import check_apart
from lsr.index.format.records import SCALES
from lsr.index.format.settings import IndexSettings
from lsr.text.windows import fitting_windows

# A weight of 255 stands for so many times the heaviest that the texts below have: others may have heavier ones.
_ROOM = 1.25
# Beyond, BM25 gives words of documents that there are no weight, or all of them one.
MEAN_LENGTHS = (1e-3, 1e12)
MEAN_LENGTH = 100.0
# Of Python, which every installation has: prose about different things.
_MODULES = (
    *("argparse", "asyncio", "calendar", "collections", "csv", "datetime", "decimal", "email", "fractions", "http"),
    *("itertools", "json", "logging", "math", "os", "pathlib", "random", "re", "sqlite3", "statistics", "string"),
    *("subprocess", "threading", "typing", "unittest", "urllib.parse", "zipfile"),
)


def create(
    path: str | Path,
    *,
    model: str | None,
    dense: str | None,
    lexical: bool,
    lexical_weight: float | None,
    language: str,
    never_split: Sequence[str],
    title_weight: float,
    mean_length: float,
    weight_scale: float | None,
    schema: Mapping[str, str] | None,
    device: str | None,
) -> None:
    """See `lsr.collection.collection.Collection.create`. What this same command made before it was killed stays."""
    path = path_of(path, "the path of a collection")
    check_apart(path)
    if is_unfinished(path, index_identity):
        return
    check_place(path)  # before a model is loaded
    check_between(mean_length, MEAN_LENGTHS, "mean_length")
    plain = LexicalSettings()
    weight = plain.weight if lexical_weight is None else lexical_weight
    settings = LexicalSettings(language=language, weight=weight, never_split=tuple(never_split))
    if model == WORDS_ALONE:
        if not lexical or lexical_weight is not None:
            why = f"is of words beside a model's terms: with {WORDS_ALONE}, words are all that there is"
            raise InputError(why, field="lexical_weight" if lexical else "lexical")
        settings = replace(settings, weight=1.0)
    if not lexical:
        given = {"lexical_weight": lexical_weight is not None, "mean_length": mean_length != MEAN_LENGTH}
        given |= {"language": language != plain.language, "never_split": bool(never_split)}
        for field in filter(given.__getitem__, given):
            raise InputError("is of words, which are left out here", field=field)
    made = settings_of_model(
        model,
        words=LexicalRecord(settings=settings, mean_length=mean_length, analysis=ANALYSIS) if lexical else None,
        title_weight=check_title_weight(title_weight),
        weight_scale=weight_scale,
        device=device,
    )
    with beneath("schema"):
        types = None if schema is None else Schema.of(schema).to_record()
    create_collection(path, dense=None if dense is None else dense_record(dense, device), schema=types, **made)


def settings_of_model(
    model: str | None,
    *,
    words: LexicalRecord | None,
    title_weight: float = 0.0,
    weight_scale: float | None,
    device: str | None,
) -> dict[str, Any]:
    """What `lsr.index.collection.create.create_collection` is told of a model, and of words beside it.

    ModelError for a model that there is not.
    """
    if weight_scale is not None:
        check_between(weight_scale, SCALES, "weight_scale")
    if model == WORDS_ALONE:
        assert words is not None
        return {
            "terms": 0,
            # Words weigh less than 1, whatever the text; a power of two, as 24 bits ask for.
            "weight_scale": float(weight_scale or 2.0**-7),
            "encoder": {
                "model": WORDS_ALONE,
                "dim": 0,
                "top_k": None,
                **recorded(title_weight),
                RECORD: words.to_record(),
            },
            "settings": IndexSettings(weight_bits=24),
        }
    from lsr.encoding.sparse.encoder import SparseEncoder

    encoder = SparseEncoder.load(model or DEFAULT_MODEL, device=device)
    texts = [] if weight_scale is not None else sample_texts()
    heaviest_of_all = heaviest(encoder.encode_documents(texts).weights, words=words is not None)
    scale = weight_scale or heaviest_of_all * (1 + title_weight) * _ROOM / 255
    return {
        "terms": encoder.dim,
        "weight_scale": float(scale),
        "encoder": {
            **encoder.settings(),
            "top_k": None,
            **recorded(title_weight),
            **({} if words is None else {RECORD: words.to_record()}),
        },
        "settings": IndexSettings(),
        "tokens": encoder.inference_free,
        "windows": fitting_windows(encoder.max_length).to_record(),
        "vocabulary": encoder.vocabulary,
    }


def check_between(value: float, bounds: tuple[float, float], field: str) -> None:
    """InputError for a number outside of the bounds, which are within."""
    least, most = bounds
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= value <= most:
        raise InputError(f"must be a number from {least:g} to {most:g}, not {value}", field=field)


def sample_texts() -> list[str]:
    """Some texts that come with Python."""
    texts = []
    for name in _MODULES:
        found = pydoc.locate(name)
        text = (getattr(found, "__doc__", None) or "").strip()
        if text:
            texts.append(text)
    return texts


def heaviest(weights: Sequence[float] | np.ndarray[Any, Any], *, words: bool) -> float:
    """The heaviest of these weights and, where there are words, of what a word can weigh."""
    found = float(np.max(weights, initial=0.0))
    return max(found, 1.0) if words else found or 1.0


def dense_record(model: str, device: str | None) -> dict[str, Any]:
    """What a collection is told of a dense model: the JSON values of a `DenseRecord`."""
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.index.parts.dense.record import DenseRecord

    encoder = DenseEncoder.load(model, device=device)
    record = DenseRecord(
        dim=encoder.dim,
        full_dim=encoder.dim,
        similarity=encoder.similarity,
        kind="flat",
        encoder=encoder.settings(),
    )
    return record.to_record()
