"""Read what a model folder says it is, without loading the model (and without torch).

Four layouts are understood:

- a bare language model, masked or causal, taken as SPLADE with max pooling (Formal et al. 2021,
  https://arxiv.org/abs/2109.10086); with an `idf.json` beside it, queries are encoded by that table (OpenSearch's
  doc-only models);
- a sentence-transformers SparseEncoder: a language model and a SpladePooling;
- the same with a Router, whose query side may be a SparseStaticEmbedding: a table of token weights;
- our own (`lsr.encoding.sparse.description`), for what sentence-transformers cannot express.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lsr.core.errors import ModelError

POOLINGS = ("max", "sum")
ACTIVATIONS = ("relu", "log1p_relu")
HEADS = ("vocabulary", "term_weights")

DESCRIPTION = "lsr_config.json"
MODULES = "modules.json"
ABOUT = "config_sentence_transformers.json"
IDF_FIELD = "lsr_query_idf"  # in ABOUT: `TableSpec.idf`, which that library passes over
FREQUENCY_FILE = "lsr_term_frequency.safetensors"  # a weight for each term: see `lsr.encoding.sparse.term_frequency`
HEAD_FILE = (
    "lsr_head.safetensors"  # what a head has beyond the language model's own: see `lsr.encoding.sparse.backbone`
)

# Beyond this, attention costs more than the extra text is worth; long documents go by windows instead.
LENGTH_CAP = 512

_TRANSFORMERS = ("Transformer", "MLMTransformer")


@dataclass(frozen=True, slots=True)
class TermFrequency:
    """How terms of a text count in by their frequency: BM25's k1 and b, and the usual length of a text.

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


