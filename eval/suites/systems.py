"""The systems of a suite at work: indexes are made once for each model, text and setting, and shared."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.core.files import atomic_folder
from lsr.core.progress import Stages
from lsr.core.unfinished import announce
from lsr.encoding.lexical.settings import WORDS_ALONE
from lsr.encoding.titles import recorded
from lsr.eval.collections import TestCollection
from lsr.eval.runs import read_run
from lsr.eval.suites.config import Bm25System, CollectionConfig, ModelSystem, RunSystem, SystemConfig
from lsr.eval.suites.evaluate import as_it_is
from lsr.eval.suites.hashes import Hashes, digest
from lsr.eval.suites.prepare import open_or_index
from lsr.eval.systems.bm25 import answer_with_bm25
from lsr.eval.systems.retriever import RetrieverSystem
from lsr.eval.systems.system import System

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.lexical.alone import WordsAlone
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.search.retriever import Retriever


class Systems:
    """Makes a suite's systems ready to answer.

    Args:
        work: the folder of the indexes; each is named by a hash of the corpus, the model and the settings.
        hashes: of corpora and models.
        device: where models run; None for the best there is.
    """

    def __init__(self, work: Path, hashes: Hashes, *, device: str | None = None) -> None:
        self.hashes = hashes
        self._work, self._device = work, device
        self._models: dict[tuple[str, int | None], SparseEncoder | WordsAlone] = {}
        self._dense: dict[str, DenseEncoder] = {}
        self._ready: set[Path] = set()

    def identity(self, system: SystemConfig, collection: CollectionConfig) -> dict[str, Any]:
        """All that decides a system's answers on a collection but the texts and the depth, as JSON values."""
        if isinstance(system, Bm25System):
            return {"bm25s": True}
        if isinstance(system, RunSystem):
            return {"run": self.hashes.of_files(system.path(collection.label))}
        return {
            "index": self._index_key(system, collection),
            "dense": None if system.dense is None else self.hashes.of_model(system.dense),
            "query_idf": system.query_idf,
            "plan": system.plan().to_record(),
        }

    def system(
        self, system: SystemConfig, config: CollectionConfig, collection: TestCollection, stages: Stages
    ) -> System:
        """The system, ready to answer: its index is made if there is none."""
        if isinstance(system, Bm25System):
            return answer_with_bm25
        if isinstance(system, RunSystem):
            return as_it_is(system.name, read_run(system.path(config.label)))
        return RetrieverSystem(self._retriever(system, config, collection, stages), system.name)

    def _index_key(self, system: ModelSystem, collection: CollectionConfig) -> dict[str, Any]:
        lexical = system.lexical(collection.language)
        windows = system.window_settings()
        return {
            "corpus": self.hashes.of_corpus(collection.source),
            "model": system.model if system.model == WORDS_ALONE else self.hashes.of_model(system.model),
            "lexical": None if lexical is None else asdict(lexical),
            "max_length": system.max_length,
            "top_k": system.top_k,
            "windows": system.windows if windows is None else windows.to_record(),
            **recorded(system.title_weight),
        }

    def _retriever(
        self, system: ModelSystem, config: CollectionConfig, collection: TestCollection, stages: Stages
    ) -> Retriever:
        key = self._index_key(system, config)
        base = self._work / digest(key)
        prepare = partial(self._prepare, system, config, collection, stages)
        if system.dense is None:
            return prepare(base, None)
        # A copy of its own: what the others measure of their index is without dense vectors.
        with_dense = self._work / digest(key, self.hashes.of_model(system.dense))
        if not with_dense.exists():
            prepare(base, None)
            with atomic_folder(with_dense) as temporary:
                shutil.copytree(base, temporary, dirs_exist_ok=True)
        return prepare(with_dense, self._dense_model(system.dense))

    def _prepare(
        self,
        system: ModelSystem,
        config: CollectionConfig,
        collection: TestCollection,
        stages: Stages,
        path: Path,
        dense: DenseEncoder | None,
    ) -> Retriever:
        """A retriever of the index at `path`, made if need be, and compared with the corpus when first opened."""
        from lsr.build.encoders import windows_that_fit
        from lsr.search.retriever import Retriever

        encoder = self._model(system.model, system.max_length)
        if path not in self._ready:
            announce(path)
            fitting = windows_that_fit(system.windows, system.max_length, None, encoder)
            retriever = open_or_index(
                collection,
                path,
                encoder,
                lexical=system.lexical(config.language),
                top_k=system.top_k,
                title_weight=system.title_weight,
                windows=system.window_settings() or fitting,
                only_if_needed=fitting is not None,
                query_idf=system.query_idf,
                dense=dense,
                device=self._device,
                stages=stages,
            )
            self._ready.add(path)
            return retriever
        retriever = Retriever.open(path, query_idf=system.query_idf, device=self._device)
        if system.model != WORDS_ALONE:
            retriever.encoder = encoder  # type: ignore[assignment]
        if dense is not None:
            retriever.dense_encoder = dense
        return retriever

    def _model(self, name: str, max_length: int | None) -> SparseEncoder | WordsAlone:
        from lsr.build.encoders import load_encoder

        if (name, max_length) not in self._models:
            self._models[name, max_length] = load_encoder(name, max_length=max_length, device=self._device)
        return self._models[name, max_length]

    def _dense_model(self, name: str) -> DenseEncoder:
        from lsr.encoding.dense.encoder import DenseEncoder

        if name not in self._dense:
            self._dense[name] = DenseEncoder.load(name, device=self._device)
        return self._dense[name]
