"""Read the configuration of a dense encoder's folder, without loading the model (and without torch)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsr.core.errors import ModelError
from lsr.encoding.shared.folder import (
    ABOUT,
    LENGTH_CAP,
    MODULES,
    fingerprint,
    model_files,
    position_limit,
    read_json,
    read_modules,
    read_optional,
    read_prompts,
    reading,
)

POOLINGS = ("mean", "cls", "max", "lasttoken")
SIMILARITIES = ("cosine", "dot")

_OLD_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class DenseLayout:
    """A transformer whose token vectors are pooled into one vector per text.

    Attributes:
        folder: where transformer and tokenizer are.
        pooling: one of POOLINGS.
        normalise: whether vectors are scaled to length one.
        similarity: what compares them, one of SIMILARITIES.
        max_length: tokens read of a text, special tokens included.
        query_prompt, document_prompt: text put before each text.
        lower_case: put texts in lower case first.
        dim: numbers of a vector, if the pooling's configuration says.
    """

    folder: Path
    pooling: str
    normalise: bool
    similarity: str
    max_length: int
    query_prompt: str = ""
    document_prompt: str = ""
    lower_case: bool = False
    dim: int | None = None

    def describe(self) -> dict[str, Any]:
        """Everything that decides the vectors, as JSON values."""
        return {
            "kind": "dense",
            "pooling": self.pooling,
            "normalise": self.normalise,
            "similarity": self.similarity,
            "query_prompt": self.query_prompt,
            "document_prompt": self.document_prompt,
            "fingerprint": fingerprint(model_files(self.folder)),
        }


def read_dense_layout(folder: Path) -> DenseLayout:
    """Read a sentence-transformers folder's configuration files. ModelError if it is not a dense encoder of text.

    The modules must be a transformer, a pooling and, optionally, a normalisation.
    """
    if not (folder / MODULES).exists():
        raise ModelError(
            f"{folder} is not a sentence-transformers folder (it has no modules.json), so nothing says how its token "
            "vectors become one vector of a text"
        )
    with reading(folder):
        return _read_layout(folder)


def _read_layout(folder: Path) -> DenseLayout:
    modules = read_modules(folder)
    kinds = [kind for kind, _ in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ModelError(
            f"{folder} is not a kind of dense encoder that lsr can read. Its modules are {', '.join(kinds)}; expected "
            "Transformer, Pooling and, optionally, Normalize"
        )
    transformer, pooling = modules[0][1], read_json(modules[1][1] / "config.json")
    about = read_optional(folder / ABOUT)
    prompts = read_prompts(about, folder)
    if not pooling.get("include_prompt", True) and any(prompts.values()):
        raise ModelError(f"{folder} leaves its prompt out when it pools, which lsr does not support")
    recorded = read_optional(transformer / "sentence_bert_config.json")
    return DenseLayout(
        transformer,
        pooling=_choose(_pooling(pooling), POOLINGS, f"{folder}: pooling"),
        normalise=kinds[-1] == "Normalize",
        similarity=_choose(about.get("similarity_fn_name") or "cosine", SIMILARITIES, f"{folder}: similarity_fn_name"),
        max_length=length_limit(transformer, recorded.get("max_seq_length")),
        query_prompt=prompts.get("query", ""),
        document_prompt=document_prompt(prompts),
        lower_case=bool(recorded.get("do_lower_case")),
        dim=pooling.get("word_embedding_dimension") or pooling.get("embedding_dimension"),
    )


def _pooling(config: dict[str, Any]) -> str:
    """The pooling's name; older folders have one flag for each pooling instead."""
    modes = config.get("pooling_mode", [mode for flag, mode in _OLD_POOLINGS.items() if config.get(flag)])
    return modes if isinstance(modes, str) else " + ".join(modes)


def document_prompt(prompts: dict[str, str]) -> str:
    """The one of a folder's named prompts that sentence-transformers puts before documents."""
    return next((prompts[name] for name in _DOCUMENT_PROMPTS if prompts.get(name)), "")


def length_limit(folder: Path, recorded: int | None) -> int:
    """How many tokens transformer and tokenizer allow, limited to the number `recorded` beside them, if any."""
    tokenizer = read_optional(folder / "tokenizer_config.json").get("model_max_length")
    limits = [recorded, position_limit(read_json(folder / "config.json"))]
    if tokenizer and tokenizer < 10**9:  # transformers writes 1e30 for "no limit"
        limits.append(int(tokenizer))
    return min((limit for limit in limits if limit), default=LENGTH_CAP)


def _choose(value: str, choices: tuple[str, ...], what: str) -> str:
    if value not in choices:
        raise ModelError(f"{what} is {value!r}; lsr knows {', '.join(choices)}")
    return value
