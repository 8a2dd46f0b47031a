"""Token vectors for an index: encode its documents' texts, resumably, and add the result."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.build.dense import encoding_work, has_part, stored_texts
from lsr.core.progress import Stages, silent

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

    if has_part(index, NAME, force):
        return index
    with encoding_work(index, NAME, {**encoder.settings(), "bits": bits}, restart=restart) as work:
        _take_back(index, work.folder, NAME, FILE_NAMES)
        with (
            LateWriter(work.folder, encoder.dim, bits) as writer,
            stages("encoding token vectors", len(index), "documents") as progress,
        ):
            progress(writer.documents)
            texts = stored_texts(index, writer.documents)
            for indptr, vectors in encoder.stream_documents(texts, progress=progress):
                work.begun = True  # before the first is there: what is stopped right after keeps it
                writer.append(indptr, vectors)
            record = writer.finish(encoder.settings())
        with PartWriter(index.path, index.segments[0].record.name, NAME, force=force) as part:
            for name in FILE_NAMES:
                (work.folder / name).rename(part.folder / name)
            part.publish(record.to_record())
    return Index.open(index.path)


def _take_back(index: Index, work: Path, part: str, names: Iterable[str]) -> None:
    """Move files back that a killed run had moved into a part that it did not come to publish."""
    (segment,) = index.manifest.segments
    added = segment.parts.get(part)
    for folder in (index.path / segment.name).glob(f"{part}-*"):
        if added is None or folder.name != added.folder:
            for name in names:
                if (folder / name).is_file() and not (work / name).exists():
                    (folder / name).rename(work / name)
