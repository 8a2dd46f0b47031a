"""Token vectors for an index: encode its documents' texts, resumably, and add the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsr.build.dense import encoding_work, stored_texts
from lsr.core.errors import OutputExistsError
from lsr.core.progress import Stages, silent
from lsr.core.remedies import REPLACE

if TYPE_CHECKING:
    from lsr.encoding.late.encoder import TokenEncoder
    from lsr.index import Index


def add_token_vectors(
    index: Index,
    encoder: TokenEncoder,
    *,
    bits: int = 8,
    force: bool = False,
    restart: bool = False,
    stages: Stages = silent,
) -> Index:
    """Encode the stored texts of an index as token vectors, publish them with it and return it, reopened.

    Numbers take `bits` each, 8 or 4; `force` replaces existing token vectors. The encoding is kept in `PATH.late/`
    until it is published: after an interruption, the same call resumes it; `restart` begins again.

    Raises OutputExistsError, and InputError for an index whose documents have no texts.
    """
    from lsr.index import Index, LateWriter
    from lsr.index.parts.adding import PartWriter
    from lsr.index.parts.late.record import FILE_NAMES, NAME

    if NAME in index.parts and not force:
        raise OutputExistsError(f"{index.path} has a {NAME} part already", remedies=[REPLACE])
    with encoding_work(index, NAME, {**encoder.settings(), "bits": bits}, restart=restart) as work:
        with (
            LateWriter(work.folder, encoder.dim, bits) as writer,
            stages("encoding token vectors", len(index), "documents") as progress,
        ):
            progress(writer.documents)
            texts = stored_texts(index, writer.documents)
            for indptr, vectors in encoder.stream_documents(texts, progress=progress):
                writer.append(indptr, vectors)
                work.begun = True
            record = writer.finish(encoder.settings())
        with PartWriter(index.path, index.manifest.segment, NAME, force=force) as part:
            for name in FILE_NAMES:
                (work.folder / name).rename(part.folder / name)
            part.publish(record.to_record())
    return Index.open(index.path)
