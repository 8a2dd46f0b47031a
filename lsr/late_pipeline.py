"""Token vectors for an index: encode its documents' texts and add what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsr.dense_pipeline import stored_texts
from lsr.stages import Stages, silent

if TYPE_CHECKING:
    from lsr.encoding.token_vectors import TokenEncoder
    from lsr.index import Index


def add_token_vectors(
    index: Index, encoder: TokenEncoder, *, bits: int = 8, force: bool = False, stages: Stages = silent
) -> Index:
    """Encode the stored texts of an index as token vectors, publish them with it and return it, opened anew.

    `bits` of a number, 8 or 4; `force` replaces token vectors that are there. An interrupted run leaves nothing.

    Raises OutputExistsError, and InputError for an index whose documents have no texts.
    """
    from lsr.index import Index, LateWriter
    from lsr.index.late.record import NAME
    from lsr.index.parts import PartWriter

    with PartWriter(index.path, index.manifest.segment, NAME, force=force) as part:
        with (
            LateWriter(part.folder, encoder.dim, bits) as writer,
            stages("encoding token vectors", len(index), "documents") as progress,
        ):
            for indptr, vectors in encoder.stream_documents(stored_texts(index), progress=progress):
                writer.append(indptr, vectors)
            record = writer.finish(encoder.settings())
        part.publish(record.to_json())
    return Index.open(index.path)
