"""The files in any encoder's model folder: configuration, weights, tokenizer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lsr.core.errors import ModelError
from lsr.encoding.shared.trust import inside

# Files of a sentence-transformers folder.
MODULES = "modules.json"
ABOUT = "config_sentence_transformers.json"

# Beyond this, attention costs more than the extra text is worth; use windows for long documents.
LENGTH_CAP = 512
# What is read of a text by a model that does not say.
DEFAULT_LENGTH = 256

_MOST_JSON = 1 << 26  # a table of the weights of 250,000 tokens has 8 MB


def read_json(path: Path) -> Any:
    """A file's content. ModelError if it is missing, not JSON, nested too deeply, or far larger than such files are."""
    if not path.exists():
        raise ModelError(f"{path.parent} is not a complete model folder: {path.name} is missing")
    if not path.is_file():
        raise ModelError(f"{path} is not a file")
    if (size := path.stat().st_size) > _MOST_JSON:
        raise ModelError(f"{path} has {size:,} bytes, where a model's JSON files have {_MOST_JSON:,} at most")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ModelError(f"{path} is not valid JSON of a model: it is nested too deeply") from None
    except ValueError as error:  # numbers of thousands of digits among them
        raise ModelError(f"{path} is not valid JSON: {error}") from None


def read_optional(path: Path) -> dict[str, Any]:
    """The content of an optional JSON file; empty if it is missing."""
    return read_json(path) if path.exists() else {}


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turn exceptions caused by malformed configuration files into a ModelError."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"the configuration files in {folder} do not have the expected form: {reason}") from error


def read_modules(folder: Path) -> list[tuple[str, Path]]:
    """What a sentence-transformers folder consists of, in order: the kind of each module and its folder.

    ModelError for a module that does not lie in it.
    """
    modules = sorted(read_json(folder / MODULES), key=lambda module: module["idx"])
    return [(module_kind(module["type"]), inside(folder, module["path"])) for module in modules]


def module_kind(type: str) -> str:
    """The class of a module, without its package."""
    return type.rsplit(".", 1)[-1]


def read_prompts(about: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """The prompts by name that a model's own configuration has. ModelError for one that is no text."""
    prompts = about.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(each, str | None) for each in prompts.values()):
        raise ModelError(f"{folder / ABOUT}: prompts are texts by name, not {prompts!r:.60}")
    return {name: each or "" for name, each in prompts.items()}


def weight_files(folder: Path) -> list[Path]:
    """The files with the model's weights. ModelError if there are none."""
    for pattern in ("model*.safetensors", "pytorch_model*.bin"):
        if files := sorted(folder.glob(pattern)):
            return files
    raise ModelError(f"{folder} contains no weights: expected model.safetensors (or pytorch_model.bin)")


def tokenizer_files(folder: Path) -> list[Path]:
    """The files with the tokenizer's vocabulary; empty if the folder has no tokenizer."""
    for names in (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt")):
        files = [folder / name for name in names]
        if all(file.exists() for file in files):
            return files
    return []


def model_files(folder: Path) -> list[Path]:
    """The files that decide a transformer's output: weights, config.json and the vocabulary."""
    return [*weight_files(folder), folder / "config.json", *tokenizer_files(folder)]


def fingerprint(files: Sequence[Path]) -> str:
    """SHA-256 over the bytes of these files, in this order: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def fingerprint_bytes(content: bytes) -> str:
    """SHA-256 of some bytes: 16 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:16]


def position_limit(config: dict[str, Any]) -> int | None:
    """How many tokens the model's position embeddings allow, from its config.json; None if it doesn't say."""
    limit = config.get("max_position_embeddings") or config.get("n_positions")  # GPT-2's name for it
    if not limit or limit < 0:
        return None
    # RoBERTa and its relatives number positions from padding_idx + 1.
    if config.get("model_type") in ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer"):
        limit -= (config.get("pad_token_id") or 0) + 1
    return int(limit)


def tokenizer_limit(folder: Path) -> int | None:
    """How many tokens the model reads according to its tokenizer; None if it doesn't say."""
    limit = read_optional(folder / "tokenizer_config.json").get("model_max_length")
    return int(limit) if limit and limit < 10**9 else None  # transformers writes 1e30 for "no limit"
