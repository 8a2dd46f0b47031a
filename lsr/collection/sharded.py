"""A collection of shards, which is searched as any other, and not written to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lsr.collection.searched import SearchedCollection
from lsr.core.arguments import path_of
from lsr.core.errors import ConflictError
from lsr.core.remedies import BUILD_AGAIN

if TYPE_CHECKING:
    from lsr.index import Index
    from lsr.search.retriever import Retriever


class ShardedCollection(SearchedCollection):
    """What `Collection.open` gives for a folder of shards. It follows it: another build is seen once it is there.

    Whatever would change it raises ConflictError.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        device: str | None = None,
        retriever: Retriever | None = None,
    ) -> None:
        """Open it; see `Collection.open`."""
        from lsr.index.live.reader import CollectionReader
        from lsr.search.live import LiveRetriever

        self.path = path_of(path, "the path of a collection")
        self._reader = CollectionReader(self.path)
        self.live = LiveRetriever(self._reader.snapshot, known=retriever, device=device)
        self.device = device
        self.recovered: list[str] = []

    def __contains__(self, id: object) -> bool:
        return id in self.snapshot.documents

    @property
    def snapshot(self) -> Index:
        """The collection as it is now; it never changes."""
        return self._reader.snapshot()

    @property
    def moment(self) -> str:
        """What it is known by: another build of other documents has another."""
        shards = self.snapshot.manifest.shards
        assert shards is not None
        return shards.fingerprint

    @property
    def building(self) -> bool:
        """Whether a segment is being made now: never."""
        return False

    @property
    def written(self) -> int:
        """How many records were ever written to its log: it has none."""
        return 0

    def flush(self) -> None:
        """Wait until all that was written is on the disk: it is."""

    def wait(self) -> None:
        """Wait until segments are made and merged: they are."""

    def close(self) -> None:
        """Let others write: nobody was kept from it."""

    def _refuse(self, *given: Any, **options: Any) -> NoReturn:
        raise ConflictError(f"{self.path} is made of shards, and takes no writes", remedies=[BUILD_AGAIN])

    add = add_each = delete = update_fields = compact = reindex = go_back = forget = _refuse
