"""Adapting an encoder to a corpus, using only its text.

Queries are made from the documents (titles if there are any, and cropped sentences), search finds candidates for them,
an ensemble of teachers scores these, and a short run distils the scores: the recipe of GPL (Wang et al.,
arXiv:2112.07577), with pseudo-queries that need no generator and teachers of several kinds (arXiv:2411.04403).

    FOLDER/data/      pseudo-queries, mined and scored
    FOLDER/…          as `lsr.training.run` leaves it
    FOLDER/adapted.json   what was measured before and after
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.counted import counted
from lsr.core.errors import InputError, ModelError
from lsr.core.files import atomic_file, scratch_folder
from lsr.core.progress import Stages, silent
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.sparse.bm25 import Bm25Encoder
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.encoding.sparse.idf import inverse_document_frequency
from lsr.encoding.sparse.spec import TableSpec, TransformerSpec
from lsr.text import count_documents, open_corpus
from lsr.training.config import (
    About,
    ModelConfig,
    QueryTableConfig,
    RunConfig,
    SetConfig,
    TowerConfig,
    TrainingConfig,
    WordsConfig,
)
from lsr.training.config.reading import set_field
from lsr.training.data import Texts, TrainingSet, TrainingSetWriter, open_training_set
from lsr.training.data.training_set import is_training_set
from lsr.training.losses.info_nce import InfoNce
from lsr.training.losses.kl_divergence import KlDivergence
from lsr.training.negatives import IndexSearcher, MiningSettings, mine
from lsr.training.negatives.loading import load_searcher
from lsr.training.penalties.flops import Flops
from lsr.training.penalties.penalty import Penalty
from lsr.training.run import train
from lsr.training.run.arguments import check_trainable_on
from lsr.training.run.folder import DATA, RunFolder
from lsr.training.teachers import load_teacher, score_training_set

REPORT = "adapted.json"
# Pseudo-queries held out of training to measure on: a share, and at most so many.
_HELD_OUT = 0.1
_MOST_HELD_OUT = 300
_FEWEST = 50
_PEEK = 1000
_DEPTH = 10
_RANK = "reciprocal_rank@10"
# The weight of contrasting a pseudo-query's document with its candidates, beside the teachers' scores, which alone let
# terms fade.
_CONTRAST = 0.1
_IDF = 0.75  # as in `SparseEncoder.with_query_idf`


@dataclass(frozen=True, kw_only=True)
class AdaptSettings:
    """Settings of an adaptation.

    Attributes:
        base: the encoder to start from.
        teachers: as for `lsr.training.teachers.load_teacher`; their ensemble scores the candidates.
        queries: the most pseudo-queries to train on.
        steps, batch_size, negatives, learning_rate, max_length: of the training run.
        sparsity: λ of the penalty on document terms.
        seed: of crops, candidates and training.
    """

    base: str
    teachers: Sequence[str] = ("bm25", "minilm", "splade-tiny")
    queries: int = 20_000
    steps: int = 400
    batch_size: int = 8
    negatives: int = 7
    learning_rate: float = 2e-4
    max_length: int = 256
    sparsity: float = 0.0002
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Adaptation:
    """The result of an adaptation.

    Attributes:
        model: the encoder's folder.
        queries: number of pseudo-queries trained on; held_out: number of those measured on.
        before, after: measures of base and result on those: "reciprocal_rank@10", the mean of 1 / rank of the document
            that the query was made from, of the model alone; the same "with words" beside its terms, as in an index
            that `lsr index` makes; and "document_terms", the mean number of the model's active terms.
    """

    model: Path
    queries: int
    held_out: int
    before: dict[str, float]
    after: dict[str, float]


@dataclass(frozen=True, slots=True)
class AdaptPlan:
    """What an adaptation would do.

    Attributes:
        documents: number in the corpus, where its form says so.
        kinds: what queries are made of: "titles", "crops".
        queries: of each kind, at most: what the settings and the number of documents allow.
        teachers: their names.
        config: the training run, without its data, which are made first.
    """

    documents: int | None
    kinds: tuple[str, ...]
    queries: int
    teachers: tuple[str, ...]
    config: TrainingConfig


def plan_adaptation(
    corpus: str, settings: AdaptSettings, *, changes: Mapping[str, Any] | None = None, device: str | None = None
) -> AdaptPlan:
    """The plan of `adapt`, which refuses what that would: base and teachers are loaded, the corpus is begun.

    Raises as `adapt` does.
    """
    kinds = _kinds(corpus)
    documents = _count(corpus)
    for name in settings.teachers:
        if name != "bm25":
            load_teacher(name, bm25=_no_bm25, max_length=settings.max_length, device=device)
    base = SparseEncoder.load(settings.base, queries_only=True)
    sets = [SetConfig(source=f"{kind}:{corpus}") for kind in kinds]
    model = ModelConfig(document=_document(base, settings))
    queries = settings.queries if documents is None else min(settings.queries, documents)
    return AdaptPlan(
        documents, kinds, queries, tuple(settings.teachers), _run_config(base, model, sets, settings, changes)
    )


def _no_bm25() -> Bm25Encoder:
    raise AssertionError("nothing is counted for a plan")


def adapt(
    corpus: str,
    folder: str | Path,
    settings: AdaptSettings,
    *,
    changes: Mapping[str, Any] | None = None,
    device: str | None = None,
    stages: Stages = silent,
) -> Adaptation:
    """Train an encoder for a corpus that `lsr.text.open_corpus` reads; needs no judgements and no queries.

    Work done before an interruption is not repeated: pseudo-queries, mining, scoring and checkpoints stay in the
        folder.

    Args:
        changes: of fields of the training run, by dotted names as in a recipe: {"run.warmup": 0.1}. With
            {"words.weight": 1.5}, losses see the sum of the model's scores and those of words (`WordsConfig`); as in
            training, they see the model alone otherwise.
        device: of models and training; None for an accelerator where there is one.

    Raises InputError for a corpus without usable text, or a folder with other contents; ModelError for a base that
    cannot be trained.
    """
    folder = Path(folder)
    # What training would refuse is refused before the long work that goes before it.
    check_trainable_on(device)
    RunFolder(folder).check(None)
    data = folder / DATA
    trained, held_out = [], []
    _count(corpus)
    for kind in _kinds(corpus):
        some, rest = _pseudo_queries(corpus, kind, data, settings, stages)
        trained.append(_score(_mine(some, data / f"{kind}-mined", settings, device, stages), settings, device, stages))
        held_out.append(rest)
    config = _config(trained, data, settings, changes, stages)
    model = train(config, folder, device=device, stages=stages)
    words = (config.words or WordsConfig()).settings()
    before, after = (
        _measure(
            SparseEncoder.load(name, max_length=settings.max_length, device=device), words, held_out, folder, stages
        )
        for name in (settings.base, model)
    )
    adaptation = Adaptation(model, sum(map(len, trained)), sum(map(len, held_out)), before, after)
    with atomic_file(folder / REPORT, force=True) as temporary:
        content = asdict(adaptation) | {"model": str(model), "corpus": corpus, "settings": asdict(settings)}
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return adaptation


def _count(corpus: str) -> int | None:
    """The number of documents where the corpus says so. InputError if they are too few."""
    documents = count_documents(corpus)
    if documents is not None and documents < _FEWEST:
        raise InputError(
            f"{corpus} has only {counted(documents, 'documents')}, too few to learn from: {_FEWEST} at least are needed"
        )
    return documents


def _kinds(corpus: str) -> tuple[str, ...]:
    """What queries are made of."""
    return ("titles", "crops") if _has_titles(corpus) else ("crops",)


def _has_titles(corpus: str) -> bool:
    """Whether most documents have a title, judged by the first thousand."""
    first = [bool(document.title.strip()) for document in islice(open_corpus(corpus), _PEEK)]
    return 2 * sum(first) > len(first)


def _pseudo_queries(
    corpus: str, kind: str, data: Path, settings: AdaptSettings, stages: Stages
) -> tuple[TrainingSet, TrainingSet]:
    """Make queries from documents, to train on and to measure on."""
    paths = data / f"{kind}-train", data / f"{kind}-held-out"
    if not all(map(is_training_set, paths)):
        with stages(f"making queries ({kind})", None, "documents") as progress:
            made = open_training_set(
                f"{kind}:{corpus}", all_texts=True, seed=settings.seed, work=data, progress=progress
            )
        if len(made) < _FEWEST:
            raise InputError(
                f"{corpus} yields only {counted(len(made), 'pseudo-queries')} ({kind}), too few to learn from: "
                f"{_FEWEST} at least are needed"
            )
        order = np.random.default_rng(settings.seed).permutation(len(made))
        kept_out = min(_MOST_HELD_OUT, round(_HELD_OUT * len(made)))
        for path, part in zip(paths, (order[kept_out:][: settings.queries], order[:kept_out]), strict=True):
            _write(made, np.sort(part), path)
    return TrainingSet.open(paths[0]), TrainingSet.open(paths[1])


def _write(made: TrainingSet, examples: npt.NDArray[np.int64], path: Path) -> None:
    with TrainingSetWriter(path, force=True, about=made.about) as writer:
        writer.use_texts(made.texts)
        for number in examples.tolist():
            example = made[number]
            writer.add(example.query_id, example.query, example.positives, example.negatives)


def _mine(made: TrainingSet, path: Path, settings: AdaptSettings, device: str | None, stages: Stages) -> TrainingSet:
    with scratch_folder(path.with_name(f".{path.name}.work")) as work:  # removes what a killed run left of it, too
        if is_training_set(path):
            return TrainingSet.open(path)
        searchers = [
            load_searcher(
                name,
                made.texts,
                work / str(number),
                bm25=lambda: _bm25(made),
                max_length=settings.max_length,
                device=device,
                stages=stages,
            )
            for number, name in enumerate(("bm25", settings.base))
        ]
        mining = MiningSettings(depth=100, negatives=2 * settings.negatives, seed=settings.seed)
        return mine(made, searchers, path, mining, stages=stages)


def _score(mined: TrainingSet, settings: AdaptSettings, device: str | None, stages: Stages) -> TrainingSet:
    path = mined.path.with_name(f"{mined.path.name}-scored")
    if is_training_set(path):
        return TrainingSet.open(path)
    teachers = [
        load_teacher(name, bm25=lambda: _bm25(mined), max_length=settings.max_length, device=device)
        for name in settings.teachers
    ]
    return score_training_set(mined, teachers, path, normalise=True, stages=stages)


def _bm25(made: TrainingSet) -> Bm25Encoder:
    return Bm25Encoder.fit(made.texts[row] for row in range(len(made.texts)))


def _config(
    sets: Sequence[TrainingSet],
    data: Path,
    settings: AdaptSettings,
    changes: Mapping[str, Any] | None,
    stages: Stages,
) -> TrainingConfig:
    base = SparseEncoder.load(settings.base, queries_only=True)
    model = ModelConfig(document=_document(base, settings))
    if base.inference_free:
        model = replace(model, query=_query_table(base, sets[-1].texts, data / "query-table.safetensors", stages))
    return _run_config(base, model, [SetConfig(source=str(each.path)) for each in sets], settings, changes)


def _run_config(
    base: SparseEncoder,
    model: ModelConfig,
    sets: list[SetConfig],
    settings: AdaptSettings,
    changes: Mapping[str, Any] | None,
) -> TrainingConfig:
    """The training run; ModelError for a base that cannot be trained so, InputError for changes that make no sense."""
    penalties: list[Penalty] = [Flops(strength=settings.sparsity, ramp=0.5)]
    if not base.inference_free and base.spec.query != base.spec.document:
        raise ModelError(
            f"{settings.base} has separate models for queries and documents; only one model for both can be adapted"
        )
    config = TrainingConfig(
        about=About(title="lsr adapt"),
        model=model,
        data=sets,
        losses=[KlDivergence(), InfoNce(weight=_CONTRAST)],
        document_regularisers=penalties,
        query_regularisers=[] if base.inference_free else penalties,
        run=RunConfig(
            steps=settings.steps,
            batch_size=settings.batch_size,
            negatives=settings.negatives,
            learning_rate=settings.learning_rate,
            dropout=0.0,
            seed=settings.seed,
            save_every=100,
        ),
    )
    # Checks the values that come from the settings.
    record = config.to_record()
    for name, value in (changes or {}).items():
        set_field(record, name, value)
    return TrainingConfig.from_record(record, "lsr adapt", changed=list(changes or ()))


def _document(base: SparseEncoder, settings: AdaptSettings) -> TowerConfig:
    """The document side, with all that the model does to a text and its vector: a recipe's defaults may differ."""
    spec = base.spec.document
    if not isinstance(spec, TransformerSpec):
        raise ModelError(f"{settings.base} looks document weights up in a table, so there is no model to train")
    return TowerConfig(base=settings.base, **{**spec.encoding(), "max_length": settings.max_length})


