"""The description of a sparse encoder: its two sides, and everything done to a text and to its vector.

A folder is read into a `ModelSpec` (`lsr.encoding.sparse.layout`) and written from one (`lsr.encoding.sparse.saving`);
a training configuration chooses the fields of `EncodingSpec` and `TableEncodingSpec`, and adaptation keeps those of its
base. All of them go by the fields of these classes and none lists them, so a new feature of a model is a field here,
and its arithmetic in `lsr.encoding.sparse.transformer` and in training's tower.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from lsr.core.errors import ModelError
from lsr.encoding.shared.folder import LENGTH_CAP, fingerprint, model_files, tokenizer_files

Pooling = Literal["max", "sum"]
Activation = Literal["relu", "log1p_relu", "no_log"]
Head = Literal["vocabulary", "term_weights"]

HEADS = get_args(Head)

FREQUENCY_FILE = "lsr_term_frequency.safetensors"  # a weight for each term: see `lsr.encoding.sparse.term_frequency`
HEAD_FILE = (
    "lsr_head.safetensors"  # what a head has beyond the language model's own: see `lsr.encoding.sparse.backbone`
)

# Fields that a backbone is built for, equal in every side that runs it.
OF_BACKBONE = ("head", "echo")
# Fields in which two sides that share a backbone may differ.
PER_SIDE = ("prompt", "lexical", "top_k")

# The order of a transformer's fields in files since their first version; newer fields follow.
_ORDER = (
    *("pooling", "activation", "max_length", "prompt", "lower_case"),
    *("head", "adjusted_head", "echo", "lexical", "top_k", "term_frequency"),
)
# Fields that sentence-transformers' configuration files can express.
_PLAIN = _ORDER[:5]


@dataclass(frozen=True, slots=True)
class TermFrequency:
    """How a text's terms count by their frequency: BM25's k1 and b, and the mean length of a text.

    `mean_length` is in tokens, special tokens aside.
    """

    k1: float = 1.2
    b: float = 0.75
    mean_length: float = 180.0

    def __post_init__(self) -> None:
        if not (0 <= self.k1 < float("inf") and 0 <= self.b <= 1 and 0 < self.mean_length < float("inf")):
            raise ModelError(
                f"term frequencies need k1 from 0, b from 0 to 1 and a mean_length above 0, not {self.k1}, {self.b} "
                f"and {self.mean_length}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingSpec:
    """How a text is read and a language model's output becomes its vector: what a training run chooses.

    Attributes:
        pooling: "max" or "sum" over tokens.
        activation: "relu", log(1 + relu(x)), or "log1p_relu", the logarithm twice (arXiv:2504.14839); "no_log",
            relu(x), of term weights.
        max_length: tokens read of a text, special tokens included.
        prompt: put before each text.
        head: "vocabulary", the language model's own head; "term_weights": one number a token, which is the weight of
            that token (uniCOIL, arXiv:2106.14807).
        echo: the text is read twice and pooled over the second copy (arXiv:2402.15449).
        lexical: only terms that occur in the text keep their weight.
        top_k: how many of the heaviest terms are kept.
    """

    pooling: Pooling = "max"
    activation: Activation = "relu"
    max_length: int = LENGTH_CAP
    prompt: str = ""
    head: Head = "vocabulary"
    echo: bool = False
    lexical: bool = False
    top_k: int | None = None

    def encoding(self) -> dict[str, Any]:
        """The fields that every `EncodingSpec` has, by name: of a model's side, or of a configuration that chooses."""
        return {each.name: getattr(self, each.name) for each in fields(EncodingSpec)}


