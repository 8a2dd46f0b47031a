"""Wrote the golden folders beside it, with lsr 0.1.0 as of commit 8e9c298: `python make_golden.py` in that tree.

It is kept to show how they came about, and what is in them. It refuses to write over them, and is not meant to run on
any other version: what it wrote stays as it is for as long as lsr reads it, whatever the format becomes. A new format,
or a new kind of folder, is a new folder beside these (index/format-4/, encoders/NAME/) with its answers, written by the
code that introduces it. Folders of older formats were written by the code of their time, run by `make_old_formats`:

    index/format-1/    commit 0eebacb; refused by name
    index/format-2/    commit 652b885
    index/format-3/    commit 8e9c298, this one; early/ by 97d967b, the first of format 3

What was added since, by the code of its time: `python make_golden.py new` makes the folders of `NEW` that are not there
and touches no other.

    index/format-3/words, index/format-3/bm25    words beside a model's terms, and alone
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
WORK = Path(tempfile.mkdtemp(prefix="golden-"))
os.environ["HF_HUB_CACHE"], os.environ["HF_HUB_OFFLINE"] = str(WORK / "hub"), "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from calls import BLOCKS, INDEXES, NEW, SIDES, SPARSE, TYPED, VECTOR, Calls  # noqa: E402
from hub import fill_cache  # noqa: E402
from make_models import LENGTH, QUERIES, corpus_texts, make_encoders, write_json  # noqa: E402
from make_work import make_training, make_work  # noqa: E402

FORMAT_3 = HERE / "index" / "format-3"


# -- texts -------------------------------------------------------------------------------------------------------------


def paragraphs() -> list[str]:
    """Of this repository's documentation, tables and code left out."""
    found = []
    for path in sorted([*REPOSITORY.glob("docs/*.md"), REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md"]):
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
        for block in re.split(r"\n\s*\n|\n- ", text):
            if block.lstrip().startswith(("|", "#", "<", "!")):
                continue
            words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", block).replace("`", "").split()
            if len(words) >= 12:
                found.append(" ".join(words))
    return found


def make_texts() -> None:
    blocks = paragraphs()
    titles = ["", "Search", "Encoding", "", "Notes on disk", "Café"]
    documents: list[dict[str, Any]] = []
    for number, block in enumerate(blocks[:: max(len(blocks) // 68, 1)][:68]):
        id = f"d{number}" if number % 9 else f"notes/größe_{number}.md"
        document: dict[str, Any] = {"_id": id, "title": titles[number % 6], "text": " ".join(block.split()[:20])}
        if number % 7 == 3:
            document |= {"year": 1990 + number, "tags": ["a", {"b": None}]}
        documents.append(document)
    # Equal texts, whose scores tie; a text without a word.
    documents += [{**documents[at], "_id": f"copy-{at}"} for at in (4, 5, 40)] + [{"_id": "empty", "text": ""}]
    write_lines(HERE / "corpus.jsonl", documents)
    long = [
        {"_id": f"l{n}", "title": f"Chapter {n}", "text": "\n\n".join(blocks[n * 4 : n * 4 + 1 + n % 4]), "n": n}
        for n in range(14)
    ]
    write_lines(HERE / "long.jsonl", long)
    write_lines(HERE / "queries.jsonl", [{"_id": f"q{n}", "text": text} for n, text in enumerate(QUERIES)])
    # Judged by shared words: enough for a weight to be tuned on.
    judged = []
    for number, query in enumerate(QUERIES[:11]):
        words = set(query.split())
        best = sorted(documents, key=lambda d: -len(words & set(d["text"].lower().split())))[:4]
        judged += [f"q{number}\t{document['_id']}\t1\n" for document in best]
    (HERE / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


def answer_encoders() -> None:
    """What each encoder gives for a few texts."""
    from encoded import encode

    for folder in sorted((HERE / "encoders").iterdir()):
        write_json(folder / "answers.json", encode(folder.name, folder / "model"))
    write_json(HERE / "encoders" / "bm25.json", encode("bm25", HERE / "corpus.jsonl"))


# -- indexes -----------------------------------------------------------------------------------------------------------


def lsr(*arguments: object) -> None:
    """Run a command of the command line."""
    from lsr.cli.app import main

    with patch.object(sys, "argv", ["lsr", *map(str, arguments)]):
        try:
            main()
        except SystemExit as exit:
            assert exit.code == 0, arguments


def make_indexes() -> None:
    from lsr import SparseEncoder
    from lsr.build.corpus import index_vectors
    from lsr.build.late import add_token_vectors
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.late.encoder import TokenEncoder
    from lsr.encoding.sparse.bm25 import Bm25Encoder
    from lsr.index import DenseSettings, Index, add_dense
    from lsr.text import open_corpus

    corpus, long = HERE / "corpus.jsonl", HERE / "long.jsonl"
    options = ("--model", "lsr-golden/splade", "--max-length", LENGTH)
    lsr("index", corpus, "-o", FORMAT_3 / "plain/index", *options)
    lsr("index", corpus, "-o", FORMAT_3 / "blocks/index", *options, "--seismic", "--bmp", "--block-size", 4)
    lsr("index", corpus, "-o", FORMAT_3 / "bits-16/index", *options, "--weight-bits", 16, "--seed", 3, "--top-k", 20)
    lsr("index", corpus, "-o", FORMAT_3 / "doc/index", "--model", "lsr-golden/doc", "--max-length", 40)
    cut = ("--window-words", 24, "--window-stride", 16)
    lsr("index", long, "-o", FORMAT_3 / "windows-max/index", *options, "--windows", "max", *cut)
    lsr("index", long, "-o", FORMAT_3 / "windows-sum/index", *options, "--windows", "sum", *cut, "--top-windows", 2)
    lsr("prune", FORMAT_3 / "blocks/index", "-o", WORK / "pruned", "--mass", 0.8)
    lsr("prune", WORK / "pruned", "-o", FORMAT_3 / "pruned/index", "--top-k", 12)
    texts = corpus_texts()
    bm25 = Bm25Encoder.fit(texts)
    documents = list(open_corpus(corpus))
    vectors = bm25.encode_documents([d.contents for d in documents], [d.id for d in documents])
    index_vectors([vectors], FORMAT_3 / "vectors/index")

    # Dense vectors rounded to 64ths, whose products are exact however a CPU adds them up.
    dense = DenseEncoder.load("lsr-golden/dense", dtype="float32")
    shutil.copytree(FORMAT_3 / "plain/index", FORMAT_3 / "hybrid/index")
    hybrid = Index.open(FORMAT_3 / "hybrid/index")
    rounded = round_64(dense.encode_documents([hybrid.document_at(row).contents for row in range(len(hybrid))]))
    hybrid = add_dense(
        hybrid, [rounded], encoder=dense.settings(), similarity=dense.similarity, settings=DenseSettings("flat")
    )
    shutil.copytree(FORMAT_3 / "hybrid/index", FORMAT_3 / "tuned/index")
    tokens = TokenEncoder.load("lsr-golden/late", dtype="float32")
    add_token_vectors(hybrid, tokens)

    windows = Index.open(FORMAT_3 / "windows-sum/index")
    rounded = round_64(dense.encode_documents([windows.document_at(row).contents for row in range(len(windows))]))
    windows = add_dense(
        windows, [rounded], encoder=dense.settings(), similarity=dense.similarity, settings=DenseSettings("flat")
    )
    add_token_vectors(windows, tokens, bits=4)
    for kind in ("hnsw", "sq8"):
        shutil.copytree(FORMAT_3 / "plain/index", FORMAT_3 / f"dense-{kind}/index")
        from lsr.build.dense import add_dense_vectors

        plain = Index.open(FORMAT_3 / f"dense-{kind}/index")
        add_dense_vectors(plain, dense, settings=DenseSettings(kind, truncate=6 if kind == "sq8" else None))

    store_query_vectors(
        SparseEncoder.load("lsr-golden/splade", max_length=LENGTH),
        SparseEncoder.load("lsr-golden/doc", max_length=40),
        bm25,
        dense,
        tokens,
    )
    tuned = FORMAT_3 / "tuned/index"
    lsr("tune", tuned, "--queries", HERE / "queries.jsonl", "--recall", 0.8, "--recall", 1.0, "--k", 10)
    lsr("tune", tuned, "--queries", HERE / "queries.jsonl", "--qrels", HERE / "qrels.tsv")
    # So few documents are best searched exactly, by one weight for all: what larger ones get is put there.
    from lsr.index import Tuning
    from lsr.index.fusion.tuning import FusionTuning, WeightPredictor

    parameters = {"cut": 0.2, "max_blocks": 6}
    Index.open(tuned).store_tuning(Tuning(20, 0.6, "approximate", parameters, 0.65, 5.5, 100))
    predictor = WeightPredictor((1.5, 0.2, 0.9, 0.1, 0.3), (0.5, 0.1, 0.1, 0.1, 0.2), (0.1, -0.2, 0.05, 0.1, 0.1), 0.6)
    found = FusionTuning("tmm", "candidates", 100, 0.6, predictor, "nDCG@10", 0.5, 0.4, 100)
    Index.open(FORMAT_3 / "dense-sq8/index").store_fusion_tuning(found)


def round_64(vectors: np.ndarray) -> np.ndarray:
    return np.round(vectors * 64).astype(np.float32) / 64


def store_query_vectors(splade: Any, doc: Any, bm25: Any, dense: Any, tokens: Any) -> None:
    from answers import digits

    sides = {
        name: encoder.encode_queries(QUERIES)
        for name, encoder in zip(("sparse", "doc", "bm25"), (splade, doc, bm25), strict=True)
    }
    near, late = round_64(dense.encode_queries(QUERIES)), tokens.encode_queries(QUERIES)
    stored = []
    for number, text in enumerate(QUERIES):
        rows = {}
        for name, vectors in sides.items():
            terms, weights = vectors.row(number)
            rows[name] = [terms.tolist(), [digits(weight) for weight in weights]]
        tokens_of = [[digits(value) for value in row] for row in late[number]]
        stored.append({"id": f"q{number}", "text": text, **rows, "dense": near[number].tolist(), "late": tokens_of})
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in stored)
    (HERE / "query_vectors.json").write_text(f"[{lines}]\n", encoding="utf-8")


def answer_index(folder: Path, calls: Calls, side: str = "sparse", typed: list[str] | None = None) -> None:
    from answers import Opened
    from faces import facts, verify

    assert not verify(folder / "index"), folder
    opened = Opened(folder / "index", side)
    searches = []
    for number, call in enumerate(calls):
        # Every question to a few ways of asking, a few questions to every way.
        asked = range(0, 11, 1 if typed else 2) if number < 1 else ((number * 5) % 11, (number * 7 + 3) % 11)
        for query in dict.fromkeys(asked):
            full = {"query": typed[query] if typed and call["by"] == "text" else f"q{query}", **call}
            searches.append({"call": full, "answer": opened.ask(full)})
    described = json.dumps(facts(opened.index), ensure_ascii=False)
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in searches)
    about = f'"side": {json.dumps(side)},\n"sums": "exact",\n"facts": {described},\n"searches": [\n{lines}\n]'
    (folder / "answers.json").write_text(f"{{{about}}}\n", encoding="utf-8")


def answer_indexes() -> None:
    for name, calls in INDEXES.items():
        answer_index(FORMAT_3 / name, calls, SIDES.get(name, "sparse"))
    format_2 = HERE / "index" / "format-2"
    answer_index(format_2 / "blocks", [*SPARSE[:4], *BLOCKS, *VECTOR, {"by": "index", "recall": 1.0}])
    answer_index(format_2 / "bits-16", SPARSE)


def make_words(index: Path) -> None:
    """Words beside a model's terms, with synonyms and with how much they count as if it had been tuned."""
    from lsr import SparseEncoder
    from lsr.index import Index
    from lsr.search.lexical import LexicalTuning, store_lexical, store_synonyms

    index_words(index, SparseEncoder.load("lsr-golden/splade", max_length=LENGTH))
    store_synonyms(Index.open(index), ["car, automobile, motor car", "tyre => parked"])
    store_lexical(Index.open(index), LexicalTuning(2.5, "nDCG@10", 0.6, 0.5, 100))


def make_bm25(index: Path) -> None:
    """Words alone, nearly as precise as float32."""
    from lsr.encoding.lexical.alone import WordsAlone

    index_words(index, WordsAlone(), weight_bits=24)


def index_words(path: Path, encoder: Any, **settings: Any) -> None:
    """As `lsr index`, but that few terms get a row of weights for all blocks, which of so few blocks is mostly air."""
    from lsr.build.corpus import index_corpus
    from lsr.encoding.lexical.settings import LexicalSettings
    from lsr.index import IndexSettings
    from lsr.text import open_corpus

    made = IndexSettings(frequent_share=0.5, **settings)
    index_corpus(open_corpus(HERE / "words.jsonl"), path, encoder, lexical=LexicalSettings(), settings=made)


MAKERS = {"words": make_words, "bm25": make_bm25}


def make_new() -> None:
    """The indexes of `NEW` that are not there, and their answers."""
    for name, calls in NEW.items():
        folder = FORMAT_3 / name
        if folder.exists():
            print(f"{folder.name}/ is there, and stays as it is")
            continue
        MAKERS[name](folder / "index")
        answer_index(folder, calls, SIDES.get(name, "sparse"), TYPED)


def make_old_formats() -> None:
    """With the code of older commits.

    GOLDEN_TREES holds their trees, by commit, each laid out as its wheel would be; GOLDEN_PYTHON is an interpreter that
    has the packages of today and no lsr.
    """
    corpus, queries, folder = HERE / "corpus.jsonl", HERE / "queries.jsonl", HERE / "index"
    options = ("--model", "lsr-golden/splade", "--max-length", LENGTH)
    blocks = (*options, "--seismic", "--bmp")
    old_lsr("0eebacb", "index", corpus, "-o", folder / "format-1/plain/index", *options)
    old_lsr("652b885", "index", corpus, "-o", folder / "format-2/blocks/index", *blocks)
    old_lsr("652b885", "tune", folder / "format-2/blocks/index", "--queries", queries, "--recall", 1.0, "--k", 10)
    old_lsr("652b885", "index", corpus, "-o", folder / "format-2/bits-16/index", *options, "--weight-bits", 16)
    old_lsr("97d967b", "index", corpus, "-o", FORMAT_3 / "early/index", *options)
    old_lsr("97d967b", "dense", FORMAT_3 / "early/index", "--model", "lsr-golden/dense")


def old_lsr(commit: str, *arguments: object) -> None:
    """Run a command of an older command line."""
    command = [os.environ["GOLDEN_PYTHON"], "-c", "from lsr.cli.app import main; main()", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(os.environ["GOLDEN_TREES"]) / commit)}
    subprocess.run(command, check=True, env=environment, cwd=WORK)


# -- vectors, runs -----------------------------------------------------------------------------------------------------


def make_vectors() -> None:
    from encoded import describe_file

    folder = HERE / "vectors"
    lsr(
        "encode",
        HERE / "corpus.jsonl",
        "-o",
        folder / "docs.parquet",
        "--model",
        "lsr-golden/splade",
        "--max-length",
        LENGTH,
    )
    lsr("export", FORMAT_3 / "bits-16/index", "-o", folder / "docs.ciff")
    for name in ("docs.jsonl", "docs.jsonl.zst", "docs.ciff.gz"):
        lsr("export", FORMAT_3 / "pruned/index", "-o", folder / name)
    lsr("export", FORMAT_3 / "vectors/index", "-o", folder / "numbered.jsonl.gz")
    lsr("prune", folder / "docs.parquet", "-o", folder / "pruned.parquet", "--quantile", 0.5)
    lsr("prune", folder / "docs.ciff", "-o", folder / "pruned.ciff", "--max-ratio", 0.4)
    names = sorted(path.name for path in folder.iterdir())
    write_json(folder / "answers.json", {name: describe_file(folder / name) for name in names})
    lsr(
        "search", FORMAT_3 / "plain/index", "--queries", HERE / "queries.jsonl", "-k", 10, "-o", HERE / "runs/plain.run"
    )
    lsr(
        "search",
        FORMAT_3 / "plain/index",
        "--queries",
        HERE / "queries.jsonl",
        "-k",
        10,
        "-o",
        HERE / "runs/plain.run.gz",
    )


def main() -> None:
    if sys.argv[1:] == ["new"]:
        torch.set_num_threads(1)
        fill_cache(WORK / "hub")
        make_new()
        return
    if (HERE / "index").exists():
        sys.exit("golden folders are never written again: a new format or kind is a new folder beside them")
    torch.set_num_threads(1)
    make_texts()
    make_encoders(WORK)
    fill_cache(WORK / "hub")
    answer_encoders()
    make_indexes()
    make_old_formats()
    answer_indexes()
    make_vectors()
    make_work(WORK)
    make_training(WORK)


if __name__ == "__main__":
    main()
