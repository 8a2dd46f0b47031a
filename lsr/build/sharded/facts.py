"""What is known of a whole collection once it is encoded, and each of its shards is built by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lsr.build.sharded.pieces import PieceFacts, PieceSettings, digest_of
from lsr.core.errors import InputError
from lsr.core.schema import Schema, SchemaObserver
from lsr.encoding.lexical.analysis import ANALYSIS
from lsr.encoding.lexical.settings import RECORD as LEXICAL
from lsr.encoding.lexical.settings import LexicalRecord
from lsr.encoding.lexical.words import weighted
from lsr.index.build.quantise import Outliers, WeightCounts, WeightScale
from lsr.index.format.settings import IndexSettings
from lsr.index.sharded.publish import ShardedFacts
from lsr.text.windows import WindowSettings


@dataclass(frozen=True, slots=True)
class GlobalFacts:
    """What holds for every shard.

    Attributes:
        pieces: how many there are; rows: in each shard.
        encoder: the record of the encoder, with that of the words.
        mean_length: in words, of all rows.
        schema: of all documents' fields.
        windows: how rows were cut; None if they are documents, or are documents again (`whole`).
        settings: of the indexes.
        fingerprint: of all that was encoded, and of how.
    """

    pieces: int
    rows: tuple[int, ...]
    encoder: dict[str, Any]
    mean_length: float
    schema: Schema
    windows: WindowSettings | None
    whole: bool
    settings: IndexSettings
    fingerprint: str

    @property
    def shards(self) -> list[int]:
        """The numbers of the shards that have documents."""
        return [number for number, rows in enumerate(self.rows) if rows]


def gathered(
    pieces: Iterable[PieceFacts],
    how: PieceSettings,
    *,
    encoder: Mapping[str, Any],
    windows: WindowSettings | None,
    only_if_needed: bool,
    schema: Schema | None,
    settings: IndexSettings,
) -> GlobalFacts:
    """The facts of all pieces; arguments as for `lsr.build.corpus.index_corpus`, `encoder` is the record of one.

    InputError if there is no document, or are no words where they stand alone.
    """
    count = length = in_titles = 0
    rows, digests, observer, alone = [0] * how.shards, list[int](), SchemaObserver(), True
    for piece in pieces:
        count += 1
        length, in_titles = length + piece.length, in_titles + piece.in_titles
        alone = alone and piece.first_alone
        digests.append(int(piece.digest, 16))
        observer.join(piece.schema)
        for shard, number in piece.shards.items():
            rows[int(shard)] += number
    if not count:
        raise InputError("no document was added: an index needs at least one")
    if not encoder["dim"] and not length:
        raise InputError("the documents hold no words, and there is no model to find them by anything else")
    whole = windows is not None and only_if_needed and alone
    mean_length = float(weighted(length, in_titles, how.title_weight) / sum(rows))
    record = dict(encoder)
    if how.lexical is not None:
        words = LexicalRecord(settings=how.lexical, mean_length=mean_length, analysis=ANALYSIS)
        record[LEXICAL] = words.to_record()
    found = GlobalFacts(
        pieces=count,
        rows=tuple(rows),
        encoder=record,
        mean_length=mean_length,
        schema=observer.schema() if schema is None else schema,
        windows=None if whole else windows,
        whole=whole,
        settings=settings,
        fingerprint="",
    )
    said = [
        digest_of(digests),
        how.shards,
        record,
        None if found.windows is None else found.windows.to_record(),
        found.schema.to_record(),
        settings.to_record(),
    ]
    data = json.dumps(said, sort_keys=True).encode()
    return replace(found, fingerprint=blake2b(data, digest_size=16).hexdigest())


def joined_counts(parts: Iterable[WeightCounts]) -> WeightCounts:
    """The counts of all shards."""
    counts = WeightCounts()
    for part in parts:
        counts.join(part)
    return counts


def joined_outliers(parts: Sequence[Outliers]) -> Outliers:
    """The outliers of all shards."""
    outliers = Outliers()
    for part in parts:
        outliers.join(part)
    return outliers


def published_facts(facts: GlobalFacts, scale: WeightScale, work: Path) -> ShardedFacts:
    """What is said of the collection; an interrupted run's goes on to be said."""
    begun = json.loads((work / BUILD).read_text(encoding="utf-8"))
    return ShardedFacts(
        encoder=facts.encoder,
        weight_scale=scale.step,
        outliers=scale.record(),
        fingerprint=facts.fingerprint,
        created=begun["created"],
        version=begun["version"],
    )


BUILD = "build.json"
"""When a work folder was begun, and what the shards that are built in it are named by."""
