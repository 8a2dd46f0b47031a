"""Remedies for the library's errors, each worded plainly and for Python.

The command line's words for them are in `lsr.cli.remedies`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lsr.core.errors import Remedy

REPLACE = Remedy("replace", "replace it", "force=True")
RESTART = Remedy("restart", "begin again", "restart=True")
BUILD_AGAIN = Remedy("build-again", "build the index again")
COMPACT = Remedy("compact", "put it into one segment first", "Collection.compact")
CHOOSE_FOLDER = Remedy("choose-folder", "choose another folder")
REPLACE_INDEX = Remedy("replace-index", "build it again", "force=True")

CHOOSE_MODEL = Remedy("choose-model", "name the model that made them", "model=…")
CHOOSE_MODEL_ANYWAY = Remedy("choose-model-anyway", "name the model to search with it anyway", "model=…")
USE_PACKAGED_MODEL = Remedy("use-packaged-model", "use a packaged one", "lsr.encoding.catalogue.packaged_models()")

GIVE_DENSE_VECTORS = Remedy("give-dense-vectors", "for dense vectors, give them yourself", "lsr.index.add_dense")
NAME_DENSE_MODEL = Remedy(
    "name-dense-model", "add them again, naming the model that made them", "lsr.index.add_dense, encoder=…"
)

MINE_NEGATIVES = Remedy("mine-negatives", "mine some", "lsr.training.negatives.mine")
SCORE_TRAINING_SET = Remedy("score-training-set", "score it", "lsr.training.teachers.score_training_set")
ADD_SCORES_FIRST = Remedy(
    "add-scores-first", "add them to the training set first", "lsr.training.teachers.score_training_set"
)
CANDIDATES_BY_ID = Remedy(
    "candidates-by-id", "name the collection that has their texts, and this file as its candidates", "candidates=…"
)
NAME_TRAINING_DATA = Remedy("name-training-data", "name your own data", "data")

LISTEN_ELSEWHERE = Remedy("listen-elsewhere", "choose another host or port", "host=…, port=…")

# The functions that add an index's optional parts.
_PARTS = {
    "dense": "lsr.build.dense.add_dense_vectors",
    "late": "lsr.build.late.add_token_vectors",
    "fields": "lsr.index.build.fields.add_fields",
}


def add_part(part: str, path: str | Path) -> Remedy:
    """Add to the index at `path` a part that it lacks."""
    return Remedy("add-part", "add one", _PARTS.get(part, ""), {"part": part, "path": str(path)})


def add_part_again(part: str, path: str | Path) -> Remedy:
    """Replace a part of the index at `path` by a new one."""
    python = f"{_PARTS[part]}, force=True" if part in _PARTS else ""
    return Remedy("add-part-again", f"add the {part} part again", python, {"part": part, "path": str(path)})


def build_index(corpus: str | Path | None, path: str | Path = "my-index") -> Remedy:
    """Build an index of a corpus, at a path."""
    of = "" if corpus is None else f" of {corpus}"
    values = {"corpus": "CORPUS" if corpus is None else str(corpus), "path": str(path)}
    return Remedy("build-index", f"build one{of}", "lsr.build.corpus.index_corpus", values)


def create_empty(path: str | Path) -> Remedy:
    """Make an empty collection, at a path."""
    return Remedy("create-empty", "make an empty one", "lsr.Collection.create", {"path": str(path)})


def build_with(part: str, python: str) -> Remedy:
    """Build the index with a part that is made only on request; `python` is the argument that requests it."""
    return Remedy("build-with", "build it with that", python, {"part": part})


def upgrade(path: str | Path) -> Remedy:
    """Rewrite the index at `path` in the current format."""
    return Remedy("upgrade", "bring it up to date", "lsr.index.upgrade_index", {"path": str(path)})


def make_key(path: str | Path) -> Remedy:
    """Make a key for what is served at `path`."""
    return Remedy("make-key", "make a key", "lsr.service.keys.store.KeyStore.create", {"path": str(path)})


def name_format(formats: Iterable[str], endings: Iterable[str]) -> Remedy:
    """Name the format of a corpus, one of these, or let the name of its file end as one of theirs does."""
    among = ", ".join(formats)
    return Remedy(
        "name-format", f"name it: one of {among}", "format=…", {"formats": among, "endings": ", ".join(endings)}
    )


def tune(recall: float, k: int) -> Remedy:
    """Tune the index to find the parameters that reach this recall at k."""
    return Remedy("tune", "tune it for that", "lsr.eval.tuning.recall.tune", {"recall": f"{recall:g}", "k": str(k)})


def calibrate(path: str | Path) -> Remedy:
    """Measure what scores of the index at `path` say of relevance."""
    return Remedy("calibrate", "calibrate it", "lsr.eval.tuning.relevance.calibrate", {"path": str(path)})
