"""What a training run is: typed, read from YAML, checked before anything is loaded.

A recipe (`training/recipes/*.yaml`) is one of these. Every field has a default that trains something sensible, but for
the data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from lsr.core.errors import InputError, MissingDependencyError

try:
    from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
except ImportError:  # pragma: no cover
    raise MissingDependencyError("training needs the extra `train`: pip install 'lsr-engine[train]'") from None

_STRICT = ConfigDict(extra="forbid")
_Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[float, Field(gt=0)]
_NotNegative = Annotated[float, Field(ge=0)]
_Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters (arXiv:2106.09685) on every linear layer of a backbone, merged when the model is exported."""

    __pydantic_config__ = _STRICT

    rank: _Count = 16
    alpha: _Positive = 32
    dropout: _Share = 0.0


@dataclass(frozen=True, kw_only=True)
class TermFrequencyConfig:
    """How a text's own terms count by their frequency.

    Attributes:
        start: the weight of each term before training; where the model has weights already, those are taken.
        learning_rate: theirs, far above the model's: there is one number a term.
        k1, b: BM25's.
        mean_length: tokens of a text of usual length.
    """

    __pydantic_config__ = _STRICT

    start: _NotNegative = 1.0
    learning_rate: _Positive = 1e-3
    k1: _NotNegative = 1.2
    b: _Share = 0.75
    mean_length: _Positive = 180.0


@dataclass(frozen=True, kw_only=True)
class TowerConfig:
    """A model that turns tokens into term weights.

    Attributes:
        base: a packaged model, a folder, a hub name, or a .gguf file: a masked LM or a decoder.
        pooling, activation: max_i or Σ_i over tokens of log(1 + relu(logit)); "log1p_relu" takes the logarithm twice
            (arXiv:2504.14839), "no_log", of term weights alone, not at all.
        head: "vocabulary", the language model's own head; "term_weights", a linear layer that weighs each token's own
            term (uniCOIL, arXiv:2106.14807).
        new_head: give a model without a vocabulary head, such as a dense encoder, one tied to its word embeddings.
        gate: "lexical" keeps the terms that occur in the text.
        top_k: keep so many terms of a text, the heaviest.
        max_length: tokens read of a text, special tokens included.
        prompt: text put before each text.
        attention: of a decoder: "causal" or "bidirectional"; None leaves the model's own.
        echo: read the text twice and pool over the second copy (arXiv:2402.15449).
        scale, learn_scale, bias: of logits, as of `lsr.encoding.sparse.backbone.load_backbone`.
        initial_terms: start the bias where so many terms of a text are active, about. A decoder's head activates nearly
            all of them before training.
        lora: train low-rank adapters in place of all weights.
        term_frequency: add BM25's damped term frequencies of the text's own terms to the vector, each times a learned
            weight (`lsr.encoding.sparse.term_frequency`). None leaves the model's own.
        gradient_checkpointing: compute activations again on the way back: less memory, a third more time.
    """

    __pydantic_config__ = _STRICT

    base: str = "splade-tiny"
    pooling: Literal["max", "sum"] = "max"
    activation: Literal["relu", "log1p_relu", "no_log"] = "relu"
    head: Literal["vocabulary", "term_weights"] = "vocabulary"
    new_head: bool = False
    gate: Literal["none", "lexical"] = "none"
    top_k: _Count | None = None
    max_length: Annotated[int, Field(ge=3)] = 256
    prompt: str = ""
    attention: Literal["causal", "bidirectional"] | None = None
    echo: bool = False
    scale: _Positive | Literal["hidden^-0.25"] | None = None
    learn_scale: bool = False
    bias: Literal["scalar", "term"] | None = None
    initial_terms: _Count | None = None
    lora: LoraConfig | None = None
    term_frequency: TermFrequencyConfig | None = None
    gradient_checkpointing: bool = False


