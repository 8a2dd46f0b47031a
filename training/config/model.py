"""The model of a training run: what it starts from, how it reads texts, what is trained."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PlainSerializer, PlainValidator, Tag
from pydantic_core import PydanticCustomError

from lsr.encoding.sparse.spec import EncodingSpec, TableEncodingSpec, TermFrequency
from lsr.training.numbers import Count, NotNegative, Positive, Share


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters (arXiv:2106.09685) on every linear layer of a backbone, merged when the model is exported."""

    rank: Count = 16
    alpha: Positive = 32
    dropout: Share = 0.0


@dataclass(frozen=True, kw_only=True)
class TermFrequencyConfig(TermFrequency):
    """How a text's own terms are weighted by their frequency.

    Attributes:
        start: the weight of each term before training, unless the model already has weights.
        learning_rate: of these weights, far above the model's, as there is one number per term.
        k1, b: BM25's.
        mean_length: tokens of a text of usual length.
    """

    start: NotNegative = 1.0
    learning_rate: Positive = 1e-3
    k1: NotNegative = 1.2
    b: Share = 0.75
    mean_length: Positive = 180.0

    def damping(self) -> TermFrequency:
        """The part that the model keeps."""
        return TermFrequency(**{each.name: getattr(self, each.name) for each in fields(TermFrequency)})


_GATES = {"none": False, "lexical": True}


def _lexical(gate: Any) -> bool:
    if not isinstance(gate, str) or gate not in _GATES:
        raise PydanticCustomError("gate", "Input should be 'none' or 'lexical'")
    return _GATES[gate]


def _gate(lexical: bool) -> str:
    return "lexical" if lexical else "none"


# In files, the field is called `gate`.
_Gate = Annotated[bool, Field(alias="gate"), PlainValidator(_lexical), PlainSerializer(_gate)]


@dataclass(frozen=True, kw_only=True)
class TowerConfig(EncodingSpec):
    """A model that turns tokens into term weights. The fields of `EncodingSpec` replace what its base has.

    Attributes:
        base: a packaged model, a folder, a hub name, or a .gguf file: a masked LM or a decoder.
        max_length: tokens read from a text, special tokens included.
        lexical: `gate: lexical` in YAML: keep the terms that occur in the text.
        top_k: keep only this many terms of a text, the heaviest.
        new_head: give a model without a vocabulary head, such as a dense encoder, one tied to its word embeddings.
        attention: for a decoder: "causal" or "bidirectional"; None leaves the model's own.
        scale, learn_scale, bias: of logits, as for `lsr.encoding.sparse.backbone.load_backbone`.
        initial_terms: start the bias where about this many terms of a text are active. A decoder's head activates
            nearly all terms before training.
        lora: train low-rank adapters instead of all weights.
        term_frequency: add BM25's damped term frequencies of the text's own terms to the vector, each times a learned
            weight (`lsr.encoding.sparse.term_frequency`). None leaves the model's own.
        gradient_checkpointing: recompute activations in the backward pass: less memory, a third more time.
    """

    base: str = "splade-tiny"
    max_length: Annotated[int, Field(ge=3)] = 256
    lexical: _Gate = False
    top_k: Count | None = None
    new_head: bool = False
    attention: Literal["causal", "bidirectional"] | None = None
    scale: Positive | Literal["hidden^-0.25"] | None = None
    learn_scale: bool = False
    bias: Literal["scalar", "term"] | None = None
    initial_terms: Count | None = None
    lora: LoraConfig | None = None
    term_frequency: TermFrequencyConfig | None = None
    gradient_checkpointing: bool = False


@dataclass(frozen=True, kw_only=True)
class QueryTableConfig(TableEncodingSpec):
    """Queries without a model: each token has a weight (inference-free, arXiv:2411.04403; SPLADE-doc with "ones").

    Attributes:
        table: "idf" (of the texts trained on), "ones", or a file: `idf.json` or a `weight` in safetensors.
        trainable: also learn the weights, starting from the table.
        learning_rate: of these weights, far above the model's, as there is one number per term.
        scale: multiplies the table before training. Scores that spread far wider than the teachers' make the model
            shrink its weights, and terms die. For a table of "idf" or "ones".
        stop_share: tokens in more than this share of the texts are stop words: they have no weight in queries, nor do
            their frequencies in documents. For a table of "idf".
        idf, count_repeats, prompt: as in `TableEncodingSpec`; idf is blended in after training.
        max_length: tokens read from a query.
    """

    table: str
    idf: Share = 0.0
    trainable: bool = True
    learning_rate: Positive = 1e-3
    scale: Positive = 1.0
    stop_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_length: Count = 256


def _query_side(value: Any) -> str:
    if isinstance(value, str):
        return "shared"
    table = "table" in value if isinstance(value, dict) else isinstance(value, QueryTableConfig)
    return "table" if table else "tower"


_Query = Annotated[
    Annotated[Literal["shared"], Tag("shared")]
    | Annotated[QueryTableConfig, Tag("table")]
    | Annotated[TowerConfig, Tag("tower")],
    Discriminator(_query_side),
]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Document tower and query side: "shared" (one model for both), a table, or a tower of its own."""

    document: TowerConfig = field(default_factory=TowerConfig)
    query: _Query = "shared"

    @property
    def query_table(self) -> str | None:
        """Where the query table comes from: "idf", "ones" or a file; None if queries are encoded by a model."""
        return self.query.table if isinstance(self.query, QueryTableConfig) else None
