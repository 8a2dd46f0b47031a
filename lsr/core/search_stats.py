"""What a search says of its work."""

from __future__ import annotations

from typing import NamedTuple


class SearchStats(NamedTuple):
    """How a search was run, and how much work it did.

    Attributes:
        mode: the engine, by its name.
        postings: postings added to the blocks' bounds.
        frequent_cells: cells of frequent terms' rows added to them.
        blocks: blocks whose bound or summary was computed.
        blocks_skipped: of these, blocks that it ruled out.
        documents_scored: documents scored in full from the forward index.
        direct: whether the filter allowed so few documents that only these were scored.
    """

    mode: str
    postings: int = 0
    frequent_cells: int = 0
    blocks: int = 0
    blocks_skipped: int = 0
    documents_scored: int = 0
    direct: bool = False


class DenseStats(NamedTuple):
    """What a dense search did.

    Attributes:
        mode: "exact" or "approximate".
        kind: what was read: "flat", or the kind of faiss's structure.
        scored: vectors scored exactly, at least.
        direct: whether the filter allowed so few documents that only these were scored.
    """

    mode: str
    kind: str
    scored: int
    direct: bool = False
