"""Fetch a model from the Hugging Face hub, or from its cache on this machine."""

from __future__ import annotations

from pathlib import Path

from lsr.errors import ModelError

_CONFIGURATION = ["*.json", "*.txt", "*.model"]


def fetch(name: str) -> Path:
    """The folder of the model ORG/NAME, downloaded if the cache does not hold it.

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
        raise ModelError(f"the model {name!r} asks for permission on the Hugging Face hub: {error}") from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"there is no model {name!r}, neither a folder here nor on the Hugging Face hub") from error
    except (LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"the model {name!r} is neither a folder here nor in the local cache, and the Hugging Face hub could not "
            "be reached. Download it on a machine with network and pass its folder, or use a packaged one (lsr models)"
        ) from error
    return folder
