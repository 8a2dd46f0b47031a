"""Evaluate a model on a judged collection next to BM25, and plot effectiveness over the size of the index.

    python docs/examples/evaluate_and_plot.py [PICTURE.svg]

Needs the extra `eval`, which brings bm25s, ranx and matplotlib.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from lsr import Retriever, SparseEncoder
from lsr.core.plotting import figure
from lsr.demo.collection import write_collection
from lsr.eval import EvaluationSettings, evaluate, load_collection, open_or_index
from lsr.index import Index, prune_index
from lsr.vectors.pruning import TopK

MODULES = {"os.path", "pathlib", "shutil", "glob", "tempfile", "csv", "json", "random", "textwrap", "secrets", "base64"}


def main(picture: Path) -> None:
    """Evaluate a full index and pruned ones, and draw what pruning costs and saves."""
    with TemporaryDirectory() as folder:
        work = Path(folder)
        collection = load_collection(write_collection(work / "collection", modules=MODULES))
        retriever = open_or_index(collection, work / "index", SparseEncoder.load("lsr-doc-tiny"))

        report = evaluate(collection, retriever).report
        print(report.to_markdown())

        settings = EvaluationSettings(metrics=["ndcg@10"], k=10, bm25=False)
        sizes, scores = [], []
        for terms in (8, 16, 32, 64, 128):
            small = prune_index(Index.open(work / "index"), work / f"top-{terms}", TopK(terms))
            ndcg = evaluate(collection, Retriever(small), settings).report.metrics["ndcg@10"]
            sizes.append(sum(file.stat().st_size for file in (work / f"top-{terms}").rglob("*")) / 1e6)
            scores.append(ndcg)
            print(f"the {terms:3} heaviest terms of each document: nDCG@10 {ndcg:.3f}, {sizes[-1]:.2f} MB")

    with figure([picture], columns=1, title="Python's documentation, pruned") as (panel,):
        panel.plot(sizes, scores, marker="o", label="lsr-doc-tiny, top k terms")
        panel.axhline(report.baselines["bm25"].metrics["ndcg@10"], linestyle="--", color="grey", label="BM25")
        panel.set(xlabel="index, MB", ylabel="nDCG@10")
        panel.legend()
    print(f"drawn in {picture}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("pruned.svg"))
