"""The commands, on the tiny models and files of the golden tests, and what each needs to be there."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
_DOCUMENTS = 24
_KEY = "0123456789"
_LATER = 2_000_000_000
_DEMO_MODULES = ("csv", "zipfile", "shutil")
_WORDS = "bird river stone bread wheel violin glacier harbour lantern meadow copper thunder orchard pepper".split()  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Command:
    """A command line without `lsr`, and the inputs that are copied into its folder.

    Attributes:
        before: what is done before it runs.
        earlier: what is done in its folder, with its inputs, before it is given for the first time.
        forks: whether a process that has run it may fork: not after GNU's OpenMP was used, which ends the child.
        code: its exit code.
        compacted: the collection to compact before files are compared: how often a document was written to its log
            depends on how often the command was given, and what lives does not.
    """

    arguments: tuple[str, ...]
    inputs: tuple[str, ...]
    before: Callable[[], None] = lambda: None
    earlier: Callable[[], None] | None = None
    forks: bool = True
    code: int = 0
    compacted: str | None = None


def _cut_demo() -> None:
    """Let the demo read a few modules of the standard library: what it does is the same, in less time."""
    from lsr.demo import collection

    collection.write_collection = partial(collection.write_collection, modules=_DEMO_MODULES)


def _watched() -> None:
    """Keep the collection in step with the folder, and then change, add and remove files of it."""
    from lsr.collection.collection import Collection
    from lsr.collection.watching import sync

    with Collection.open("lived") as collection:
        sync(collection, "notes", rest=0)
    notes = Path("notes")
    _write_notes(notes, {"fire.md": "meadow and smoke", "air.txt": "thunder and air"})
    (notes / "water.md").unlink()
    lines = (notes / "many.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (notes / "many.jsonl").write_text("".join(lines[2:]), encoding="utf-8")
    os.utime(notes / "many.jsonl", (_LATER, _LATER))


def _write_notes(folder: Path, texts: Mapping[str, str]) -> None:
    """Files of one document each, with the same times whenever they are written."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
        os.utime(folder / name, (_LATER, _LATER))


_WATCH = ("watch", "lived", "notes", "--once", "--rest", "0")
_INDEX = ("index", "corpus.jsonl", "-o", "made", "--model", "model")

_SUITE = """
systems: [bm25, {name: words, model: bm25}, {name: model, model: model}, {name: fast, model: model, mode: approximate}]
collections: [beir, {name: again, source: beir, measures: [MAP, bpref]}]
measures: [nDCG@10]
"""

COMMANDS = {
    "index": Command(_INDEX, ("corpus.jsonl", "model")),
    "index --force": Command((*_INDEX, "--force"), ("corpus.jsonl", "model", "made")),
    "index --dense": Command((*_INDEX, "--dense", "dense-model"), ("corpus.jsonl", "model", "dense-model")),
    "index --vectors": Command(("index", "--vectors", "vectors.parquet", "-o", "made"), ("vectors.parquet",)),
    "dense": Command(("dense", "made", "--model", "dense-model"), ("made", "dense-model")),
    "late": Command(("late", "made", "--model", "late-model"), ("made", "late-model")),
    "prune": Command(("prune", "made", "-o", "small", "--top-k", "3"), ("made",)),
    "prune, a file": Command(("prune", "vectors.parquet", "-o", "small.parquet", "--top-k", "3"), ("vectors.parquet",)),
    "tune": Command(
        ("tune", "made", "--queries", "queries.jsonl", "--recall", "0.5"), ("made", "model", "queries.jsonl")
    ),
    "create": Command(("create", "empty", "--model", "model", "--dense", "dense-model"), ("model", "dense-model")),
    "synonyms": Command(("synonyms", "lived", "rules.txt"), ("lived", "rules.txt")),
    "synonyms --clear": Command(("synonyms", "named", "--clear"), ("named",)),
    "keys create": Command(("keys", "create", "root", "--role", "write"), ("root",)),
    "keys create, the first": Command(("keys", "create", "lived"), ("lived",)),
    "keys revoke": Command(("keys", "revoke", "root", _KEY), ("root",)),
    "watch": Command(_WATCH, ("lived", "model", "notes"), compacted="lived"),
    "watch, again": Command(_WATCH, ("lived", "model", "notes"), earlier=_watched, compacted="lived"),
    "add": Command(("add", "lived", "more.jsonl"), ("lived", "model", "more.jsonl"), compacted="lived"),
    "delete": Command(("delete", "lived", "new-2", "newer-0", "newer-9"), ("lived", "model"), compacted="lived"),
    "compact": Command(("compact", "lived"), ("lived", "model")),
    "snapshot": Command(("snapshot", "lived", "-o", "copy"), ("lived",)),
    "restore": Command(("restore", "copied", "-o", "back"), ("copied",)),
    "reindex": Command(("reindex", "made", "--model", "bm25"), ("made", "model")),
    "reindex --keep": Command(("reindex", "kept", "--model", "model", "--keep"), ("kept", "model")),
    "reindex --back": Command(("reindex", "kept", "--back"), ("kept", "model")),
    "upgrade": Command(("upgrade", "old"), ("old",)),
    "verify --repair": Command(("verify", "hurt", "--repair"), ("hurt",), code=1),
    "encode": Command(("encode", "corpus.jsonl", "-o", "docs.parquet", "--model", "model"), ("corpus.jsonl", "model")),
    "encode --queries": Command(
        ("encode", "queries.jsonl", "--queries", "-o", "q.jsonl.gz", "--model", "model"), ("queries.jsonl", "model")
    ),
    "export": Command(("export", "made", "-o", "out.ciff"), ("made",)),
    "search --queries": Command(
        ("search", "made", "--queries", "queries.jsonl", "-o", "run.trec"), ("made", "model", "queries.jsonl")
    ),
    "average": Command(("average", "model", "model", "-o", "mean"), ("model",)),
    "average --force": Command(("average", "model", "model", "-o", "mean", "--force"), ("model", "mean")),
    "mine": Command(("mine", "set", "-o", "mined", "--with", "bm25"), ("set",)),
    "score": Command(("score", "set", "-o", "scored", "-t", "bm25"), ("set",)),
    "train": Command(("train", "recipe.yaml", "-o", "run"), ("recipe.yaml", "set", "model")),
    "adapt": Command(
        ("adapt", "adapted.jsonl", "-o", "run", "--model", "model", "--steps", "2", "-t", "bm25"),
        ("adapted.jsonl", "model"),
    ),
    "eval": Command(("eval", "beir", "-o", "measured", "--model", "model"), ("beir", "model"), forks=False),
    "eval, a suite": Command(("eval", "suite.yaml", "-o", "measured"), ("suite.yaml", "beir", "model"), forks=False),
    "demo": Command(("demo", "-o", "demo"), (), _cut_demo, forks=False),
}