@dataclass(frozen=True, slots=True)
class TransformerSpec:
    """A language model whose logits are pooled over tokens.

    Attributes:
        folder: the model's folder; a GGUF file, for a model to train from.
        pooling: "max" or "sum" over tokens.
        activation: "relu", log(1 + relu(x)), or "log1p_relu", the logarithm twice; "no_log", relu(x), of term weights.
        max_length: tokens of a text that are read, special tokens included.
        prompt: put before each text.
        lower_case: whether texts are lower-cased before.
        head: "vocabulary", or "term_weights": one number a token, which is the weight of that token.
        adjusted_head: whether HEAD_FILE scales or shifts the language model's own logits.
        echo: the text is read twice and pooled over the second copy.
        lexical: only terms that occur in the text keep their weight.
        top_k: only so many of the heaviest terms are kept.
        term_frequency: how the text's own terms are counted in, by the weights in FREQUENCY_FILE; None for not at all.
    """

    folder: Path
    pooling: str = "max"
    activation: str = "relu"
    max_length: int = LENGTH_CAP
    prompt: str = ""
    lower_case: bool = False
    head: str = "vocabulary"
    adjusted_head: bool = False
    echo: bool = False
    lexical: bool = False
    top_k: int | None = None
    term_frequency: TermFrequency | None = None

    def same_model(self, other: Spec) -> bool:
        """Whether the other differs in nothing but what is done to the text before or to the vector after."""
        if not isinstance(other, TransformerSpec):
            return False
        return self == replace(other, prompt=self.prompt, lexical=self.lexical, top_k=self.top_k)

    @property
    def extra(self) -> dict[str, Any]:
        """What of it is beyond a language model with SPLADE's pooling: fields and their values."""
        plain = TransformerSpec(self.folder)
        names = ("head", "adjusted_head", "echo", "lexical", "top_k")
        extra = {name: getattr(self, name) for name in names if getattr(self, name) != getattr(plain, name)}
        return extra if self.term_frequency is None else {**extra, "term_frequency": asdict(self.term_frequency)}

    @property
    def head_file(self) -> Path | None:
        """Where the head's own numbers are, if it has any."""
        return self.folder / HEAD_FILE if self.adjusted_head or self.head == "term_weights" else None

    @property
    def frequency_file(self) -> Path | None:
        """Where the weights of term frequencies are, if they count."""
        return None if self.term_frequency is None else self.folder / FREQUENCY_FILE

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


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A weight per token: a query is the set of its tokens, weighted. `weights` is a .safetensors or .json file.

    `idf`, from 0 to 1, is how much of the weights the model wants to be the IDF of the collection that is searched.
    With `count_repeats` a token counts as often as it stands in the query, as in BM25.
    """

    folder: Path
    weights: Path
    max_length: int = LENGTH_CAP
    prompt: str = ""
    idf: float = 0.0
    count_repeats: bool = False

    def describe(self) -> dict[str, Any]:
        """What decides the vectors, as JSON values."""
        files = [self.weights, *_tokenizer(self.folder)]
        repeats = {"count_repeats": True} if self.count_repeats else {}
        return {"kind": "table", "prompt": self.prompt, "fingerprint": fingerprint(files), **repeats}


Spec = TransformerSpec | TableSpec


@dataclass(frozen=True, slots=True)
class Layout:
    """The two towers of a model; they are equal where one encodes both sides."""

    document: Spec
    query: Spec

    @property
    def one_model(self) -> bool:
        """Whether one transformer serves both sides."""
        return isinstance(self.document, TransformerSpec) and self.document.same_model(self.query)

    def override(self, pooling: str | None, activation: str | None) -> Layout:
        """The same with another pooling or activation in its transformers."""

        def change(spec: Spec) -> Spec:
            if isinstance(spec, TableSpec):
                return spec
            changed = replace(spec, pooling=pooling or spec.pooling, activation=activation or spec.activation)
            check_pooling(changed)
            return changed

        return Layout(change(self.document), change(self.query))


def check_pooling(spec: TransformerSpec, where: str = "") -> None:
    """ModelError for a pooling or an activation that there is not, or not with this head."""
    activations = (*ACTIVATIONS, "no_log") if spec.head == "term_weights" else ACTIVATIONS
    choose(spec.pooling, POOLINGS, f"{where}pooling")
    choose(spec.activation, activations, f"{where}activation")


def read_layout(folder: Path) -> Layout:
    """Read the folder's configuration files. ModelError if it isn't a sparse encoder."""
    if folder.suffix == ".gguf":
        raise ModelError(f"{folder} is a decoder; a sparse encoder has to be trained from it first")
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a model folder")
    with reading(folder):
        return _layout(folder)


def _layout(folder: Path) -> Layout:
    if (folder / DESCRIPTION).exists():
        from lsr.encoding.sparse.description import read_description

        return read_description(folder)
    if not (folder / MODULES).exists():
        return _bare(folder)
    config = read_optional(folder / ABOUT)
    prompts = config.get("prompts") or {}
    chain = read_modules(folder)
    if [kind for kind, _ in chain] == ["Router"]:
        return _with_idf(_router(chain[0][1], prompts), config.get(IDF_FIELD, 0.0), folder)
    return Layout(
        _chain(chain, prompts.get("document") or "", folder),
        _chain(chain, prompts.get("query") or "", folder),
    )


def head_width(spec: Spec) -> int | None:
    """The number of terms that the configuration records, or None where only the weights know."""
    if isinstance(spec, TransformerSpec):
        return read_json(spec.folder / "config.json").get("vocab_size")
    return None


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the model's weights. ModelError if there are none."""
    for pattern in ("model*.safetensors", "pytorch_model*.bin"):
        if files := sorted(folder.glob(pattern)):
            return files
    raise ModelError(f"{folder} holds no weights: expected model.safetensors (or pytorch_model.bin)")


def model_files(folder: Path) -> list[Path]:
    """The files that decide what a transformer gives: weights, config.json, and what holds the vocabulary."""
    return [*weight_files(folder), folder / "config.json", *_tokenizer(folder)]


def fingerprint_bytes(content: bytes) -> str:
    """SHA-256 of some bytes: 16 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:16]


def fingerprint(files: Sequence[Path]) -> str:
    """SHA-256 over the bytes of these files, in this order: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def bare_spec(folder: Path) -> TransformerSpec:
    """A language model by itself, as SPLADE with max pooling."""
    return _transformer(folder, {}, "")


def _bare(folder: Path) -> Layout:
    if not (folder / "config.json").exists():
        raise ModelError(f"{folder} is not a model folder: it holds neither modules.json nor config.json")
    document = bare_spec(folder)
    table = folder / "idf.json"
    return Layout(document, TableSpec(folder, table, document.max_length) if table.exists() else document)


def _router(folder: Path, prompts: dict[str, str]) -> Layout:
    path = folder / "router_config.json"
    config = read_json(path if path.exists() else folder / "config.json")
    towers = {}
    for side in ("document", "query"):
        if side not in config["structure"]:
            raise ModelError(f"{folder}: the router has no route {side!r}, only {', '.join(config['structure'])}")
        chain = [(_kind(config["types"][name]), folder / name) for name in config["structure"][side]]
        towers[side] = _chain(chain, prompts.get(side) or "", folder)
    return Layout(**towers)


