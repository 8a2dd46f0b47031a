"""The data for benchmarks: named by options or environment variables, or that of `lsr demo`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lsr.core.errors import InputError

HERE = Path(__file__).parent
# Numbers of documents and queries of a short run.
SAMPLE_DOCUMENTS = 30_000
# Option → (environment variable, help).
FOLDERS = {
    "collections": ("LSR_BENCH_COLLECTIONS", "BEIR folders, or a folder of them (default: the corpus of `lsr demo`)"),
    "vectors": ("LSR_BENCH_VECTORS", "a folder with docs.parquet and queries.parquet (default: the demo's, encoded)"),
    "training": ("LSR_BENCH_TRAINING", "a folder of BEIR folders with training splits"),
    "trec-eval": ("LSR_BENCH_TREC_EVAL", "the test/ folder of trec_eval"),
}


class NotGiven(Exception):
    """Raised if data that a benchmark needs was not given."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for each folder; an environment variable is the default."""
    for name, (variable, about) in FOLDERS.items():
        several = {"nargs": "+"} if name == "collections" else {}
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"{about}; or ${variable}", **several)
    parser.add_argument(
        "--training-sets", nargs="+", metavar="NAME=SET", help="scored training sets, as shipped_data.py makes them"
    )


@dataclass
class Data:
    """The given data, and what is made from it.

    Attributes:
        work: a folder for what is made.
        quick: give samples.
    """

    work: Path
    quick: bool = False
    collections: list[Path] = field(default_factory=list)
    vectors: Path | None = None
    training: Path | None = None
    trec_eval: Path | None = None
    training_sets: list[str] = field(default_factory=list)

    @classmethod
    def given(cls, arguments: argparse.Namespace, work: Path, *, quick: bool) -> Data:
        """The data named by options and environment. Raises InputError for a folder with the wrong contents."""
        found: dict[str, list[Path]] = {}
        for name, (variable, _) in FOLDERS.items():
            value = getattr(arguments, name.replace("-", "_"))
            paths = value if isinstance(value, list) else [value] if value else []
            found[name] = paths or [Path(part) for part in os.environ.get(variable, "").split(os.pathsep) if part]
            for path in found[name]:
                if not path.is_dir():
                    raise InputError("no such folder", source=str(path))
        collections = [each for path in found["collections"] for each in beir_folders(path)]
        one = {name: next(iter(found[name]), None) for name in ("vectors", "training", "trec-eval")}
        for name in ("docs.parquet", "queries.parquet"):
            if one["vectors"] and not (one["vectors"] / name).is_file():
                raise InputError(f"{name} is missing", source=str(one["vectors"]))
        return cls(
            work=work,
            quick=quick,
            collections=collections,
            vectors=one["vectors"],
            training=one["training"],
            trec_eval=one["trec-eval"],
            training_sets=arguments.training_sets or [],
        )

    def arguments(self, kinds: tuple[str, ...]) -> list[str]:
        """The arguments that give a script data of these kinds. Raises NotGiven, which says what is needed."""
        return [str(each) for kind in kinds for each in KINDS[kind.partition(":")[0]](self, kind.partition(":")[2])]

    def lacks(self, kinds: tuple[str, ...]) -> str:
        """What was not given of these kinds, as `NotGiven` says it; "" if nothing. Nothing is made."""
        given = {"like": self.vectors, "training": self.training, "training_sets": self.training_sets}
        given["trec_eval"] = self.trec_eval
        for kind in kinds:
            name = kind.partition(":")[0]
            if name in given and not given[name]:
                try:
                    KINDS[name](self, kind.partition(":")[2])
                except NotGiven as reason:
                    return str(reason)
        return ""

    @cached_property
    def collection_folders(self) -> list[Path]:
        """The given collections, or the demo's; only the first in a short run."""
        if not self.collections:
            from lsr.demo.collection import write_collection

            return [write_collection(self.work / "demo", force=True)]
        return self.collections[:1] if self.quick else self.collections

    @cached_property
    def vector_files(self) -> tuple[Path, Path]:
        """The files of documents and queries."""
        if self.vectors is None:
            return self._encoded_demo()
        documents, queries = self.vectors / "docs.parquet", self.vectors / "queries.parquet"
        return (sample(documents, self.work) if self.quick else documents), queries

    def _encoded_demo(self) -> tuple[Path, Path]:
        from lsr.demo.collection import write_collection
        from lsr.encoding.sparse.encoder import SparseEncoder
        from lsr.eval import load_collection
        from lsr.vectors.files import write_vectors

        documents, queries = self.work / "demo-docs.parquet", self.work / "demo-queries.parquet"
        if not queries.exists():
            collection = load_collection(write_collection(self.work / "demo", force=True))
            encoder = SparseEncoder.load()
            ids, texts = zip(*((each.id, each.contents) for each in collection.documents()), strict=True)
            write_vectors(documents, [encoder.encode_documents(texts, ids)], force=True)
            asked = collection.asked()
            vectors = encoder.encode_queries([each.text for each in asked], [each.id for each in asked])
            write_vectors(queries, [vectors], force=True)
        return documents, queries


