"""MTEB: `lsr` as a model that searches, and as the index of other sparse encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.core.schema import ID
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.index.filters.tree import In
from lsr.integrations.sparse_index import IndexFolder, LsrSearchIndex
from lsr.search.flat import plan_of
from lsr.text.windows import fitting_windows

with needed("mteb", "mteb", "mteb"):
    from mteb.models.model_meta import ModelMeta

if TYPE_CHECKING:
    from lsr.search.retriever import Retriever

__all__ = ["LsrSearch", "LsrSearchIndex"]

_BATCH = 1024


class LsrSearch:
    """A model of MTEB (`SearchProtocol`) that indexes a corpus as `lsr index` does, and searches it as `lsr search`.

    `mteb.evaluate(LsrSearch("lsr-doc-tiny"), tasks)` runs retrieval and re-ranking tasks of texts.

    Attributes:
        retriever: searches the corpus that was indexed last; None before the first.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        dense: str | None = None,
        lexical: bool = True,
        language: str = "english",
        device: str | None = None,
        folder: str | Path | None = None,
        name: str | None = None,
        **how: Any,
    ) -> None:
        """Load the models.

        Args:
            model: a name from `lsr models`, a folder or a hub name; "bm25" for words alone.
            dense: a dense model, for hybrid search.
            lexical: whether words count beside the model's terms; `language`: of their stemmer.
            device: of the models; None for the best that there is.
            folder: where indexes are built; a temporary folder, if it is not given.
            name: that results are stored under, as `organization/model`.
            how: keywords of a search, such as `mode="hybrid"`. See `lsr.search.flat.plan_of`.
        """
        from lsr import __version__
        from lsr.encoding.dense.encoder import DenseEncoder
        from lsr.encoding.lexical.alone import WordsAlone
        from lsr.encoding.lexical.settings import WORDS_ALONE, LexicalSettings
        from lsr.encoding.sparse.encoder import SparseEncoder

        words = model == WORDS_ALONE
        self._encoder = WordsAlone() if words else SparseEncoder.load(model, device=device)
        self._dense = None if dense is None else DenseEncoder.load(dense, device=device)
        self._lexical = LexicalSettings(language=language) if lexical or words else None
        self._how = ({} if dense is None else {"mode": "hybrid"}) | how
        self._plan = plan_of(**self._how)
        self._folder = IndexFolder(self, folder)
        self.retriever: Retriever | None = None
        self.mteb_model_meta = ModelMeta.create_empty(
            overwrites={
                "name": name or f"lsr/{Path(model).name}{'' if dense is None else f'+{Path(dense).name}'}",
                "revision": __version__,
                "model_type": ["sparse"],
                "framework": [],
            }
        )

    def index(self, corpus: Any, **_: Any) -> None:
        """Index a corpus: rows with `id`, `text` and, as it may be, `title`."""
        from lsr.build.corpus import index_corpus
        from lsr.build.dense import add_dense_vectors
        from lsr.index import IndexSettings
        from lsr.search.retriever import Retriever

        if "text" not in corpus.column_names:
            raise InputError(f"texts are indexed, not {', '.join(corpus.column_names)}", field="corpus")
        # As `lsr index` does: what is longer than the model reads is cut, where there is such a document.
        windows = fitting_windows(self._encoder.max_length) if self._encoder.max_length else None
        documents = (Document(str(row["id"]), row["text"] or "", row.get("title") or "") for row in corpus)
        made = index_corpus(
            documents,
            self._folder.next(),
            self._encoder,
            lexical=self._lexical,
            settings=IndexSettings(weight_bits=24) if not self._encoder.dim else None,
            windows=windows,
            only_if_needed=windows is not None,
        )
        if self._dense is not None:
            made = add_dense_vectors(made, self._dense)
        self.retriever = Retriever.open(made.path)

    def search(
        self, queries: Any, *, top_k: int, top_ranked: Mapping[str, Sequence[str]] | None = None, **_: Any
    ) -> dict[str, dict[str, float]]:
        """The scores of the `top_k` best documents for each query, by id; of those in `top_ranked`, if there are."""
        retriever = self.retriever
        if retriever is None:
            raise InputError("index a corpus first", field="corpus")
        ids, texts = [str(id) for id in queries["id"]], [str(text) for text in queries["text"]]
        found: dict[str, dict[str, float]] = {}
        for start in range(0, len(ids), _BATCH):
            some, asked = ids[start : start + _BATCH], texts[start : start + _BATCH]
            if top_ranked is None:
                encoded = retriever.encode_queries(asked, self._plan, some)
                for id, hits in zip(some, retriever.rank(encoded, top_k, self._plan), strict=True):
                    found[id] = dict(zip(hits.ids, map(float, hits.scores), strict=True))
                continue
            for id, text in zip(some, asked, strict=True):
                ids_of = list(top_ranked[id])
                among = In(ID, tuple(ids_of))
                scores = {hit.id: float(hit.score) for hit in retriever.search(text, top_k, **self._how, filter=among)}
                # What shares no term with the query is ranked, too.
                found[id] = {each: scores.get(each, 0.0) for each in [*dict.fromkeys([*scores, *ids_of])][:top_k]}
        return found
