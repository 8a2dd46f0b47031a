"""Files of a segment that can be made again of others of its files: what a repair goes by.

Files are named as they lie in the segment's folder; those of an added part as `PART/FILE`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lsr.core.errors import IndexFormatError
from lsr.core.schema import Schema
from lsr.index.format.arrays import narrow, open_array, open_numbers, write_array
from lsr.index.format.checks import largest
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.bmp.part import BmpPart
from lsr.index.parts.deleted import NAME as DELETED
from lsr.index.parts.deleted import ROWS_NAME, TOKENS_NAME, counted, numbers_of_deleted
from lsr.index.parts.deleted import TERMS_NAME as DELETED_TERMS_NAME
from lsr.index.parts.dense.ann import write_ann
from lsr.index.parts.dense.record import ANN_NAME, VECTORS_NAME, DenseRecord
from lsr.index.parts.dense.record import NAME as DENSE
from lsr.index.parts.documents import FILE_NAME as DOCUMENTS_NAME
from lsr.index.parts.documents import PLACES_NAME, DocumentStore
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.fields.part import NAME as FIELDS
from lsr.index.parts.fields.writer import FILE_NAME as FIELDS_NAME
from lsr.index.parts.fields.writer import write_fields
from lsr.index.parts.forward import TERMS_NAME, Forward, ForwardPart
from lsr.index.parts.ids import FILES as ID_FILES
from lsr.index.parts.ids import IdTable
from lsr.index.parts.names import NameWriter
from lsr.index.parts.order import POSITIONS_NAME, inverse
from lsr.index.parts.order import ROWS_NAME as ORDER_NAME
from lsr.index.parts.part import WrittenPart
from lsr.index.parts.rare_terms.part import RareTermsPart
from lsr.index.parts.rare_terms.turns import RareTerms
from lsr.index.parts.seismic.part import SeismicPart
from lsr.index.parts.summaries.part import SummariesPart
from lsr.index.parts.terms import DOCUMENTS_NAME as TERM_DOCUMENTS_NAME
from lsr.index.parts.terms import TOKENS_NAME as TERM_TOKENS_NAME
from lsr.index.parts.terms import documents_of_terms
from lsr.index.parts.windows import WINDOWS_NAME, number_documents
from lsr.text.windows import split_window_id

_AT_A_TIME = 1 << 14


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left of a segment, in a folder of its own: files that are to be made again are not in it.

    Attributes:
        folder: where its files are, and made.
        record: what the manifest says of it.
    """

    folder: Path
    record: SegmentRecord

    def path(self, file: str) -> Path:
        """Where a file lies, or is to lie."""
        part, _, name = file.rpartition("/")
        return self.folder / (f"{self.record.parts[part].folder}/{name}" if part else name)

    def forward(self) -> Forward:
        """The forward index. IndexFormatError also for terms that there are not, by which kernels go."""
        forward = ForwardPart().open(self.folder, self.record)
        if largest(forward.indices) >= self.record.dim:
            raise IndexFormatError(f"{self.path(TERMS_NAME)}: a number is not below {self.record.dim:,}")
        return forward

    def rare_terms(self) -> RareTerms | None:
        """Which terms shared columns stand for; None where none are shared."""
        return None if self.record.shared is None else RareTermsPart().open(self.folder, self.record)

    def store(self) -> DocumentStore:
        """The stored documents."""
        places = None
        if PLACES_NAME in self.record.files:
            count = self.record.documents
            places = open_numbers(self.path(PLACES_NAME), np.uint32, count, count)
        return DocumentStore(self.path(DOCUMENTS_NAME), places)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How some files are made of others.

    Attributes:
        makes: the files; all of them are written.
        of: those that must be there, as far as the segment has such.
        make: writes them.
    """

    makes: tuple[str, ...]
    of: tuple[str, ...]
    make: Callable[[Remains], None]

    def applies(self, record: SegmentRecord, whole: Collection[str], wanted: Collection[str]) -> bool:
        """Whether it makes a file that is wanted, of those that are whole."""
        have = files_of(record)
        return any(file in wanted for file in self.makes) and all(file in whole for file in self.of if file in have)


def files_of(record: SegmentRecord) -> set[str]:
    """Every file of a segment."""
    return {*record.files, *(f"{name}/{file}" for name, part in record.parts.items() for file in part.files)}


def _order(remains: Remains) -> None:
    _invert(remains, POSITIONS_NAME, ORDER_NAME)


def _positions(remains: Remains) -> None:
    _invert(remains, ORDER_NAME, POSITIONS_NAME)


def _invert(remains: Remains, source: str, target: str) -> None:
    count = remains.record.documents
    write_array(remains.path(target), inverse(open_numbers(remains.path(source), np.uint32, count, count)))


def _term_documents(remains: Remains) -> None:
    counts = documents_of_terms(remains.forward(), remains.rare_terms(), remains.record.terms)
    if counts is None:
        raise IndexFormatError(f"{remains.folder}: a term id is out of range")
    write_array(remains.path(TERM_DOCUMENTS_NAME), narrow(counts) if remains.record.words else counts)


def _written(part: WrittenPart) -> Callable[[Remains], None]:
    """As a build writes a part that is made of the forward index alone."""

    def make(remains: Remains) -> None:
        record = remains.record
        draft = SegmentDraft(remains.folder, record.dim, record.settings, compact=record.words > 0)
        draft.documents, draft.forward = record.documents, remains.forward()
        part.write(draft, lambda count: None)

    return make


def _places(remains: Remains) -> None:
    """Of ids: which row the id of each stored document has."""
    count = remains.record.documents
    ids = IdTable(remains.folder, count)
    stored = DocumentStore(remains.path(DOCUMENTS_NAME))
    places = np.zeros(count, np.uint32)
    for place, (id,) in enumerate(stored.values("id")):
        row = ids.find(id)
        if row is None:
            raise IndexFormatError(f"{remains.path(DOCUMENTS_NAME)}: an id that the table of ids does not have")
        places[row] = place
    write_array(remains.path(PLACES_NAME), places)


def _windows(remains: Remains) -> None:
    ids = IdTable(remains.folder, remains.record.documents)
    numbers = [split_window_id(ids.id(row))[1] for row in range(len(ids))]
    write_array(remains.path(WINDOWS_NAME), number_documents(np.array(numbers)))


def _ids(remains: Remains) -> None:
    """Of the documents, which say their ids."""
    _write_ids(remains, (id for (id,) in remains.store().values("id")))


def _id_hashes(remains: Remains) -> None:
    bytes = open_array(remains.path(ID_FILES.bytes), np.uint8)
    indptr = open_array(remains.path(ID_FILES.indptr), np.int64, remains.record.documents + 1)
    found = [bytes[first:last].tobytes().decode() for first, last in pairwise(indptr)]
    _write_ids(remains, iter(found))


def _write_ids(remains: Remains, ids: Iterator[str]) -> None:
    for name in ID_FILES[:4]:
        remains.path(name).unlink(missing_ok=True)  # it may be a link to the file of another segment
    writer = NameWriter(remains.folder, ID_FILES)
    held: list[str] = []
    for id in ids:
        held.append(id)
        if len(held) == _AT_A_TIME:
            writer.append(held)
            held = []
    writer.append(held)
    writer.finish()


def _fields(remains: Remains) -> None:
    schema = Schema.from_record(remains.record.parts[FIELDS].record)
    with pa.OSFile(str(remains.path(f"{FIELDS}/{FIELDS_NAME}")), "wb") as sink:
        write_fields(sink, schema, remains.store().fields(windows=remains.record.windows is not None))


def _ann(remains: Remains) -> None:
    record = DenseRecord.from_record(remains.record.parts[DENSE].record)
    count = remains.record.documents
    vectors = open_array(remains.path(f"{DENSE}/{VECTORS_NAME}"), np.float32, count * record.dim)
    write_ann(
        remains.path(f"{DENSE}/{ANN_NAME}"),
        vectors.reshape(count, record.dim),
        record.kind,
        seed=0,
        threads=os.cpu_count() or 1,
        progress=lambda count: None,
    )


def _deleted_terms(remains: Remains) -> None:
    count = remains.record.documents
    alive = open_array(remains.path(f"{DELETED}/{ROWS_NAME}"), np.uint8, (count + 7) // 8)
    positions = open_numbers(remains.path(POSITIONS_NAME), np.uint32, count, count)
    forward, rare = remains.forward(), remains.rare_terms()
    ids: list[npt.NDArray[Any]] = [np.empty(0, np.int64)]
    for position in positions[numbers_of_deleted(alive, count)].tolist():
        if rare is not None:
            ids.append(rare.term_ids(forward, np.array([position])))
        else:
            ids.append(forward.indices[forward.indptr[position] : forward.indptr[position + 1]])
    write_array(remains.path(f"{DELETED}/{DELETED_TERMS_NAME}"), counted(np.concatenate(ids)).ravel())


def _no_deleted_tokens(remains: Remains) -> None:
    write_array(remains.path(f"{DELETED}/{TOKENS_NAME}"), np.zeros(0, np.int64))


_FORWARD = (*ForwardPart.files, *RareTermsPart.files)
_DELETED_ROWS = f"{DELETED}/{ROWS_NAME}"

RECIPES: dict[str, Recipe] = {
    "order": Recipe((ORDER_NAME,), (POSITIONS_NAME,), _order),
    "positions": Recipe((POSITIONS_NAME,), (ORDER_NAME,), _positions),
    "term counts": Recipe((TERM_DOCUMENTS_NAME,), _FORWARD, _term_documents),
    "bounds": Recipe(SummariesPart.files, _FORWARD, _written(SummariesPart())),
    "blocks of Seismic": Recipe(SeismicPart.files, _FORWARD, _written(SeismicPart())),
    "blocks of BMP": Recipe(BmpPart.files, _FORWARD, _written(BmpPart())),
    "hashes of ids": Recipe(ID_FILES[2:4], ID_FILES[:2], _id_hashes),
    "ids": Recipe(ID_FILES[:4], (DOCUMENTS_NAME, PLACES_NAME), _ids),
    "places of documents": Recipe((PLACES_NAME,), (DOCUMENTS_NAME, *ID_FILES[:4]), _places),
    "windows": Recipe((WINDOWS_NAME,), ID_FILES[:4], _windows),
    "fields": Recipe((f"{FIELDS}/{FIELDS_NAME}",), (DOCUMENTS_NAME, PLACES_NAME), _fields),
    "structure over dense vectors": Recipe((f"{DENSE}/{ANN_NAME}",), (f"{DENSE}/{VECTORS_NAME}",), _ann),
    "terms that are deleted": Recipe(
        (f"{DELETED}/{DELETED_TERMS_NAME}",), (_DELETED_ROWS, POSITIONS_NAME, *_FORWARD), _deleted_terms
    ),
}
"""In the order of preference: the first that applies is taken, again and again, until none does."""


def recipes_for(record: SegmentRecord, damaged: Collection[str]) -> tuple[list[Recipe], set[str]]:
    """(What is to be done one after another, what of the damaged files remains damaged)."""
    have = files_of(record)
    wanted, whole = set(damaged), have - set(damaged)
    known = list(RECIPES.values())
    if TERM_TOKENS_NAME not in record.files:
        # Where tokens are not counted, there are none that no longer count.
        known.append(Recipe((f"{DELETED}/{TOKENS_NAME}",), (), _no_deleted_tokens))
    taken: list[Recipe] = []
    while (recipe := next((each for each in known if each.applies(record, whole, wanted)), None)) is not None:
        taken.append(recipe)
        wanted -= set(recipe.makes)
        whole |= have & set(recipe.makes)
    return taken, wanted
