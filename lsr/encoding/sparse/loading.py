"""Load what computes the vectors of a side: a transformer, a small BERT in numpy, or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsr.encoding.sparse.spec import ModelSpec, Spec, TableSpec

if TYPE_CHECKING:
    from lsr.encoding.sparse.light import LightTower
    from lsr.encoding.sparse.static import StaticTower
    from lsr.encoding.sparse.transformer import TransformerTower

    Tower = LightTower | StaticTower | TransformerTower


def shared_tower(document: Tower | None, spec: ModelSpec) -> Tower | None:
    """The query side, on the document side's model if that is the same."""
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
        spec, max_length=max_length, overlap=overlap, special_tokens=special_tokens, device=device, dtype=dtype
    )
