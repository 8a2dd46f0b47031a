"""Averaging the weights of several models into one.

Models that were trained from one start, on different samples of the data or for different times, differ by noise around
what they have in common. The mean of their weights has less noise than any of them, and encodes as fast as one ("model
soups", Wortsman et al., arXiv:2203.05482). The common start is needed: in models trained independently, weights at the
same place mean different things.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lsr.core.errors import InputError, ModelError
from lsr.core.files import atomic_folder
from lsr.core.shares import mean_shares
from lsr.encoding.shared.folder import read_json, weight_files
from lsr.encoding.shared.hub import locate
from lsr.encoding.shared.tokens import TextTokenizer
from lsr.encoding.sparse.layout import read_spec
from lsr.encoding.sparse.spec import ModelSpec, Spec, TableSpec

_CONFIGURATION = (".json", ".txt", ".model")
# Fields of a config.json that describe its origin, not the model.
_HISTORY = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")


def average_models(
    models: Sequence[str | Path],
    path: str | Path,
    *,
    weights: Sequence[float] | None = None,
    force: bool = False,
    progress: Callable[[int], None] = lambda files: None,
) -> Path:
    """Write the encoder whose weights are the mean of these encoders' weights, completely or not at all.

    Sums are computed in float32 and stored in the first model's type. Everything else is the first model's; a README.md
    lists what was averaged.

    Args:
        models: two or more sparse encoders of one form: short names, folders, hub names.
        path: a new folder.
        weights: of the models in the mean, above zero; equal if not given.
        force: replace what is at `path`.
        progress: called with the number of weight files just finished.

    Raises:
        OutputExistsError: `path` exists and `force` is not set.
        InputError: too few models, or weights that do not fit them.
        ModelError: one is not a model, or differs from the first in more than its weights; the message says in what.
    """
    if len(models) < 2:
        raise InputError("averaging needs two or more models")
    shares = mean_shares(len(models), weights, "models")
    folders = [locate(model)[1] for model in models]
    specs = [read_spec(folder) for folder in folders]
    for model, folder, spec in zip(models[1:], folders[1:], specs[1:], strict=True):
        if (what := _difference((folders[0], specs[0]), (folder, spec))) is not None:
            raise ModelError(f"{model} and {models[0]} differ in {what}, and only weights can be averaged")
    with atomic_folder(path, force=force) as made:
        files = _weights(specs[0], folders[0])
        _copy_configuration(folders[0], made)
        for file in files:
            (made / file).parent.mkdir(parents=True, exist_ok=True)
            _average_file([folder / file for folder in folders], made / file, shares)
            progress(1)
        lines = [f"- {share:.4g} × {model}" for model, share in zip(models, shares, strict=True)]
        card = "\n".join(["The mean of these models' weights, made by `lsr average`:", "", *lines, ""])
        (made / "README.md").write_text(card, encoding="utf-8")
    return Path(path)


def _difference(first: tuple[Path, ModelSpec], other: tuple[Path, ModelSpec]) -> str | None:
    """What two models differ in besides their weights, in words; None if nothing."""
    for side in ("document", "query"):
        (a, b) = specs = [_relative(getattr(spec, side), folder) for folder, spec in (first, other)]
        if type(a) is not type(b):
            return f"the kind of their {side} side"
        for name in sorted((each.name for each in fields(a)), key=lambda name: name != "folder"):
            if getattr(a, name) != getattr(b, name):
                return f"the {name} of their {side} side ({getattr(b, name)} and {getattr(a, name)})"
        places = [folder / spec.folder for (folder, _), spec in zip((first, other), specs, strict=True)]
        if not isinstance(a, TableSpec) and (field := _differing_field(*(_config(place) for place in places))):
            return f"{field} of their config.json"
        if _tokens(places[0]) != _tokens(places[1]):
            return "their tokens"
    files = [_weights(spec, folder) for folder, spec in (first, other)]
    return None if files[0] == files[1] else "their weight files"


def _relative(spec: Spec, folder: Path) -> Spec:
    """The spec with paths relative to the model's folder."""
    if isinstance(spec, TableSpec):
        spec = replace(spec, weights=spec.weights.relative_to(folder))
    return replace(spec, folder=spec.folder.relative_to(folder))


def _config(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = read_json(folder / "config.json")
    return {name: value for name, value in content.items() if name not in _HISTORY}


def _differing_field(a: dict[str, Any], b: dict[str, Any]) -> str | None:
    return next((name for name in [*a, *b] if a.get(name) != b.get(name)), None)


def _tokens(folder: Path) -> dict[str, int]:
    return TextTokenizer(folder, max_length=1, special_tokens=False).token_ids()


def _weights(model: ModelSpec, folder: Path) -> list[Path]:
    """The weight files, relative to the model's folder. ModelError for one that is not a .safetensors file."""
    files: set[Path] = set()
    for spec in (model.document, model.query):
        if isinstance(spec, TableSpec):
            files.add(spec.weights)
        else:
            files.update(weight_files(spec.folder))
            files.update(file for file in (spec.head_file, spec.frequency_file) if file)
    for file in sorted(files):
        if file.suffix != ".safetensors":
            raise ModelError(f"{file}: only weights in .safetensors files can be averaged")
    return sorted(file.relative_to(folder) for file in files)


def _copy_configuration(source: Path, target: Path) -> None:
    for file in sorted(source.rglob("*")):
        if file.is_file() and file.suffix in _CONFIGURATION:
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


def _average_file(files: Sequence[Path], target: Path, shares: Sequence[float]) -> None:
    with ExitStack() as stack:
        opened = [stack.enter_context(_opened(file)) for file in files]
        first = opened[0]
        for file, other in zip(files[1:], opened[1:], strict=True):
            if missing := set(first.keys()) ^ set(other.keys()):
                raise ModelError(f"{file} and {files[0]}: only one of them holds {min(missing)!r}")
        tensors = dict(_means(files, opened, shares))
        save_file(tensors, target, metadata=first.metadata())
    target.chmod(0o644)  # safetensors writes files that only their owner can read


def _opened(file: Path) -> Any:
    try:
        return safe_open(file, framework="pt")
    except SafetensorError as error:
        raise ModelError(f"{file} is damaged: {error}") from None


def _means(files: Sequence[Path], opened: Sequence[Any], shares: Sequence[float]) -> Iterator[tuple[str, Any]]:
    for name in sorted(opened[0].keys()):
        first = opened[0].get_tensor(name)
        total = first.float() * shares[0]
        for file, other, share in zip(files[1:], opened[1:], shares[1:], strict=True):
            tensor = other.get_tensor(name)
            if tensor.shape != first.shape:
                shapes = f"{list(tensor.shape)} and {list(first.shape)}"
                raise ModelError(f"{file} and {files[0]}: {name!r} has different shapes, {shapes}")
            if not first.is_floating_point() and not tensor.equal(first):
                raise ModelError(f"{file} and {files[0]}: the integers of {name!r} are not the same")
            total += tensor.float() * share
        yield name, total.to(first.dtype) if first.is_floating_point() else first
