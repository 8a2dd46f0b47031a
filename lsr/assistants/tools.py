"""The tools: searching, and reading what was found.

Assistants read the descriptions of tools and of their arguments, and what is said where something went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote, unquote

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from lsr.assistants.sources import About, Source
from lsr.core.counted import counted
from lsr.core.documents import Document, is_blank
from lsr.core.errors import InputError, LsrError
from lsr.core.options import shortened
from lsr.index.fusion.settings import modes
from lsr.search.response import Hit
from lsr.search.snippets import make_snippet

_MOST = 50
_SNIPPET = 400
_SCHEME = "lsr://"
# Fields in which documents say where they are to be found.
_ADDRESSES = ("url", "link", "uri")

Query: TypeAlias = Annotated[
    str, Field(description="What to look for: a question or a few words, in the language of the documents.")
]
Vector: TypeAlias = Annotated[
    dict[str, float] | None,
    Field(
        description="The terms to search by, and the weight of each. The query is "
        "then an empty text, unless the mode makes a dense vector of it."
    ),
]
DenseVector: TypeAlias = Annotated[
    list[float] | None,
    Field(
        description="A dense vector to search by, of the model of the documents' own. The query is then an empty "
        "text, unless the mode makes a sparse vector of it."
    ),
]
Most: TypeAlias = Annotated[int, Field(ge=1, le=_MOST, description="How many results to return.")]
Filter: TypeAlias = Annotated[
    str | None,
    Field(
        description='Only documents whose fields fulfil this, such as `year >= 2020 and lang in ("en", "de") and not '
        "draft`. Conditions are =, !=, <, <=, >, >=, in (…), ^= (begins with) and exists(field); they are combined by "
        "and, or, not. Texts and dates stand in quotes. The description of the tool names the fields that there are.",
    ),
]
Mode: TypeAlias = Annotated[
    str,
    Field(
        description="How to search; auto is right but for a reason. hybrid and dense need dense vectors.",
        json_schema_extra={"enum": list(modes())},
    ),
]
Relevance: TypeAlias = Annotated[
    float | None,
    Field(
        ge=0,
        le=1,
        description="Only documents of at least this relevance, so that there may be none; 0.3 leaves out what hardly "
        "fits. Only in collections whose results have a relevance.",
    ),
]
DocumentId: TypeAlias = Annotated[str, Field(description="The `id` of a result of search, or its `url`.")]


class Result(BaseModel):
    """A document that was found."""

    id: str = Field(description="What fetch takes.")
    title: str
    snippet: str = Field(description="The passage that matches best.")
    score: float = Field(description="Higher is better; comparable within one search only.")
    url: str = Field(description="Where the document is to be found, to cite it by.")
    relevance: float | None = Field(
        None, description="From 0 to 1: how likely it is relevant; null where the collection does not tell."
    )


class Results(BaseModel):
    """What was found, best first."""

    results: list[Result]


class Whole(BaseModel):
    """A whole document."""

    id: str
    title: str
    text: str
    url: str = Field(description="Where the document is to be found, to cite it by.")
    fields: dict[str, Any] = Field(description="What else is known of it.")


class Tools:
    """The tools of a collection."""

    def __init__(self, source: Source) -> None:
        """Raises what the source raises if there is no such collection."""
        self._source = source
        self.about: About = source.about()

    @property
    def search_description(self) -> str:
        """What searching is for, and what can be searched here."""
        about = self.about
        fields = ", ".join(f"{name} ({kind})" for name, kind in about.fields.items() if not name.startswith("_"))
        return (
            f"Search the collection {about.name!r} ({counted(about.documents, 'documents')}). "
            "Returns the best documents, each with the passage that matches best; read a whole one with fetch. "
            "If nothing fits, try other words. "
            + (f"Fields to filter by: {fields}." if fields else "The documents have no fields to filter by.")
            + ("" if about.dense else " There are no dense vectors: leave out mode.")
        )

    @property
    def fetch_description(self) -> str:
        """What reading is for."""
        return f"Read a document of the collection {self.about.name!r}: its whole text, and all that is known of it."

    def search(
        self,
        query: Query,
        k: Most = 10,
        filter: Filter = None,
        mode: Mode = "auto",
        min_relevance: Relevance = None,
        vector: Vector = None,
        dense_vector: DenseVector = None,
    ) -> Results:
        """See `search_description`."""
        with _told():
            if is_blank(query) and vector is None and dense_vector is None:
                raise InputError("is empty: give some words to look for", field="query")
            extra = {"min_relevance": min_relevance, "vector": vector, "dense_vector": dense_vector}
            given = {name: value for name, value in extra.items() if value is not None}
            found = self._source.search(
                None if is_blank(query) else query, k, mode=mode, filter=filter or None, explain=True, **given
            )
        return Results(results=[self._result(hit) for hit in found])

    def fetch(self, id: DocumentId) -> Whole:
        """See `fetch_description`."""
        with _told():
            found = self._source.get(self._id_of(id))
        if found is None:
            raise ToolError(f"there is no document {shortened(id)}: give the id of a result of search")
        return Whole(id=found.id, title=found.title, text=found.text, url=self._url(found), fields=found.fields)

    def _result(self, hit: Hit) -> Result:
        document = hit.document
        snippet = make_snippet(document.text, hit.matches or (), _SNIPPET).text
        return Result(
            id=hit.id,
            title=document.title,
            snippet=snippet,
            score=round(hit.score, 4),
            url=self._url(document),
            relevance=None if hit.relevance is None else round(hit.relevance, 4),
        )

    def _url(self, document: Document) -> str:
        """Where a document says that it is; else its name here."""
        said = (document.fields.get(name) for name in _ADDRESSES)
        return next((each for each in said if isinstance(each, str) and "://" in each), self._own(document.id))

    def _own(self, id: str) -> str:
        return f"{_SCHEME}{self.about.name}/{quote(id, safe='', errors='replace')}"

    def _id_of(self, given: str) -> str:
        own = self._own("")
        return unquote(given.removeprefix(own)) if given.startswith(own) else given


@contextmanager
def _told() -> Iterator[None]:
    """Tell the assistant of the library's errors, so that it can do better; others stay here, in the log."""
    try:
        yield
    except LsrError as error:
        raise ToolError(error.message()) from error
