"""An index's description of itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsr.index.engines.choose import available_engines
from lsr.index.engines.registry import ENGINES
from lsr.index.format.manifest import Manifest
from lsr.index.parts.registry import owners, written_parts
from lsr.index.parts.segment import Segment


def describe(path: Path, manifest: Manifest, segments: Sequence[Segment]) -> dict[str, Any]:
    """See `Index.describe`."""
    (segment,) = segments
    return {
        "path": str(path),
        "documents": manifest.documents,
        "dim": manifest.dim,
        "postings": manifest.postings,
        "mean_terms": manifest.postings / manifest.documents,
        "weight_scale": manifest.weight_scale,
        **({} if manifest.outliers is None else {"outliers": manifest.outliers}),
        "block_size": segment.part("summaries").block_size,
        "modes": [name for name in available_engines(segment) if ENGINES[name].by_name],
        "has_vocabulary": segment.has_part("vocabulary") or segment.has_part("words"),
        **({} if manifest.words is None else {"words": manifest.words}),
        "encoder": manifest.encoder,
        "settings": segment.record.settings.facts(),
        "parts": {name: part.record for name, part in manifest.parts.items()},
        "tunings": manifest.tunings,
        "fusion": manifest.fusion,
        "prunings": manifest.prunings,
        "windows": manifest.windows,
        "created": manifest.created,
        "library_version": manifest.library_version,
        "bytes": space(manifest),
    }


def space(manifest: Manifest) -> dict[str, int]:
    """Bytes on disk by part (`lsr.index.parts.registry`), of the manifest, and in total."""
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
    return {**parts, "total": sum(parts.values())}
