"""MTEB: `lsr` as a model that searches, and as the index of other sparse encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from weakref import finalize

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.core.schema import ID
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.index.filters.tree import In
from lsr.search.flat import plan_of
from lsr.text.windows import fitting_windows

with needed("mteb", "mteb", "mteb"):
    from mteb.models.model_meta import ModelMeta

if TYPE_CHECKING:
    from lsr.index import Index
    from lsr.search.retriever import Retriever

_BATCH = 1024


class _Folder:
    """A folder for indexes of which each takes the place of the one before, and which goes with its owner."""

    def __init__(self, owner: Any, folder: str | Path | None) -> None:
        self.path = Path(mkdtemp(prefix="lsr-mteb-") if folder is None else folder)
        self._made = 0
        if folder is None:
            finalize(owner, rmtree, self.path, ignore_errors=True)

    def next(self) -> Path:
        """Where the next index goes; the one before, which may be searched yet, is removed."""
        rmtree(self.path / str(self._made), ignore_errors=True)
        self._made += 1
        return self.path / str(self._made)


class LsrSearch:
    """A model of MTEB (`SearchProtocol`) that indexes a corpus as `lsr index` does, and searches it as `lsr search`.

    `mteb.evaluate(LsrSearch("lsr-doc-tiny"), tasks)` runs retrieval and re-ranking tasks of texts.
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
        self._folder = _Folder(self, folder)
        self._retriever: Retriever | None = None
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
        self._retriever = Retriever.open(made.path)

    def search(
        self, queries: Any, *, top_k: int, top_ranked: Mapping[str, Sequence[str]] | None = None, **_: Any
    ) -> dict[str, dict[str, float]]:
        """The scores of the `top_k` best documents for each query, by id; of those in `top_ranked`, if there are."""
        retriever = self._retriever
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


class LsrSearchIndex:
    """An inverted index for the vectors of a sparse encoder (`IndexEncoderSearchProtocol`).

    `SearchEncoderWrapper(SparseEncoderWrapper(model), index_backend=LsrSearchIndex())` searches with it in place of
    scoring each query with each document. Weights are stored in 24 bits; scores are inner products of these.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """`folder`: where indexes are built; a temporary folder, if it is not given."""
        self._folder = _Folder(self, folder)
        self._parts: list[Any] = []
        self._index: Index | None = None
        self.ids: list[str] = []

    def add_documents(self, embeddings: Any, idxs: Sequence[str]) -> None:
        """Add the vectors of documents, [n, dim], dense or sparse, of torch or numpy, of weights above 0."""
        first = len(self.ids)
        self.ids += [str(id) for id in idxs]
        # Rows are called by their numbers, which are what a search gives.
        self._parts.append(_vectors(embeddings, [str(number) for number in range(first, len(self.ids))]))
        self._index = None

    def search(
        self,
        embeddings: Any,
        top_k: int,
        similarity_fn: Callable[..., Any] | None = None,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        query_idx_to_id: Mapping[int, str] | None = None,
    ) -> tuple[list[list[float]], list[list[int]]]:
        """The scores and numbers of the best documents of each query; among `top_ranked`, numbers count in its list.

        Every similarity is the inner product. A query that shares no term with so many documents has fewer.
        """
        index = self._built()
        queries = _vectors(embeddings, [str(number) for number in range(embeddings.shape[0])])
        if top_ranked is None:
            found = index.search_batch(queries, min(top_k, len(self.ids)), mode="exact")
            return [[*map(float, hits.scores)] for hits in found], [[*map(int, hits.ids)] for hits in found]
        if query_idx_to_id is None:
            raise InputError("is needed with top_ranked", field="query_idx_to_id")
        numbers = {id: number for number, id in enumerate(self.ids)}
        scores: list[list[float]] = []
        places: list[list[int]] = []
        for number in range(len(queries)):
            among = [numbers[id] for id in top_ranked[query_idx_to_id[number]]]
            rows = [index.documents.row(str(each)) for each in among]
            terms, weights = queries.row(number)
            given = index.scores(terms, weights, rows)
            best = sorted(range(len(among)), key=lambda place: (-given[place], place))[:top_k]
            scores.append([float(given[place]) for place in best])
            places.append(best)
        return scores, places

    def clear(self) -> None:
        """Forget all documents."""
        self._parts, self._index, self.ids = [], None, []

    def _built(self) -> Index:
        from lsr.index import IndexBuilder, IndexSettings

        if self._index is None:
            if not self._parts:
                raise InputError("add documents first", field="embeddings")
            settings = IndexSettings(weight_bits=24)  # scores as those of the floats, as nearly as it goes
            with IndexBuilder(self._folder.next(), dim=self._parts[0].dim, settings=settings) as builder:
                for part in self._parts:
                    builder.add(part)
                self._index = builder.finish()
        return self._index


def _vectors(embeddings: Any, ids: list[str]) -> Any:
    import numpy as np
    import scipy.sparse

    from lsr.vectors.sparse import SparseVectors

    if hasattr(embeddings, "is_sparse"):
        return SparseVectors.from_torch(embeddings, ids)
    matrix = embeddings if hasattr(embeddings, "tocsr") else scipy.sparse.csr_array(np.asarray(embeddings, np.float32))
    return SparseVectors.from_scipy(matrix, ids)
