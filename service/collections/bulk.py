"""Many documents of one request: read, written batch by batch, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any

import orjson

from lsr.collection.collection import Collection
from lsr.collection.outcomes import Outcome
from lsr.service.http.splitting import Piece
from lsr.text.records import parse_object

# Results beyond that are kept on the disk until the answer can be sent.
_IN_MEMORY, _CHUNK = 1 << 20, 1 << 16


class BulkResults:
    """What became of the documents of one request, in their order; an answer, once all are in.

    A client may send its whole body before it reads anything: so nothing is sent before.

    Attributes:
        counts: of outcomes, by their status.
        objects: how many of the documents were objects of JSON, whatever is in them.
        first_problem: why the first that was refused was.
    """

    def __init__(self) -> None:
        self.counts = {"created": 0, "replaced": 0, "error": 0}
        self.objects = 0
        self.first_problem = ""
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._file.write(b'{"results":[')

    @property
    def written(self) -> int:
        """How many documents were written."""
        return self.counts["created"] + self.counts["replaced"]

    @property
    def size(self) -> int:
        """Bytes of the answer so far: of a line of a byte, a hundred."""
        return self._file.tell()

    def write(self, collection: Collection, pieces: Sequence[Piece]) -> None:
        """Write the documents of some pieces, and wait until they are safe."""
        read = [_parsed(piece) for piece in pieces]
        self.objects += sum(isinstance(each, dict) for each in read)
        outcomes = collection.add_each([each for each in read if isinstance(each, dict)])
        for piece, each in zip(pieces, read, strict=True):
            self._add(piece, next(outcomes) if isinstance(each, dict) else Outcome("", "error", each))

    def _add(self, piece: Piece, outcome: Outcome) -> None:
        result: dict[str, Any] = {"id": outcome.id, "status": outcome.status}
        if outcome.status == "error":
            result |= {"error": outcome.error, "line": piece.line}
            self.first_problem = self.first_problem or f"{piece.line}: {outcome.error}"
        separator = b"," if any(self.counts.values()) else b""
        self.counts[outcome.status] += 1
        self._file.write(separator + orjson.dumps(result))

    def finish(self) -> int:
        """End the answer; how many bytes it has."""
        counts = {
            "created": self.counts["created"],
            "replaced": self.counts["replaced"],
            "errors": self.counts["error"],
        }
        self._file.write(b"]," + orjson.dumps(counts)[1:])
        return self.size

    def chunks(self) -> Iterator[bytes]:
        """The answer, in pieces."""
        self._file.seek(0)
        with self._file as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def close(self) -> None:
        """Remove what is kept."""
        self._file.close()


def _parsed(piece: Piece) -> dict[str, Any] | str:
    """The document of a piece, or why it cannot be read."""
    if piece.problem:
        return piece.problem
    try:
        return parse_object(piece.text)
    except ValueError as error:
        return str(error)
