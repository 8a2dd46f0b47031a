"""An index's description of itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsr.index.engines.choose import available_engines
from lsr.index.engines.registry import ENGINES
from lsr.index.format.manifest import Manifest
from lsr.index.format.shards import Shards
from lsr.index.live.log.frames import log_numbers, log_path
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.searched_memory import Searched
from lsr.index.live.versions import kept_version
from lsr.index.parts.registry import owners, written_parts


def describe(path: Path, manifest: Manifest, searched: Sequence[Searched]) -> dict[str, Any]:
    """See `Index.describe`. `searched`: its segments, and what is in memory."""
    segments = [each for each in searched if isinstance(each, SearchedSegment)]
    rows, deleted = sum(map(len, searched)), sum(each.deleted for each in searched)
    kept = None if manifest.live is None else kept_version(path)
    first = segments[0].segment if segments else None
    record = None if first is None else first.record
    settings = manifest.live.settings if manifest.live is not None else manifest.segments[0].settings
    return {
        "path": str(path),
        "documents": rows - deleted,
        "dim": manifest.dim,
        "postings": manifest.postings,
        "mean_terms": manifest.postings / max(manifest.documents, 1),
        "weight_scale": manifest.weight_scale,
        **({} if manifest.outliers is None else {"outliers": manifest.outliers}),
        **({} if first is None else {"block_size": first.part("summaries").block_size}),
        "modes": [] if first is None else [name for name in available_engines(first) if ENGINES[name].by_name],
        "has_vocabulary": first is not None and (first.has_part("vocabulary") or first.has_part("words")),
        **({} if not manifest.words else {"words": manifest.words}),
        "encoder": manifest.encoder,
        "settings": settings.facts(),
        "parts": {} if record is None else {n: part.record for n, part in record.parts.items() if n != "deleted"},
        "tunings": manifest.tunings,
        "fusion": manifest.fusion,
        **({} if manifest.lexical is None else {"lexical": manifest.lexical}),
        **({} if manifest.relevance is None else {"relevance": manifest.relevance}),
        "prunings": manifest.prunings,
        "windows": None if record is None else record.windows,
        **({} if manifest.live is None else {"segments": _segments(segments), "deleted": deleted}),
        **({} if manifest.shards is None else _shards(manifest.shards)),
        **({} if kept is None else {"previous": {"model": (kept.encoder or {}).get("model"), "created": kept.created}}),
        "created": manifest.created,
        "library_version": manifest.library_version,
        "bytes": space(path, manifest),
    }


def _shards(shards: Shards) -> dict[str, Any]:
    """What there is to say of a collection of shards."""
    return {
        "shards": [0 if each is None else each.documents for each in shards.records],
        "fingerprint": shards.fingerprint,
    }


def _segments(segments: Sequence[SearchedSegment]) -> list[dict[str, Any]]:
    """What there is to say of each segment."""
    return [
        {
            "name": each.segment.record.name,
            "documents": len(each),
            "deleted": each.deleted,
            "postings": each.segment.record.postings,
        }
        for each in segments
    ]


def space(path: Path, manifest: Manifest) -> dict[str, int]:
    """Bytes on disk by part (`lsr.index.parts.registry`), of the manifest and the log, and in total."""
    parts = {part.name: 0 for part in written_parts() if not part.rare}
    owner = owners()
    for segment in manifest.segments:
        for name, record in segment.files.items():
            part_name = owner[name].name
            parts[part_name] = parts.get(part_name, 0) + record.bytes
    parts["manifest"] = len(manifest.to_bytes())
    for segment in manifest.segments:
        for name, part in segment.parts.items():
            parts[name] = parts.get(name, 0) + sum(record.bytes for record in part.files.values())
    live = manifest.live
    if live is not None:
        parts["log"] = sum(_size(log_path(path, number)) for number in log_numbers(path) if number >= live.log)
        parts["vocabulary"] += 0 if live.vocabulary is None else live.vocabulary.bytes
    return {**parts, "total": sum(parts.values())}


def _size(path: Path) -> int:
    """Bytes of a file; 0 of one that its writer has removed since."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
