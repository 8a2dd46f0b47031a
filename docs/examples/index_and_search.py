"""Index some text and search it: by words, with an explanation, and by a vector.

    python docs/examples/index_and_search.py

The text is documentation that comes with every Python: that of the modules which deal with files.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from lsr import Retriever, SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.demo.corpus import standard_library_documents

MODULES = {"os.path", "pathlib", "shutil", "glob", "tempfile", "zipfile", "gzip", "csv", "json"}
QUESTION = "how do I get the file name without its folder?"


def main() -> None:
    """Make an index in a temporary folder and ask it a question in four ways."""
    documents = list(standard_library_documents(modules=MODULES))
    print(f"{len(documents)} documents, such as {documents[0].title!r}")

    with TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        encoder = SparseEncoder.load("lsr-doc-tiny")  # comes with lsr, nothing is downloaded
        index_corpus(documents, path, encoder)

        # An index is a folder. It knows its encoder, so this is all that a search by text needs.
        retriever = Retriever.open(path)
        answer = retriever.search(QUESTION, k=3, explain=True)
        print(f"\n? {QUESTION}")
        for hit in answer.hits:
            terms = ", ".join(f"{match.term} {match.contribution:.1f}" for match in (hit.matches or [])[:4])
            print(f"{hit.rank}. {hit.score:5.2f}  {hit.document.title:50.50}  {terms}")

        # Every mode that is exact gives the same hits and scores, to the bit.
        everything = retriever.search(QUESTION, k=3, mode="exhaustive")
        assert [(hit.id, hit.score) for hit in everything.hits] == [(hit.id, hit.score) for hit in answer.hits]

        # A query is a few weighted words. Yours to look at, to change and to search with.
        vector = retriever.encode(QUESTION)
        print("\nas a vector:", {term: round(weight, 2) for term, weight in list(vector.items())[:6]})
        del vector["folder"]
        print("without 'folder':", [hit.id for hit in retriever.search_vector(vector, k=3).hits])

        print("\nwhy that one:", retriever.explain(QUESTION, answer.hits[0].id).matches[0])


if __name__ == "__main__":
    main()
