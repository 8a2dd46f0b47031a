"""CIFF, the Common Index File Format: sparse vectors for and from Anserini, PISA, BMP, Terrier and others.

The format (https://github.com/osirrc/ciff) is that of Lin et al., Supporting Interoperability Between Open-Source
Search Engines with the Common Index File Format, SIGIR 2020: a header, a postings list per term and a record per
document, each a protocol buffer preceded by its length. Docids are stored as gaps, impacts as integers in place of term
frequencies.

Use it through `lsr.vectors.files`.
"""

from lsr.vectors.ciff.reader import CiffReader
from lsr.vectors.ciff.writer import write_ciff

__all__ = ["CiffReader", "write_ciff"]