def _query_table(base: SparseEncoder, texts: Texts, path: Path, stages: Stages) -> QueryTableConfig:
    """The query side of an inference-free model: its table, blended with the IDF of the corpus as in a search."""
    from safetensors.numpy import save_file

    if not path.exists():
        frequencies = np.zeros(base.dim, np.int64)
        with stages("counting terms", len(texts), "texts") as progress:
            for start in range(0, len(texts), 1024):
                batch = [texts[row] for row in range(start, min(start + 1024, len(texts)))]
                frequencies += base.token_frequencies(batch)
                progress(len(batch))
        # The corpus's own IDF decides what its words are worth, even if the model does not ask for it.
        idf = inverse_document_frequency(frequencies, len(texts))
        with atomic_file(path) as temporary:
            save_file({"weight": base.with_query_idf(idf, base.query_idf or _IDF).query_table}, temporary)
    spec = base.spec.query
    assert isinstance(spec, TableSpec)
    # The IDF is already in the table: blending it in again would give queries that differ from training.
    return QueryTableConfig(table=str(path), trainable=False, **{**spec.encoding(), "idf": 0.0})


def _measure(
    encoder: SparseEncoder,
    words: LexicalSettings,
    held_out: Sequence[TrainingSet],
    folder: Path,
    stages: Stages,
) -> dict[str, float]:
    """Measure how high the document of each held-out pseudo-query ranks among all texts of its set."""
    ranks: dict[str, list[float]] = {_RANK: [], f"{_RANK} with words": []}
    terms, texts = 0.0, 0
    for each in held_out:
        with scratch_folder(folder / ".measuring") as work:
            searcher = IndexSearcher.build(encoder, each.texts, work / "texts", words, stages=stages)
            examples = [each[number] for number in range(len(each))]
            for name, weight in zip(ranks, (0.0, None), strict=True):
                found = searcher.search([example.query for example in examples], _DEPTH, weight)
                for example, rows in zip(examples, found, strict=True):
                    place = np.flatnonzero(np.isin(rows, example.positives))
                    ranks[name].append(1 / (1 + int(place[0])) if len(place) else 0.0)
            terms += searcher.document_terms() * len(each.texts)
            texts += len(each.texts)
    return {**{name: float(np.mean(values)) for name, values in ranks.items()}, "document_terms": terms / texts}