@dataclass(frozen=True, slots=True)
class TransformerSpec(EncodingSpec):
    """A language model whose logits are pooled over tokens.

    Attributes:
        folder: the model's folder; a GGUF file, for a model to train from.
        lower_case: whether texts are lower-cased before.
        adjusted_head: whether HEAD_FILE scales or shifts the language model's own logits.
        term_frequency: how the text's own terms are counted in, by the weights in FREQUENCY_FILE; None for not at all.
    """

    folder: Path
    lower_case: bool = False
    adjusted_head: bool = False
    term_frequency: TermFrequency | None = None

    def same_model(self, other: Spec) -> bool:
        """Whether the other differs only in what is done to the text before or to the vector after."""
        if not isinstance(other, TransformerSpec):
            return False
        return self == replace(other, **{name: getattr(self, name) for name in PER_SIDE})

    @property
    def extra(self) -> dict[str, Any]:
        """The fields, with their values, that go beyond a language model with SPLADE's pooling."""
        plain = TransformerSpec(self.folder)
        return {
            name: value
            for name, value in self.to_record().items()
            if name not in _PLAIN and getattr(self, name) != getattr(plain, name)
        }

    @property
    def head_file(self) -> Path | None:
        """The file with the head's own numbers, if it has any."""
        return self.folder / HEAD_FILE if self.adjusted_head or self.head == "term_weights" else None

    @property
    def frequency_file(self) -> Path | None:
        """The file with the weights of term frequencies, if they count."""
        return None if self.term_frequency is None else self.folder / FREQUENCY_FILE

    def to_record(self) -> dict[str, Any]:
        """All but the folder, as JSON values by name, in the order of files."""
        values = asdict(self)
        del values["folder"]
        return {name: values.pop(name) for name in _ORDER} | values

    def describe(self) -> dict[str, Any]:
        """What decides the vectors, as JSON values."""
        files = model_files(self.folder)
        files.extend(file for file in (self.head_file, self.frequency_file) if file)
        return {
            "kind": "transformer",
            "pooling": self.pooling,
            "activation": self.activation,
            "prompt": self.prompt,
            "fingerprint": fingerprint(files),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEncodingSpec:
    """How a query is weighted by a table of token weights: what a training run chooses.

    Attributes:
        max_length: tokens read of a query.
        prompt: put before each query.
        idf: how much of the weights is to be the IDF of the collection that is searched, 0 to 1: see
            `SparseEncoder.with_query_idf`.
        count_repeats: a token counts as often as it occurs in the query, as in BM25.
    """

    max_length: int = LENGTH_CAP
    prompt: str = ""
    idf: float = 0.0
    count_repeats: bool = False

    def encoding(self) -> dict[str, Any]:
        """The fields that every `TableEncodingSpec` has, by name."""
        return {each.name: getattr(self, each.name) for each in fields(TableEncodingSpec)}


@dataclass(frozen=True, slots=True)
class TableSpec(TableEncodingSpec):
    """A table with a weight per token: a query is the set of its tokens, weighted.

    Attributes:
        folder: where the tokenizer is; a GGUF file, for a model to train from.
        weights: a .safetensors or .json file.
    """

    folder: Path
    weights: Path

    def describe(self) -> dict[str, Any]:
        """What decides the vectors, as JSON values."""
        plain, described = TableEncodingSpec(), {"kind": "table", "prompt": self.prompt}
        described["fingerprint"] = fingerprint([self.weights, *tokenizer_files(self.folder)])
        # An encoder records its length, and the IDF once there is one, separately.
        extra = {name: value for name, value in self.encoding().items() if name not in ("max_length", "prompt", "idf")}
        return described | {name: value for name, value in extra.items() if value != getattr(plain, name)}


Spec = TransformerSpec | TableSpec


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The two sides of a model; they are equal if one model encodes both."""

    document: Spec
    query: Spec

    @property
    def one_model(self) -> bool:
        """Whether one transformer serves both sides."""
        return isinstance(self.document, TransformerSpec) and self.document.same_model(self.query)

    def override(self, pooling: str | None, activation: str | None) -> ModelSpec:
        """The same with another pooling or activation in its transformers."""

        def change(spec: Spec) -> Spec:
            if isinstance(spec, TableSpec):
                return spec
            given: dict[str, Any] = {"pooling": pooling or spec.pooling, "activation": activation or spec.activation}
            changed = replace(spec, **given)
            check_pooling(changed)
            return changed

        return ModelSpec(change(self.document), change(self.query))


def check_pooling(spec: TransformerSpec, where: str = "") -> None:
    """Raise ModelError for a pooling or activation that does not exist, or not with this head."""
    activations = [name for name in get_args(Activation) if name != "no_log" or spec.head == "term_weights"]
    choose(spec.pooling, get_args(Pooling), f"{where}pooling")
    choose(spec.activation, activations, f"{where}activation")


def check_idf(value: Any, what: str) -> None:
    """Raise ModelError for a blend that is not a number from 0 to 1."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ModelError(f"{what} is {value!r}; expected a number from 0 to 1")


def choose(value: str | None, choices: Iterable[str], what: str) -> None:
    """Raise ModelError for a value other than None that is not one of the choices."""
    if value is not None and value not in choices:
        raise ModelError(f"{what} is {value!r}; it can be {' or '.join(choices)}")