@dataclass(frozen=True, kw_only=True)
class QueryTableConfig:
    """Queries without a model: each token has a weight (inference-free, arXiv:2411.04403; SPLADE-doc with "ones").

    Attributes:
        table: "idf" (of the texts trained on), "ones", or a file: `idf.json` or a `weight` in safetensors.
        trainable: learn the weights too, from there on.
        learning_rate: theirs, far above the model's: there is one number a term.
        idf: how much of the weights is to be the IDF of the collection that is searched, 0 to 1, once trained: see
            `SparseEncoder.with_query_idf`.
        scale: multiplies the table before training. Scores that spread far wider than the teachers' make the model
            shrink its weights, and terms die. Of a table that is "idf" or "ones".
        stop_share: tokens that more than this share of the texts hold are stop words: they weigh nothing in queries,
            nor do their frequencies in documents. Of a table that is "idf".
        count_repeats: a token counts as often as it stands in the query, as in BM25.
        max_length: tokens read of a query.
    """

    __pydantic_config__ = _STRICT

    table: str
    idf: _Share = 0.0
    trainable: bool = True
    learning_rate: _Positive = 1e-3
    scale: _Positive = 1.0
    stop_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    count_repeats: bool = False
    max_length: _Count = 256
    prompt: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Document tower and query side: "shared" (one model for both), a table, or a tower of its own."""

    __pydantic_config__ = _STRICT

    document: TowerConfig = field(default_factory=TowerConfig)
    query: Literal["shared"] | QueryTableConfig | TowerConfig = "shared"


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """An objective and its weight in the sum.

    Attributes:
        name: "info_nce" (labels), "kl" or "margin_mse" (a teacher's scores).
        temperature: divides scores before the softmax; margin_mse has none.
        in_batch: the candidates of the other queries count too, on all devices for info_nce; kl then needs teachers
            that score the batch (as in OpenSearch's tuning code). None: for info_nce alone.
    """

    __pydantic_config__ = _STRICT

    name: Literal["info_nce", "kl", "margin_mse"]
    weight: _Positive = 1.0
    temperature: _Positive = 1.0
    in_batch: bool | None = None

    @property
    def over_batch(self) -> bool:
        """Whether all candidates of the batch count."""
        return self.name == "info_nce" if self.in_batch is None else self.in_batch


@dataclass(frozen=True, kw_only=True)
class RegulariserConfig:
    """A penalty on term weights.

    Attributes:
        name: "flops", "l1", "df_flops", "anti_zero", or one of the two that are published as IDF-aware FLOPS:
            "idf_matching" (plain FLOPS of the weights before the IDF; needs a query table) and "flops_idf_inverse"
            (FLOPS of weights over IDF). `lsr.training.penalties.regularisers` says how they differ.
        strength: λ.
        ramp: share of the steps over which λ grows, and how.
        threshold: texts of at most so many active terms are not penalised (flops and its kin).
        alpha, beta: of df_flops.
    """

    __pydantic_config__ = _STRICT

    name: Literal["flops", "l1", "idf_matching", "flops_idf_inverse", "df_flops", "anti_zero"]
    strength: _NotNegative
    ramp: _Share = 1 / 3
    shape: Literal["constant", "linear", "quadratic"] = "quadratic"
    threshold: Annotated[int, Field(ge=0)] = 0
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.1
    beta: _Positive = 10.0


@dataclass(frozen=True, kw_only=True)
class SetConfig:
    """Training data: anything that `lsr.training.data.open_training_set` reads.

    Attributes:
        source: a training set, BEIR folder, `irds:NAME`, or a file of records; "titles:CORPUS" and "crops:CORPUS" make
            queries of the corpus's own text.
        split: of a BEIR folder.
        candidates: negatives and scores by id, from someone's mining run.
        scores: a file of scores of those candidates.
        systems: of negatives listed by the system that found them, those of these systems; all if None.
        seed: of crops.
        share: of the batches; by size if no set names one.
    """

    __pydantic_config__ = _STRICT

    source: str
    split: str = "train"
    candidates: str | None = None
    scores: str | None = None
    systems: list[str] | None = None
    seed: int = 0
    share: _Positive | None = None


@dataclass(frozen=True, kw_only=True)
class DevelopmentConfig:
    """A judged collection that is searched exactly in the course of training.

    `documents` limits the corpus: all that are judged relevant, and the first others.
    """

    __pydantic_config__ = _STRICT

    source: str
    split: str = "dev"
    documents: _Count | None = 20_000
    queries: _Count | None = 500


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Steps, sizes, rates.

    Attributes:
        steps: updates of the weights; or give `epochs`.
        batch_size: queries in a step on one device.
        negatives: candidates of a query beside its positive.
        accumulate: batches whose gradients are summed in one step. In-batch negatives stay within a batch: for more of
            those, raise batch_size and set `chunk`.
        chunk: GradCache (arXiv:2101.06983): texts in one run of the model, so that batch_size is bounded by vectors
            instead of activations.
        learning_rate, warmup: a linear rise over that share of the steps, then a linear fall.
        precision: "float32", "bf16" or "fp16" (autocast).
        dropout: None leaves the model's own.
        log_every, evaluate_every, save_every: in steps; keep: checkpoints that are kept.
        refresh_every: mine negatives anew with the student itself, after so many steps each time (ANCE).
        workers: processes that read and tokenise.
        extra: further fields of transformers' TrainingArguments.
    """

    __pydantic_config__ = _STRICT

    steps: _Count | None = None
    epochs: _Positive | None = None
    batch_size: _Count = 32
    negatives: Annotated[int, Field(ge=0)] = 7
    accumulate: _Count = 1
    chunk: _Count | None = None
    learning_rate: _Positive = 2e-5
    warmup: _Share = 0.06
    weight_decay: _NotNegative = 0.01
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    dropout: _Share | None = None
    seed: int = 42
    log_every: _Count = 20
    evaluate_every: _Count | None = None
    save_every: _Count | None = None
    keep: _Count = 2
    refresh_every: _Count | None = None
    workers: Annotated[int, Field(ge=0)] = 0
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class About:
    """Where a recipe comes from: for people.

    `data` is where its data comes from; whoever lacks it is told.
    """

    __pydantic_config__ = _STRICT

    title: str = ""
    source: str = ""
    published: str = ""
    hardware: str = ""
    data: str = ""
    notes: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """A whole training run."""

    __pydantic_config__ = _STRICT

    data: list[SetConfig]
    about: About = field(default_factory=About)
    model: ModelConfig = field(default_factory=ModelConfig)
    losses: list[LossConfig] = field(default_factory=lambda: [LossConfig(name="info_nce")])
    teachers: list[str] = field(default_factory=list)
    teacher_scale: _Positive = 30.0
    document_regularisers: list[RegulariserConfig] = field(default_factory=list)
    query_regularisers: list[RegulariserConfig] = field(default_factory=list)
    run: RunConfig = field(default_factory=RunConfig)
    development: DevelopmentConfig | None = None
    export_dtype: Literal["float32", "float16", "bfloat16"] = "float32"


_ADAPTER = TypeAdapter(TrainingConfig)


def read_config(path: str | Path, changes: dict[str, Any] | None = None) -> TrainingConfig:
    """Read a YAML file; `changes` are values by dotted names, such as {"run.steps": 100}, that replace the file's.

    Raises InputError that names the file and the field.
    """
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no fields: a recipe is a mapping with `data`, `model`, …")
    for name, value in (changes or {}).items():
        set_field(content, name, value)
    if "data" in (changes or {}) and isinstance(about := content.get("about"), dict):
        about.pop("data", None)  # tells of what was replaced
    return parse_config(content, str(path))


def parse_config(content: dict[str, Any], source: str) -> TrainingConfig:
    """The config of plain values; InputError names `source` and every field that does not fit."""
    try:
        config = _ADAPTER.validate_python(content)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
            + ("" if isinstance(each["input"], dict) else f", not {each['input']!r}")
            for each in error.errors()
        ]
        raise InputError("; ".join(problems), source=source) from None
    _check(config, source)
    return config


def to_plain(config: TrainingConfig) -> dict[str, Any]:
    """JSON values, from which `parse_config` makes the same config."""
    plain: dict[str, Any] = _ADAPTER.dump_python(config, mode="json")
    return plain


def _check(config: TrainingConfig, source: str) -> None:
    """What no field can say alone."""
    query = config.model.query
    for regulariser in config.document_regularisers:
        if regulariser.name == "idf_matching" and not isinstance(query, QueryTableConfig):
            raise InputError(
                "idf_matching is plain FLOPS of document weights whose score has the IDF on the query's side: it needs "
                "a query table (model.query.table: idf)",
                source=source,
                field="document_regularisers",
            )
    for regulariser in config.query_regularisers:
        where: dict[str, Any] = {"source": source, "field": "query_regularisers"}
        if regulariser.name == "idf_matching":
            raise InputError("idf_matching is a penalty on documents", **where)
        if isinstance(query, QueryTableConfig):
            raise InputError("queries of a table are as sparse as their text: leave these out", **where)
    if (config.run.steps is None) == (config.run.epochs is None):
        raise InputError("give run.steps or run.epochs, one of them", source=source, field="run")
    if not config.data:
        raise InputError("name at least one training set", source=source, field="data")
    if not config.losses:
        raise InputError("name at least one loss", source=source, field="losses")
    if config.run.refresh_every is not None:
        where = {"source": source, "field": "run.refresh_every"}
        if config.run.workers:
            raise InputError("negatives cannot be mined anew for data loader workers: set run.workers to 0", **where)
        if any(loss.name != "info_nce" for loss in config.losses) and not config.teachers:
            raise InputError("negatives that are mined anew have no scores to distil: name `teachers`", **where)
    shares = [each.share is not None for each in config.data]
    if any(shares) and not all(shares):
        raise InputError("give every training set a share, or none", source=source, field="data")
    for loss in config.losses:
        if loss.over_batch and loss.name == "margin_mse":
            raise InputError("margin_mse compares a query's own candidates", source=source, field="losses.in_batch")
        if loss.over_batch and loss.name == "kl" and not config.teachers:
            raise InputError("kl over the batch needs `teachers` that score it", source=source, field="losses.in_batch")
    if config.run.negatives == 0 and any(loss.name != "info_nce" for loss in config.losses):
        raise InputError("distillation needs negatives to compare: at least 1", source=source, field="run.negatives")


def double_penalty(config: TrainingConfig) -> str | None:
    """A warning where frequent terms are penalised twice, by an IDF in the query and by one in the penalty."""
    query = config.model.query
    weighted = isinstance(query, QueryTableConfig) and query.table != "ones"
    if weighted and any(each.name == "flops_idf_inverse" for each in config.document_regularisers):
        return (
            "flops_idf_inverse divides by the IDF, and the query table multiplies by it: frequent terms are penalised "
            "twice. The published form with a query table is idf_matching"
        )
    return None


def set_field(content: dict[str, Any], name: str, value: Any) -> None:
    """Set a field of plain values by its dotted name. InputError where something else than a mapping is in the way."""
    *path, last = name.split(".")
    for part in path:
        inner = content.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InputError(f"{name}: {part} is {inner!r} in the recipe, not a mapping")
        content = inner
    content[last] = value
