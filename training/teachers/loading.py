"""Teachers and encoders by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lsr.build.distribute.spread import Spread, in_one_process
from lsr.core.errors import ModelError
from lsr.core.places import everywhere
from lsr.encoding.catalogue import packaged_model
from lsr.encoding.shared.hub import locate
from lsr.text.lines import content_suffix
from lsr.training.teachers.bi_encoder import BiEncoderTeacher
from lsr.training.teachers.files import SUFFIXES, FileTeacher

if TYPE_CHECKING:
    from lsr.encoding.cross.encoder import CrossEncoder
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.bm25 import Bm25Encoder
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.training.teachers.cross_encoder import CrossEncoderTeacher

Kind = Literal["sparse", "dense", "cross"]


def load_teacher(
    name: str,
    *,
    bm25: Callable[[], Bm25Encoder],
    max_length: int | None = None,
    device: str | None = None,
    dtype: str = "auto",
    spread: Spread = in_one_process,
) -> BiEncoderTeacher | CrossEncoderTeacher | FileTeacher:
    """The teacher of this name.

    Args:
        name: "bm25"; a file of scores (.parquet, .jsonl, .tsv); or a packaged model, a model folder or a hub name: a
            sparse encoder, a dense encoder or a cross-encoder, as its files say.
        bm25: returns the statistics for "bm25"; not called for others.
        max_length: tokens read from a text (from query and candidate together, by a cross-encoder), unless the model's
            own limit is lower.
        device, dtype: as for `SparseEncoder.load`.
        spread: what spreads models over a cluster (`lsr.build.distribute.spread.spread_on_ray`).

    Raises ModelError for anything else.
    """
    if name == "bm25":
        return BiEncoderTeacher(bm25())
    if content_suffix(Path(name)) in SUFFIXES:
        return FileTeacher(name)
    if model_kind(name) == "cross":
        from lsr.training.teachers.cross_encoder import CrossEncoderTeacher

        teacher = CrossEncoderTeacher(_folder(name), name, max_length=max_length, device=device, dtype=dtype)
        load = partial(_load_cross, _folder(name).absolute(), name, max_length=max_length, device=device, dtype=dtype)
        teacher.encoder = spread(teacher.encoder, load)
        return teacher
    options: dict[str, Any] = {"max_length": max_length, "device": device, "dtype": dtype}
    return BiEncoderTeacher(
        spread(load_encoder(name, **options), partial(load_encoder, everywhere(name), **options)), name
    )


def _load_cross(folder: Path, name: str, **options: Any) -> CrossEncoder:
    from lsr.encoding.cross.encoder import CrossEncoder

    return CrossEncoder(name, folder, **options)


def load_encoder(
    name: str, *, max_length: int | None = None, device: str | None = None, dtype: str = "auto"
) -> SparseEncoder | DenseEncoder:
    """The sparse or dense encoder of this name; arguments as for `load_teacher`. ModelError if it is neither."""
    kind = model_kind(name)
    if kind == "cross":
        raise ModelError(f"{name} is a cross-encoder, which makes no vectors")
    if kind == "sparse":
        from lsr.encoding.sparse.encoder import SparseEncoder

        return SparseEncoder.load(name, max_length=max_length, device=device, dtype=dtype)
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.dense.layout import read_dense_layout

    if max_length is not None:
        max_length = min(max_length, read_dense_layout(_folder(name)).max_length)
    return DenseEncoder.load(name, max_length=max_length, device=device, dtype=dtype)


def model_kind(name: str) -> Kind:
    """The kind of a model, by its files; "sparse" if nothing shows another kind, which the loader then checks."""
    folder = _folder(name)
    architectures = _read(folder / "config.json", {}).get("architectures") or [""]
    if architectures[0].endswith("ForSequenceClassification"):
        return "cross"
    modules = _read(folder / "modules.json", [])
    return "dense" if any(str(module.get("type")).endswith(".Pooling") for module in modules) else "sparse"


def _folder(name: str) -> Path:
    packaged = packaged_model(name)
    if packaged is not None and packaged.kind == "decoder":
        raise ModelError(f"{name!r} is a decoder: it cannot score texts until a sparse encoder is trained from it")
    return locate(name)[1]


def _read(path: Path, default: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default
