"""Load what computes the vectors of a side: a transformer, a small BERT in numpy, or a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.core.arguments import count
from lsr.core.errors import ModelError
from lsr.encoding.catalogue import DEFAULT_MODEL, packaged_model
from lsr.encoding.shared.device import check_device
from lsr.encoding.shared.folder import LENGTH_CAP, fingerprint, tokenizer_files
from lsr.encoding.shared.hub import locate
from lsr.encoding.shared.tokens import TextTokenizer
from lsr.encoding.sparse.layout import head_width
from lsr.encoding.sparse.spec import ModelSpec, Spec, TableSpec

if TYPE_CHECKING:
    from lsr.encoding.sparse.light import LightTower
    from lsr.encoding.sparse.static import StaticTower
    from lsr.encoding.sparse.transformer import TransformerTower

    Tower = LightTower | StaticTower | TransformerTower


def find_sparse(name_or_path: str | Path) -> tuple[str, Path]:
    """The name to record of a sparse model and the folder to read. ModelError for a packaged one of another kind."""
    model = packaged_model(str(name_or_path))
    if model is not None and model.kind != "sparse":
        reason = {
            "dense": "it gives dense vectors and has no masked-LM head",
            "decoder": "it is a decoder; a sparse encoder has to be trained from it first",
        }[model.kind]
        raise ModelError(f"{model.name!r} is not a sparse encoder: {reason}. The default is {DEFAULT_MODEL!r}")
    return locate(name_or_path)


def load_towers(
    spec: ModelSpec,
    *,
    max_length: int | None,
    device: str | None,
    dtype: str,
    queries_only: bool,
    light: bool,
    special_tokens: bool,
    overlap: int | None,
    threads: int | None,
) -> tuple[Tower | None, Tower]:
    """The towers of documents, unless only queries are wanted, and of queries; arguments as of `SparseEncoder.load`."""
    check_device(device)
    if device not in (None, "auto", "cpu"):
        from lsr.encoding.shared.placement import choose_device

        choose_device(device)  # asked for by name, it should be there, even if only a table is looked up
    if max_length is not None:
        count(max_length, "max_length")
    _check_vocabularies(spec.document.folder, spec.query.folder)
    options: dict[str, Any] = {
        "max_length": max_length,
        "device": device,
        "dtype": dtype,
        "special_tokens": special_tokens,
        "threads": threads,
    }
    if overlap is not None:
        overlap = count(overlap, "window_overlap", least=0)
    document = None if queries_only else load_tower(spec.document, overlap=overlap, **options)
    if (query := _shared_tower(document, spec)) is None:
        width = document.dim if document is not None else head_width(spec.document)
        if max_length is not None and not spec.one_model:
            options["max_length"] = min(max_length, spec.query.max_length)
        query = load_tower(spec.query, dim=width, light=light and queries_only, **options)
    return document, query


def _check_vocabularies(document: Path, query: Path) -> None:
    """ModelError if the tokenizers of the two sides number their tokens differently: a term would be two words."""
    if document == query or fingerprint(tokenizer_files(document)) == fingerprint(tokenizer_files(query)):
        return
    names = {id: token for token, id in TextTokenizer(document, max_length=LENGTH_CAP).token_ids().items()}
    tokens = TextTokenizer(query, max_length=LENGTH_CAP).token_ids()
    other = [(id, token) for token, id in tokens.items() if names.get(id, token) != token]
    if other:
        id, token = min(other)
        raise ModelError(
            f"the tokenizers in {document} and {query} number their tokens differently ({len(other):,} of them): "
            f"{id} is {names[id]!r} in one and {token!r} in the other"
        )


def _shared_tower(document: Tower | None, spec: ModelSpec) -> Tower | None:
    """The query side on the document side's model, where that is the same."""
    if document is None or isinstance(spec.query, TableSpec) or not spec.one_model:
        return None
    from lsr.encoding.sparse.transformer import TransformerTower

    return document.share(spec.query) if isinstance(document, TransformerTower) else None


def load_tower(
    spec: Spec,
    *,
    max_length: int | None,
    device: str | None,
    dtype: str,
    special_tokens: bool,
    threads: int | None = None,
    overlap: int | None = None,
    dim: int | None = None,
    light: bool = False,
) -> Tower:
    """Load the tower of a side strictly; for other arguments see `SparseEncoder.load`.

    Args:
        overlap: the overlap of windows; None cuts texts.
        dim: the number of terms of the other side, for a table.
        light: run a small BERT in numpy.
    """
    if isinstance(spec, TableSpec):
        from lsr.encoding.sparse.static import StaticTower

        return StaticTower(spec, dim=dim, max_length=max_length)
    if light:
        from lsr.encoding.sparse.light import light_tower

        tower = light_tower(spec, max_length=max_length, special_tokens=special_tokens, device=device, dtype=dtype)
        if tower is not None:
            return tower
    from lsr.encoding.sparse.transformer import TransformerTower

    return TransformerTower(
        spec,
        max_length=max_length,
        overlap=overlap,
        special_tokens=special_tokens,
        device=device,
        dtype=dtype,
        threads=threads,
    )