def make_inputs(folder: Path) -> None:
    """Make every input below `folder`, and load what the commands need, but compute nothing on several threads."""
    from lsr.cli.app import main

    for variable in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for name, source in {
        "model": "encoders/splade/model", "dense-model": "encoders/dense/model", "late-model": "encoders/late/model",
        "set": "training/set", "old": "index/format-2/blocks/index",
    }.items():  # fmt: skip
        shutil.copytree(_GOLDEN / source, folder / name, dirs_exist_ok=True)
    _lengthen(folder / "model")
    shutil.copytree(folder / "model", folder / "mean")
    corpus = (_GOLDEN / "corpus.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:_DOCUMENTS]
    (folder / "corpus.jsonl").write_text("".join(corpus), encoding="utf-8")
    shutil.copyfile(_GOLDEN / "queries.jsonl", folder / "queries.jsonl")
    _make_collection(folder / "beir", corpus)
    (folder / "recipe.yaml").write_text(_recipe(), encoding="utf-8")
    (folder / "suite.yaml").write_text(_SUITE, encoding="utf-8")
    (folder / "adapted.jsonl").write_text("".join(map(_made_document, range(60))), encoding="utf-8")
    (folder / "rules.txt").write_text("bird, fowl\nstone => rock\n", encoding="utf-8")
    _write_notes(folder / "notes", {"fire.md": "meadow and fire", "water.md": "river and water"})
    (folder / "notes" / "many.jsonl").write_text(_more(corpus), encoding="utf-8")
    (folder / "more.jsonl").write_text(_more(corpus), encoding="utf-8")
    # In children, which leave no threads here.
    from kills.tracer import run_untraced
    from lsr.index import Index
    from lsr.index.collection.copies import copy_collection
    from lsr.search.lexical import store_synonyms

    def begin(where: Path) -> int:
        os.chdir(where)
        for arguments in (
            _INDEX,
            ("encode", "corpus.jsonl", "-o", "vectors.parquet", "--model", "model"),
            ("snapshot", "made", "-o", "kept"),
            ("reindex", "kept", "--model", "bm25", "--keep"),
        ):
            sys.argv = ["lsr", *arguments]
            try:
                main()
            except SystemExit as exit:
                if exit.code:
                    return int(exit.code)
        _live(where / "made", where / "lived")
        copy_collection(where / "lived", where / "copied")
        _hurt(where / "lived", where / "hurt")
        shutil.copytree(where / "lived", where / "named")
        store_synonyms(Index.open(where / "named"), ["river, stream"])
        _make_keys(where / "root")
        return 0

    assert run_untraced(begin, folder) == 0
    _import()


def _import() -> None:
    """What the commands import: before a fork, so that it takes no time after it."""
    from importlib import import_module

    for name in (
        "lsr.cli.root", "lsr.build.corpus", "lsr.build.dense", "lsr.build.late", "lsr.index", "lsr.eval",
        "lsr.search.retriever", "lsr.encoding.sparse.encoder", "lsr.encoding.dense.encoder",
        "lsr.encoding.late.encoder", "lsr.training.run", "lsr.training.adapt", "lsr.training.averaging",
        "lsr.training.negatives", "lsr.training.teachers", "faiss", "lsr.index.build.builder", "lsr.vectors.ciff",
        "transformers.models.bert.modeling_bert", "lsr.eval.tuning.recall",
        "lsr.demo.collection", "lsr.demo.questions", "lsr.collection.collection", "lsr.collection.reindexing",
        "lsr.index.collection.writer", "lsr.eval.suites.evaluate", "lsr.eval.suites.run", "lsr.cli.suite",
        "lsr.cli.render", "bm25s", "lsr.collection.watching", "lsr.service.keys.store",
    ):  # fmt: skip
        import_module(name)
    from lsr.cli.commands import COMMANDS as MODULES

    for entry in MODULES.values():
        import_module(f"lsr.cli.{entry.module}")
    import torch

    torch.set_num_threads(1)


def _live(made: Path, lived: Path) -> None:
    """A collection of two segments, one with a deleted document, and documents in its log."""
    from lsr.collection.collection import Collection

    shutil.copytree(made, lived)
    with Collection.open(lived) as collection:
        collection.add({"_id": f"new-{number}", "text": f"{word} and water"} for number, word in enumerate(_WORDS))
        collection._writer.flush()
        collection.delete("new-1")
        for number, word in enumerate(_WORDS[:3]):
            collection.add({"_id": f"newer-{number}", "text": f"{word} and fire"})


def _hurt(lived: Path, hurt: Path) -> None:
    """The same with a segment that can be mended, one that cannot, and a log that is damaged before its end."""
    from lsr.index.format.manifest import Manifest

    shutil.copytree(lived, hurt)
    first, second = sorted(Manifest.read(hurt).segments, key=lambda record: -record.documents)
    (log,) = hurt.glob("log-*")
    for file, place in (
        (hurt / first.name / "forward_weights.npy", -1),
        (hurt / second.name / "summary_term_maxima.npy", -1),
        (log, log.stat().st_size // 2),
    ):
        data = bytearray(file.read_bytes())
        data[place] ^= 1
        file.write_bytes(data)


def _make_keys(root: Path) -> None:
    """A root with two keys, one of a known id."""
    from lsr.service.keys.roles import Role
    from lsr.service.keys.store import KeyStore

    root.mkdir()
    store = KeyStore(root)
    _, key = store.create(Role.READ, name="reader")
    store.create(Role.ADMIN)
    (file,) = (root / ".service").glob("*.json")
    file.write_text(file.read_text(encoding="utf-8").replace(key.id, _KEY), encoding="utf-8")


def _lengthen(model: Path) -> None:
    """Give the model as many positions as commands read by default."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    times = -(-512 // config["max_position_embeddings"])
    tensors = load_file(model / "model.safetensors")
    for name in tensors:
        if "position_embeddings" in name:
            tensors[name] = np.tile(tensors[name], (times, 1))
            config["max_position_embeddings"] = len(tensors[name])
    save_file(tensors, model / "model.safetensors", {"format": "pt"})
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")


def _more(corpus: list[str]) -> str:
    """Documents that are new, and others in the place of some that are in segments and in the log."""
    ids = [*(f"more-{number}" for number in range(4)), json.loads(corpus[0])["_id"], "new-3", "newer-1"]
    return "".join(json.dumps({"_id": id, "text": f"{_WORDS[place]} and air"}) + "\n" for place, id in enumerate(ids))


def _recipe() -> str:
    import yaml

    recipe = yaml.safe_load((_GOLDEN / "training" / "recipe.yaml").read_text(encoding="utf-8"))
    recipe["model"]["document"]["base"] = "model"
    recipe["run"] |= {"steps": 3, "save_every": 2}
    return yaml.safe_dump(recipe)


def _make_collection(folder: Path, corpus: list[str]) -> None:
    """A test collection in BEIR form, of documents that answer queries by chance."""
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("".join(corpus), encoding="utf-8")
    shutil.copyfile(_GOLDEN / "queries.jsonl", folder / "queries.jsonl")
    queries = (_GOLDEN / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    pairs = zip(map(json.loads, queries), map(json.loads, corpus), strict=False)
    judged = [f"{query['_id']}\t{document['_id']}\t1\n" for query, document in pairs]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged), encoding="utf-8")


def _made_document(number: int) -> str:
    def words(seed: int, count: int) -> str:
        return " ".join(_WORDS[(number * 7 + seed * (place + 3)) % len(_WORDS)] for place in range(count))

    text = ". ".join(f"{words(seed, 12).capitalize()} {number}" for seed in range(1, 6)) + "."
    return json.dumps({"_id": f"d{number}", "title": f"{words(9, 3)} {number}", "text": text}) + "\n"
