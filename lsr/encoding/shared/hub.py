"""Find a model's folder: that of a packaged model, a local one, or one from the Hugging Face hub or its cache."""

from __future__ import annotations

from pathlib import Path

from lsr.core.errors import ModelError
from lsr.core.remedies import USE_PACKAGED_MODEL
from lsr.encoding.catalogue import packaged_model, resolve

_CONFIGURATION = ["*.json", "*.txt", "*.model"]


def locate(name_or_path: str | Path) -> tuple[str, Path]:
    """The name to record for a model, and its folder (for a GGUF decoder, the file).

    The name is a packaged model's short name, ORG/NAME of the hub, or the absolute path. ModelError if there is no such
    model.
    """
    found = resolve(name_or_path)
    if isinstance(found, str):
        return found, fetch(found)
    packaged = packaged_model(str(name_or_path))
    return str(found.resolve()) if packaged is None else packaged.name, found


def fetch(name: str) -> Path:
    """The folder of the model ORG/NAME, downloaded if it is not in the cache.

    ModelError says whether the hub could not be reached or has no such model.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        folder = Path(
            snapshot_download(name, allow_patterns=[*_CONFIGURATION, "*.safetensors"], ignore_patterns=["onnx/*"])
        )
        if not any(folder.rglob("*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=[*_CONFIGURATION, "*pytorch_model*.bin"]))
    except GatedRepoError as error:
        raise ModelError(f"the model {name!r} requires permission on the Hugging Face hub: {error}") from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"there is no model {name!r}, neither a local folder nor on the Hugging Face hub") from error
    except (LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"the model {name!r} is neither a local folder nor in the local cache, and the Hugging Face hub could not "
            "be reached",
            remedies=["download it on a machine with network and name its folder", USE_PACKAGED_MODEL],
        ) from error
    return folder
