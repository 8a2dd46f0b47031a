"""Making a collection: an empty one, or of an index that was built."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lsr.core.arguments import path_of
from lsr.core.errors import ConflictError, IndexFormatError, OutputExistsError
from lsr.core.files import naming
from lsr.core.obstacles import check_way, kind, make_folder
from lsr.core.remedies import BUILD_AGAIN, create_empty
from lsr.core.vocabulary import Vocabulary
from lsr.index.format.live_record import LiveRecord
from lsr.index.format.manifest import MANIFEST_NAME, Manifest
from lsr.index.format.output import WRITER_LOCK, is_vacant
from lsr.index.format.settings import IndexSettings
from lsr.index.live.lock import WriterLock
from lsr.index.live.log.frames import HEADER_BYTES, log_numbers, log_path
from lsr.index.live.log.writer import LogWriter
from lsr.index.live.vocabulary import is_vocabulary, store_vocabulary
from lsr.index.parts.segment import Segment


def create_collection(
    path: str | Path,
    *,
    terms: int,
    weight_scale: float,
    encoder: dict[str, Any] | None = None,
    settings: IndexSettings | None = None,
    tokens: bool = False,
    windows: dict[str, Any] | None = None,
    dense: dict[str, Any] | None = None,
    vocabulary: Vocabulary | None = None,
    schema: dict[str, Any] | None = None,
) -> None:
    """Make an empty collection in a new or empty folder.

    Args:
        path: the folder.
        terms: number of terms of the model.
        weight_scale: a stored weight q (1 to 255) stands for q * weight_scale, as long as the collection lives: heavier
            weights are stored as the heaviest that there is.
        encoder: the encoder's own description, as JSON values.
        settings: of its segments.
        tokens: whether the tokens of texts are counted.
        windows: how documents are cut, as JSON values of `lsr.text.windows.WindowSettings`; None if they are not.
        dense: what `lsr.index.parts.dense.record.DenseRecord` says of dense vectors, as JSON values; None for none.
        vocabulary: names of the model's terms; None if they have none.
        schema: the types of fields; None if they are inferred.

    OutputExistsError as `check_place` has it.
    """
    path = path_of(path, "the path of a collection")
    check_place(path)
    make_folder(path)
    with naming(path), WriterLock(path):
        check_place(path)  # another process may have made one there meanwhile
        live = LiveRecord(
            identity=secrets.token_hex(16),
            log=1,
            sequence=0,
            terms=terms,
            settings=settings or IndexSettings(),
            tokens=tokens,
            windows=windows,
            dense=dense,
            vocabulary=None if vocabulary is None else store_vocabulary(path, vocabulary),
            schema=schema,
        )
        # By which versions of a collection are told apart.
        created = datetime.now(UTC).isoformat()
        _begin(path, Manifest(segments=(), weight_scale=weight_scale, encoder=encoder, live=live, created=created))


def check_place(path: Path) -> None:
    """OutputExistsError if a collection must not be made at `path`.

    It may be made at a new path, in an empty folder, and in what a killed creation or build has left.
    """
    check_way(path)
    if os.path.lexists(path) and not path.is_dir():
        raise OutputExistsError(f"{path} is {kind(path)}, not a folder: choose another path")
    if is_vacant(path) or (path.is_dir() and all(map(_is_begun, path.iterdir()))):
        return
    raise OutputExistsError(f"{path} already exists and is not empty: choose another folder")


def _is_begun(file: Path) -> bool:
    """Whether a creation that was killed before it published may have left this: of a log, no more than a header."""
    if file.is_symlink() or not file.is_file():
        return False
    log = log_path(file.parent, 1).name
    if file.name in (log, f".{log}.tmp"):
        return file.stat().st_size <= HEADER_BYTES
    return file.name in (WRITER_LOCK, f".{MANIFEST_NAME}") or is_vocabulary(file.name)


def make_live(path: str | Path) -> None:
    """Let the index at `path` take writes: its manifest is written anew; nothing if it does already.

    IndexFormatError for a damaged index, OutputExistsError while another process writes there.
    """
    path = path_of(path, "the path of a collection")
    try:
        manifest = Manifest.read(path)
        if manifest.shards is not None:
            raise ConflictError(f"{path} is made of shards, and takes no writes", remedies=[BUILD_AGAIN])
        if manifest.live is not None:
            return
    except IndexFormatError as error:
        if not is_vacant(path):
            raise
        raise IndexFormatError(error.problem, remedies=[create_empty(path), *error.remedies]) from None
    with WriterLock(path):
        manifest = Manifest.read(path)
        if manifest.live is None:
            _begin(path, replace(manifest, live=_live_record(path, manifest)))


def _live_record(path: Path, manifest: Manifest) -> LiveRecord:
    """What is to be said of an index that was built: its settings go on to hold."""
    (record,) = manifest.segments
    segment = Segment.open(path / record.name, record)
    return LiveRecord(
        identity=secrets.token_hex(16),
        log=1,
        sequence=0,
        terms=manifest.model_terms,
        settings=record.settings,
        tokens=segment.part("terms").tokens is not None,
        windows=None if record.windows is None else {n: v for n, v in record.windows.items() if n != "documents"},
        dense=record.parts["dense"].record if "dense" in record.parts else None,
    )


def _begin(path: Path, manifest: Manifest) -> None:
    """Begin the log, and then publish the manifest that names it."""
    assert manifest.live is not None
    # What is there was begun by a process that was killed before it published.
    for number in log_numbers(path):
        log_path(path, number).unlink()
    LogWriter.create(path, bytes.fromhex(manifest.live.identity)).close()
    manifest.write(path)