def beir_folders(path: Path) -> list[Path]:
    """The folder itself, or the folders in it that hold a corpus."""
    if (path / "corpus.jsonl").is_file():
        return [path]
    found = sorted(each for each in path.iterdir() if (each / "corpus.jsonl").is_file())
    if not found:
        raise InputError("neither this folder nor one inside it has a corpus.jsonl", source=str(path))
    return found


def sample(documents: Path, work: Path) -> Path:
    """Write the first SAMPLE_DOCUMENTS of a file of vectors to a new file."""
    from lsr.vectors.files import iter_vectors, write_vectors
    from lsr.vectors.sparse import SparseVectors

    path = work / f"sample-{SAMPLE_DOCUMENTS}-of-{documents.stat().st_size}.parquet"
    if not path.exists():

        def first() -> Iterator[SparseVectors]:
            left = SAMPLE_DOCUMENTS
            for batch in iter_vectors(documents):
                yield batch[:left]
                left -= min(left, len(batch))
                if not left:
                    return

        write_vectors(path, first())
    return path


def _collection(data: Data, _: str) -> list[Path]:
    return data.collection_folders[:1]


def _collections(data: Data, _: str) -> list[Path]:
    return data.collection_folders


def _for_collections(data: Data, _: str) -> list[object]:
    return ["--collections", *data.collection_folders]


def _vectors(data: Data, _: str) -> list[Path]:
    return list(data.vector_files)


def _like(data: Data, _: str) -> list[object]:
    if data.vectors is None:
        raise NotGiven("needs --vectors FOLDER")
    documents, queries = data.vector_files
    return ["--like", documents, "--queries", queries]


def _training(data: Data, name: str) -> list[Path]:
    if data.training is None:
        raise NotGiven(f"needs --training FOLDER with {name}/")
    return [data.training / name]


def _training_sets(data: Data, _: str) -> list[str]:
    if not data.training_sets:
        raise NotGiven("needs --training-sets NAME=SET…")
    return ["--data", *data.training_sets]


def _variants(_: Data, name: str) -> list[Path]:
    return [HERE / "variants" / f"{name}.yaml"]


def _trec_eval(data: Data, _: str) -> list[Path]:
    if data.trec_eval is None:
        raise NotGiven("needs --trec-eval FOLDER")
    return [data.trec_eval]


KINDS: dict[str, Callable[[Data, str], Sequence[object]]] = {
    "collection": _collection,
    "collections": _collections,
    "for_collections": _for_collections,
    "vectors": _vectors,
    "like": _like,
    "training": _training,
    "training_sets": _training_sets,
    "variants": _variants,
    "trec_eval": _trec_eval,
}
"""Kind of data → the arguments that give it to a script."""
