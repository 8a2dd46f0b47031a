"""Static pruning of an index: a smaller index of the same documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.progress import Stages, silent
from lsr.index.build.builder import IndexBuilder
from lsr.index.build.export import iter_vectors, iter_weights
from lsr.index.format.output import check_index_output
from lsr.index.live.snapshot import Index
from lsr.vectors.beside import apart, beside
from lsr.vectors.pruning import Pruner, Pruning, Rule


@as_annotated
def prune_index(
    index: Index,
    path: str | Path,
    rule: Rule,
    *,
    threads: int | None = None,
    force: bool = False,
    stages: Stages = silent,
) -> Index:
    """Write a pruned copy of an index to `path`, and open it.

    Documents, ids, rows, vocabulary, the encoder's record, token frequencies, settings and dense or token vectors are
    those of `index`, and so are the remaining weights, to the bit: the heaviest of all, which sets their scale, is
    never pruned. Words beside a model's terms stay, every one. Tunings, which were measured on the larger index, are
    left out; `prunings` gains an entry. With `force`, `path` may be the index itself. Memory stays bounded as in
    `IndexBuilder`. `threads`: how many to use (default: as many as there are CPUs).

    Raises OutputExistsError.
    """
    check_index_output(path, force=force)
    # Words have BM25's weights beside a model's terms; where they are alone, there is nothing else to drop.
    found = index.parts.get("words")
    words = found if found is not None and found.first else None

    def weights() -> Iterator[npt.NDArray[np.float32]]:
        with stages("weighing", index.manifest.postings, "postings") as progress:
            for part in iter_weights(index) if words is None else _weights_below(index, words.first):
                yield part
                progress(len(part))

    segment = index.sparse.whole_segment()
    pruner = Pruner(rule, weights)
    windows, tokens = index.documents.windows, segment.part("terms").tokens
    store = segment.part("documents")
    # As they were added before, so that what goes by that order still does.
    added = index.documents.as_added()
    with IndexBuilder(
        path,
        dim=index.dim,
        vocabulary=index.vocabulary,
        encoder=index.encoder,
        settings=segment.record.settings,
        windows=None if windows is None else windows.settings,
        by_id=store.places is not None,
        rare_last=segment.record.shared is not None,
        force=force,
    ) as builder:
        with stages("pruning", len(index), "documents") as progress:
            for vectors in iter_vectors(index, as_added=True):
                rows = added[len(builder) : len(builder) + len(vectors)].tolist()
                if words is None:
                    pruned = pruner(vectors)
                else:
                    terms, beyond = apart(vectors, words.first)
                    pruned = beside(pruner(terms), beyond)
                builder.add(pruned, [store.document(row) for row in rows])
                progress(len(vectors))
        if tokens is not None:
            builder.count_tokens(tokens)
        builder.carry_parts(index)
        builder.keep_weights(index)
        builder.synonyms = index.manifest.synonyms
        builder.prunings = [*map(Pruning.from_record, index.manifest.prunings), pruner.done]
        with stages("building", len(index), "documents") as progress:
            return builder.finish(progress=progress, threads=threads)


def _weights_below(index: Index, first: int) -> Iterator[npt.NDArray[np.float32]]:
    """The weights of the terms below `first`, in chunks."""
    for vectors in iter_vectors(index):
        yield apart(vectors, first)[0].weights
