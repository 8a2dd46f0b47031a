"""Members that `Index` had in lsr 0.1, and where they are now. They work until 0.3."""

from __future__ import annotations

from lsr.core.deprecation import MovedMember
from lsr.index.engines.tuning import Tuning
from lsr.vectors.pruning import Pruning

MOVED = {
    "choose_mode": MovedMember("Index.sparse.choose_mode", lambda index: index.sparse.choose_mode),
    "dense": MovedMember('Index.parts["dense"]', lambda index: index.parts["dense"]),
    "document": MovedMember("Index.documents.get", lambda index: index.documents.get),
    "document_at": MovedMember("Index.documents.at", lambda index: index.documents.at),
    "document_count": MovedMember("len(Index.documents)", lambda index: len(index.documents)),
    "document_frequencies": MovedMember('Index.parts["terms"].documents', lambda index: index.parts["terms"].documents),
    "document_ids": MovedMember("Index.documents.ids", lambda index: index.documents.ids),
    "document_rows": MovedMember("Index.documents.rows_of", lambda index: index.documents.rows_of),
    "has_dense": MovedMember('"dense" in Index.parts', lambda index: "dense" in index.parts),
    "ids": MovedMember("Index.documents.row_ids", lambda index: index.documents.row_ids),
    "late": MovedMember('Index.parts["late"]', lambda index: index.parts["late"]),
    "modes": MovedMember("Index.sparse.modes", lambda index: index.sparse.modes),
    "passage": MovedMember("Index.documents.passage", lambda index: index.documents.passage),
    "prepare": MovedMember("Index.sparse.prepare", lambda index: index.sparse.prepare),
    "prunings": MovedMember(
        "Index.manifest.prunings", lambda index: [Pruning.from_record(record) for record in index.manifest.prunings]
    ),
    "row": MovedMember("Index.documents.row", lambda index: index.documents.row),
    "search_prepared": MovedMember("Index.sparse.search_prepared", lambda index: index.sparse.search_prepared),
    "space": MovedMember('Index.describe()["bytes"]', lambda index: lambda: index.describe()["bytes"]),
    "token_frequencies": MovedMember('Index.parts["terms"].tokens', lambda index: index.parts["terms"].tokens),
    "tunings": MovedMember(
        "Index.manifest.tunings", lambda index: tuple(Tuning(**record) for record in index.manifest.tunings)
    ),
    "warm_up": MovedMember("Index.sparse.warm_up", lambda index: index.sparse.warm_up),
    "windows": MovedMember("Index.documents.windows", lambda index: index.documents.windows),
}
"""Methods that changed an opened index are not among them: `lsr.index.store_tuning` takes the index."""
