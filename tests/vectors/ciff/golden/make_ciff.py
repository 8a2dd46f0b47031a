"""Made `ciff-toolkit.ciff`, in an environment with ciff-toolkit 0.2.2 and protobuf 4.25.9: python make_ciff.py"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ciff_toolkit.ciff_pb2 import DocRecord, Header, Posting, PostingsList
from ciff_toolkit.write import CiffWriter

DOCUMENTS = 300
LISTS = {"##ing": [(0, 3), (1, 255)], "bird": [(1, 1), (3, 128), (299, 70_000)], "naïve": [(0, 127)]}


def postings_lists() -> Iterator[PostingsList]:
    for term, postings in LISTS.items():
        message = PostingsList(term=term, df=len(postings), cf=sum(tf for _, tf in postings))
        before = 0
        for docid, tf in postings:
            message.postings.append(Posting(docid=docid - before, tf=tf))
            before = docid
        yield message


def main() -> None:
    lengths = [0] * DOCUMENTS
    for postings in LISTS.values():
        for docid, tf in postings:
            lengths[docid] += tf
    header = Header(
        version=1,
        num_postings_lists=len(LISTS),
        num_docs=DOCUMENTS,
        total_postings_lists=len(LISTS),
        total_docs=DOCUMENTS,
        total_terms_in_collection=sum(lengths),
        average_doclength=sum(lengths) / DOCUMENTS,
        description="made by ciff-toolkit",
    )
    records = (DocRecord(docid=i, collection_docid=f"d{i}", doclength=length) for i, length in enumerate(lengths))
    with CiffWriter(Path(__file__).with_name("ciff-toolkit.ciff")) as writer:
        writer.write_header(header)
        writer.write_postings_lists(postings_lists())
        writer.write_documents(records)


if __name__ == "__main__":
    main()
