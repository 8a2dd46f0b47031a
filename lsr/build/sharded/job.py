"""The job that makes a collection of shards: what its steps need, and its steps here, one after the other."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lsr.build.corpus import encoder_record, finished_index, work_folder
from lsr.build.sharded.facts import BUILD, GlobalFacts, gathered, joined_counts, joined_outliers, published_facts
from lsr.build.sharded.pieces import PieceSettings, encode_piece, facts_of, piece_path, unfinished
from lsr.build.sharded.shard import ShardSource, build_shard, count_outliers, count_weights
from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.files import atomic_file
from lsr.core.progress import Stages, silent
from lsr.core.schema import Schema
from lsr.core.work import WorkFolder
from lsr.encoding.lexical.alone import lexical_settings
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.titles import check_title_weight
from lsr.index.format.shards import MOST_SHARDS, ShardRecord
from lsr.index.sharded.publish import ShardedFacts, publish_shards
from lsr.text.windows import WindowSettings, cut_corpus

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.lexical.alone import WordsAlone
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index, IndexSettings


@dataclass(frozen=True, kw_only=True)
class ShardJob:
    """What a collection of shards is made of, and how; small, and the same for everyone who works on it.

    Attributes:
        path: where it will be.
        encoder: the record of the encoder of documents; dim: its terms.
        how: pieces are encoded.
        windows, only_if_needed, schema, settings: as for `lsr.build.corpus.index_corpus`.
    """

    path: Path
    encoder: Mapping[str, Any]
    dim: int
    how: PieceSettings
    windows: WindowSettings | None
    only_if_needed: bool
    schema: Schema | None
    settings: IndexSettings

    @classmethod
    def of(
        cls,
        path: str | Path,
        encoder: SparseEncoder | WordsAlone,
        *,
        shards: int,
        lexical: LexicalSettings | None = None,
        top_k: int | None = None,
        title_weight: float = 0.0,
        windows: WindowSettings | None = None,
        only_if_needed: bool = False,
        schema: Schema | Mapping[str, str] | None = None,
        settings: IndexSettings | None = None,
    ) -> Self:
        """From the arguments of `lsr.build.corpus.index_corpus`, and how many shards there are to be."""
        from lsr.index import IndexSettings

        if isinstance(shards, bool) or not isinstance(shards, int) or not 1 <= shards <= MOST_SHARDS:
            raise InputError(f"must be a whole number in 1 … {MOST_SHARDS:,}, not {shards!r}", field="shards")
        weight = check_title_weight(title_weight)
        return cls(
            path=Path(path).absolute(),
            encoder=encoder_record(encoder, top_k, weight),
            dim=encoder.dim,
            how=PieceSettings(shards, windows is not None, lexical_settings(encoder, lexical), top_k, weight),
            windows=windows,
            only_if_needed=only_if_needed,
            schema=None if schema is None else Schema.of(schema),
            settings=settings or IndexSettings(),
        )

    @property
    def folder(self) -> Path:
        """The work folder, where pieces and built shards are kept until all is published."""
        return work_folder(self.path)

    @property
    def built(self) -> Path:
        """The folder of the shards that are built."""
        return self.folder / "shards"

    @contextmanager
    def work(self, *, restart: bool = False) -> Iterator[WorkFolder]:
        """Work in the folder, going on with what an interrupted run has left. Raises as `WorkFolder`."""
        lexical = None if self.how.lexical is None else asdict(self.how.lexical)
        # What changes pieces, or shards that may be built.
        state: dict[str, Any] = {**self.encoder, "shards": self.how.shards, "words": lexical}
        state["index"] = self.settings.to_record()
        if self.windows is not None:
            state |= {"windows": self.windows.to_record(), "only_if_needed": self.only_if_needed}
        if self.schema is not None:
            state["schema"] = self.schema.to_record()
        with WorkFolder(self.folder, state, restart=restart) as work:
            self.built.mkdir(exist_ok=True)
            if not (self.folder / BUILD).exists():
                begun = {"created": datetime.now(UTC).isoformat(timespec="seconds"), "version": secrets.token_hex(4)}
                with atomic_file(self.folder / BUILD) as temporary:
                    temporary.write_text(json.dumps(begun), encoding="utf-8")
            yield work

    def rows(self, corpus: Iterable[Document]) -> Iterator[Document]:
        """What is encoded of a corpus: its documents, once they fit the schema, or their windows."""
        if self.schema is not None:
            corpus = self.schema.checked(corpus)
        return iter(corpus if self.windows is None else cut_corpus(corpus, self.windows))

    def facts(self) -> GlobalFacts:
        """What is known once all pieces are there. Raises as `gathered`."""

        def pieces() -> Iterator[Any]:
            number = 0
            while (path := piece_path(self.folder, number)).exists():
                yield facts_of(path)
                number += 1

        return gathered(
            pieces(),
            self.how,
            encoder=self.encoder,
            windows=self.windows,
            only_if_needed=self.only_if_needed,
            schema=self.schema,
            settings=self.settings,
        )

    def source(self, facts: GlobalFacts) -> ShardSource:
        """Where shards are read from."""
        return ShardSource(self.folder, self.dim, self.how, facts)

    def publish(self, records: Sequence[ShardRecord], published: ShardedFacts) -> None:
        """Publish all shards that are built: the others have no documents."""
        by_name = {record.name: record for record in records}
        every = [by_name.get(published.folder_of(number)) for number in range(self.how.shards)]
        publish_shards(self.path, self.built, every, published)


def index_sharded(
    corpus: Iterable[Document],
    path: str | Path,
    encoder: SparseEncoder | WordsAlone,
    *,
    shards: int,
    dense: Callable[[], DenseEncoder] | None = None,
    total: int | None = None,
    threads: int | None = None,
    force: bool = False,
    restart: bool = False,
    stages: Stages = silent,
    **options: Any,
) -> Index:
    """Encode a corpus and index it as a collection of `shards` shards at `path`, here, one after the other.

    `lsr.Index.open` opens it, and its answers are those of one index of the same documents. `dense` gives the encoder
    of dense vectors, which are then added to each shard before any is published. `options` and the others are those of
    `lsr.build.corpus.index_corpus`, which also says what is raised; interrupted, it is resumed the same way.
    """
    from lsr.index import Index, check_index_output

    check_index_output(path, force=force)
    if not force and (finished := finished_index(path)) is not None:
        return finished
    job = ShardJob.of(path, encoder, shards=shards, **options)
    with job.work(restart=restart) as work:
        with stages("encoding" if encoder.dim else "reading", total, "documents") as progress:
            for piece in unfinished(job.rows(corpus), job.folder, progress):
                progress(encode_piece(piece, job.folder, encoder, job.how))
                work.begun = True
        facts = job.facts()
        source = job.source(facts)
        with stages("measuring weights", len(facts.shards), "shards") as progress:
            found = []
            for shard in facts.shards:
                found.append(count_weights(source, shard))
                progress(1)
        counts, bits, outliers = joined_counts(found), job.settings.weight_bits, None
        if counts.has_outliers(bits):
            far = counts.far(bits)
            outliers = joined_outliers([count_outliers(source, shard, far) for shard in facts.shards])
        published = published_facts(facts, counts.scale(bits, outliers), job.folder)
        with stages("building", sum(facts.rows), "documents") as progress:
            built = [
                build_shard(
                    source, shard, job.built, published, encoder, dense=dense, threads=threads, progress=progress
                )
                for shard in facts.shards
            ]
        job.publish(built, published)
    return Index.open(path)
