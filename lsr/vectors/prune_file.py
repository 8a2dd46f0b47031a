"""Static pruning of a file of vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.errors import InputError
from lsr.core.files import check_output
from lsr.core.progress import Stages, silent
from lsr.vectors.files import file_format, iter_vectors, read_vocabulary, recorded_scale, write_vectors
from lsr.vectors.pruning import Pruner, Pruning, Rule
from lsr.vectors.sparse import SparseVectors


@as_annotated
def prune_file(
    source: str | Path, path: str | Path, rule: Rule, *, force: bool = False, stages: Stages = silent
) -> Pruning:
    """Prune the vectors of a file (.parquet, .jsonl, .ciff, the last two also with .gz or .zst) into another.

    Streams the file; the one at `path` appears whole or not at all and, with `force`, may be `source` itself. A
    quantile reads the file two more times. Ids, their order and the terms stay the same, and so do integers in CIFF.
    Fields of JSON lines other than id and vector are left out.

    Raises OutputExistsError, and InputError for a file that cannot be read, or if one of the two files stores terms
    and the other term ids, since the file does not say which terms these are.
    """
    source, path = Path(source), check_output(path, force=force)
    wanted = file_format(path)
    vocabulary = read_vocabulary(source)
    if (wanted == ".parquet") != (vocabulary is None):
        holds = "term ids: name the output .parquet" if vocabulary is None else "terms: name the output .jsonl or .ciff"
        raise InputError(f"holds {holds}, which keeps them", source=str(source))
    scale = recorded_scale(source) if wanted == ".ciff" else None

    def read(stage: str) -> Iterator[SparseVectors]:
        with stages(stage, None, "vectors") as progress:
            for batch in iter_vectors(source, vocabulary=vocabulary):
                yield batch
                progress(len(batch))

    def weights() -> Iterator[npt.NDArray[np.float32]]:
        yield from (batch.weights for batch in read("weighing"))

    pruner = Pruner(rule, weights)
    write_vectors(path, map(pruner, read("pruning")), vocabulary=vocabulary, scale=scale, force=force)
    return pruner.done
