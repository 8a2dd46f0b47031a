"""The training data of the models that come with lsr: sampled, mined and scored.

    python benchmarks/shipped_data.py FOLDER -o WORK [--scale 1.0] [--only NAME...] [--teacher NAME...]
        [--max-length 192]

FOLDER holds collections in BEIR form by the names in `SETS`. From each, `queries` questions of its training split (or
the sentences of texts that no question is about) are drawn with the texts that they need and others up to `texts`, in a
fixed order; BM25 and the packaged SPLADE find candidates among these texts, and the teachers (if none are named, BM25,
MiniLM and the packaged SPLADE) score them. WORK/NAME-scored are the training sets, WORK/NAME-scores each teacher's own
scores. Existing files are kept, so that an interrupted run continues.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Part(NamedTuple):
    """How much of a collection to use: questions, and texts (all if None) among which candidates are found."""

    split: str | None  # None: sentences of its texts are the questions
    queries: int
    texts: int | None


SETS = {
    "acl-titles": Part("train", 7_000, 11_000),
    "medquad": Part("train", 4_000, 7_000),
    "tldr": Part("train", 5_000, None),
    "squad-sentences": Part("dev", 5_000, None),
    "medical-forum-qa": Part("train", 1_500, None),
    "pubmedqa-l": Part("train", 500, None),
    "distractors": Part(None, 3_000, None),
    "acl-titles-crops": Part(None, 4_000, None),
    "medquad-crops": Part(None, 2_500, None),
}
TEACHERS = ("bm25", "minilm", "splade-tiny")
MAX_LENGTH = 192


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="WORK")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies all counts: 0.01 for a trial")
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--teacher", nargs="+", metavar="NAME", default=TEACHERS, help="any of `lsr score`")
    parser.add_argument("--max-length", type=int, default=MAX_LENGTH, help="tokens that models read of a text")
    arguments = parser.parse_args()
    for name in arguments.only:
        prepare(name, arguments)
    return 0


def prepare(name: str, arguments: argparse.Namespace) -> None:
    """Make one training set, from a sample of its collection to scores."""
    part, work, scale = SETS[name], arguments.output, arguments.scale
    limit = ["--max-length", str(arguments.max_length)]
    # Sentences are cropped from the texts that were drawn for the questions.
    whole = name.removesuffix("-crops")
    sample = work / whole
    if not sample.exists():
        draw(arguments.folder / whole, SETS[whole], sample, scale)
    source = str(sample) if part.split else f"crops:{sample}"
    queries = work / f"{name}-queries"
    if part.split is None and not queries.exists():
        thin(source, round(part.queries * scale), queries)
    mined, scored = work / f"{name}-mined", work / f"{name}-scored"
    if not mined.exists():
        searchers = ["--with", "bm25", "--with", "splade-tiny", "--depth", "50", "--negatives", "15"]
        origin = [str(queries)] if part.split is None else [source, "--split", part.split]
        lsr("mine", *origin, "-o", mined, *searchers, *limit)
    if not scored.exists():
        teachers = [argument for teacher in arguments.teacher for argument in ("-t", teacher)]
        lsr("score", mined, "-o", scored, *teachers, "--keep", work / f"{name}-scores", *limit)


def thin(source: str, count: int, path: Path) -> None:
    """Keep only so many of a set's queries, with all of its texts."""
    from lsr.training.data import TrainingSetWriter, open_training_set

    made = open_training_set(source, all_texts=True, seed=42, work=path.parent)
    with TrainingSetWriter(path, about=made.about) as writer:
        writer.use_texts(made.texts)
        for number in sorted(range(len(made)), key=lambda number: order(made[number].query_id))[:count]:
            example = made[number]
            writer.add(example.query_id, example.query, example.positives, example.negatives)


def draw(collection: Path, part: Part, sample: Path, scale: float) -> None:
    """Make a BEIR folder of the drawn questions and texts, completely or not at all."""
    judged: dict[str, list[str]] = {}
    if part.split:
        for line in (collection / "qrels" / f"{part.split}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            query, document, grade = line.split("\t")
            if int(grade) > 0:
                judged.setdefault(query, []).append(document)
    kept = set(sorted(judged, key=order)[: round(part.queries * scale)])
    needed = {document for query in kept for document in judged[query]}
    corpus = list(records(collection / "corpus.jsonl"))
    limit = round((len(corpus) if part.texts is None else part.texts) * scale)
    others = sorted((record["_id"] for record in corpus if record["_id"] not in needed), key=order)
    needed.update(others[: max(0, limit - len(needed))])

    unfinished = sample.with_name(f".{sample.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "qrels").mkdir(parents=True)
    write(unfinished / "corpus.jsonl", (record for record in corpus if record["_id"] in needed))
    if part.split:
        write(
            unfinished / "queries.jsonl",
            (record for record in records(collection / "queries.jsonl") if record["_id"] in kept),
        )
        lines = [f"{query}\t{document}\t1" for query in judged if query in kept for document in judged[query]]
        content = "\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n"
        (unfinished / "qrels" / f"{part.split}.tsv").write_text(content, encoding="utf-8")
    unfinished.rename(sample)


def order(identifier: str) -> str:
    """A random sort key that depends only on the id."""
    return hashlib.md5(identifier.encode()).hexdigest()


def records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def write(path: Path, content: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in content)


def lsr(*arguments: str | Path) -> None:
    subprocess.run([Path(sys.executable).with_name("lsr"), *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