def _with_idf(layout: Layout, idf: Any, folder: Path) -> Layout:
    if not isinstance(layout.query, TableSpec):
        return layout
    check_idf(idf, f"{folder / ABOUT}: {IDF_FIELD}")
    return replace(layout, query=replace(layout.query, idf=float(idf)))


def check_idf(value: Any, what: str) -> None:
    """ModelError for a blend that is no number from 0 to 1."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ModelError(f"{what} is {value!r}; expected a number from 0 to 1")


def _chain(modules: list[tuple[str, Path]], prompt: str, folder: Path) -> Spec:
    kinds = [kind for kind, _ in modules]
    if len(kinds) == 2 and kinds[0] in _TRANSFORMERS and kinds[1] == "SpladePooling":
        return _transformer(modules[0][1], read_json(modules[1][1] / "config.json"), prompt)
    if kinds == ["SparseStaticEmbedding"]:
        return _table(modules[0][1], prompt)
    hint = ""
    if "Pooling" in kinds:
        hint = ": it gives dense vectors" if "SparseAutoEncoder" not in kinds else ": its terms are not words"
    raise ModelError(
        f"{folder} is not a learned sparse encoder{hint}. Its modules are {', '.join(kinds)}; "
        "expected a language model with SpladePooling, or a SparseStaticEmbedding"
    )


def _transformer(folder: Path, pooling: dict[str, Any], prompt: str) -> TransformerSpec:
    config = read_json(folder / "config.json")
    recorded = read_optional(folder / "sentence_bert_config.json")
    limits = [LENGTH_CAP, position_limit(config), recorded.get("max_seq_length"), _tokenizer_limit(folder)]
    spec = TransformerSpec(
        folder,
        pooling.get("pooling_strategy", "max"),
        pooling.get("activation_function", "relu"),
        min(limit for limit in limits if limit),
        prompt,
        bool(recorded.get("do_lower_case")),
    )
    check_pooling(spec, f"{folder}: ")
    return spec


def _table(folder: Path, prompt: str) -> TableSpec:
    path = read_optional(folder / "config.json").get("path")
    weights = folder / "model.safetensors"
    if path:
        weights = folder / Path(path).name
    elif not weights.exists():
        weights = folder / "idf.json"
    if not weights.exists():
        raise ModelError(f"{folder} holds no token weights: expected {weights.name} or model.safetensors")
    return TableSpec(folder, weights, min(LENGTH_CAP, _tokenizer_limit(folder) or LENGTH_CAP), prompt)


def position_limit(config: dict[str, Any]) -> int | None:
    """How many tokens the model's position embeddings allow, from its config.json; None if it doesn't say."""
    limit = config.get("max_position_embeddings") or config.get("n_positions")  # GPT-2's name for it
    if not limit or limit < 0:
        return None
    # RoBERTa and its relatives number positions from padding_idx + 1.
    if config.get("model_type") in ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer"):
        limit -= (config.get("pad_token_id") or 0) + 1
    return int(limit)


def _tokenizer_limit(folder: Path) -> int | None:
    limit = read_optional(folder / "tokenizer_config.json").get("model_max_length")
    return int(limit) if limit and limit < 10**9 else None  # transformers writes 1e30 for "no limit"


def _tokenizer(folder: Path) -> list[Path]:
    for names in (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt")):
        files = [folder / name for name in names]
        if all(file.exists() for file in files):
            return files
    return []


def _kind(type: str) -> str:
    return type.rsplit(".", 1)[-1]


def choose(value: str | None, choices: tuple[str, ...], what: str) -> None:
    if value is not None and value not in choices:
        raise ModelError(f"{what} is {value!r}; it can be {' or '.join(choices)}")


def read_json(path: Path) -> Any:
    """A file's content. ModelError if it is missing or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent} is not a complete model folder: {path.name} is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not valid JSON: {error}") from None


def read_optional(path: Path) -> dict[str, Any]:
    """The content of a file that need not be there; then nothing."""
    return read_json(path) if path.exists() else {}


def read_modules(folder: Path) -> list[tuple[str, Path]]:
    """What a sentence-transformers folder consists of, in order: the kind of each module and its folder."""
    modules = sorted(read_json(folder / MODULES), key=lambda module: module["idx"])
    return [(_kind(module["type"]), folder / module["path"]) for module in modules]


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turn what is raised when configuration files hold other things than they should into a ModelError."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"the configuration files in {folder} have not the form they should have: {reason}") from error
