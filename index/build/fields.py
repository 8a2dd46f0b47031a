"""The typed fields of an index: written when it is built, or added to one that there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lsr.core.annotated import as_annotated
from lsr.core.documents import Document
from lsr.core.schema import Schema, SchemaObserver
from lsr.index.format.output import seal
from lsr.index.format.records import PartRecord
from lsr.index.live.snapshot import Index
from lsr.index.parts.adding import PartWriter
from lsr.index.parts.documents import FILE_NAME as DOCUMENTS
from lsr.index.parts.documents import DocumentStore
from lsr.index.parts.fields.part import NAME
from lsr.index.parts.fields.writer import FILE_NAME, FieldsDraft, write_fields
from lsr.text.windows import split_window_id


def record_fields(fields: FieldsDraft, segment: Path, places: npt.NDArray[np.uint32] | None) -> PartRecord:
    """Write the fields of a segment that is being built, whose documents are stored, as a part of it.

    `places`: of the rows' documents in their file, as in `DocumentStore`.
    """
    assert fields.schema is not None
    folder = segment / f"{NAME}-{0:08x}"  # the first of the segment
    folder.mkdir()
    fields.write(folder, DocumentStore(segment / DOCUMENTS, places))
    return PartRecord(folder.name, fields.schema.to_record(), seal(folder))


@as_annotated
def add_fields(index: Index, schema: Schema | Mapping[str, str] | None = None, *, force: bool = False) -> Index:
    """Write the fields of an index's documents as typed columns, for filters; return it, reopened.

    For an index that was built without, or by another schema. `schema` has types by name (`lsr.core.schema`); if it is
    not given, it is inferred. `force` replaces those that there are.

    InputError names a document that does not fit; OutputExistsError if there are fields already.
    """
    segment = index.sparse.whole_segment()
    store: DocumentStore = segment.part("documents")
    windows = index.documents.windows is not None
    declared = None if schema is None else Schema.of(schema)
    with PartWriter(index.path, index.segments[0].record.name, NAME, force=force) as part:
        if declared is None:
            observer = SchemaObserver()
            for values in store.fields(windows=windows):
                observer.add(values)
            declared = observer.schema()
        else:
            for (id,), values in zip(store.values("id"), store.fields(windows=windows), strict=True):
                declared.check([Document(split_window_id(id)[0] if windows else id, "", fields=values)])
        with pa.OSFile(str(part.folder / FILE_NAME), "wb") as sink:
            write_fields(sink, declared, store.fields(windows=windows))
        part.publish(declared.to_record(), keeps_fusion=True)
    return Index.open(index.path)
