"""Find a model's folder: that of a packaged model, a local one, or one from the Hugging Face hub or its cache."""

from __future__ import annotations

from pathlib import Path

from lsr.core.errors import ModelError
from lsr.core.remedies import CHOOSE_MODEL_ANYWAY, USE_PACKAGED_MODEL
from lsr.encoding.catalogue import packaged_model, resolve
from lsr.encoding.shared.trust import check_entries

_CONFIGURATION = ["*.json", "*.txt", "*.model"]


def locate(name_or_path: str | Path, *, download: bool = True) -> tuple[str, Path]:
    """The name to record of a model, and its folder (the file, of a GGUF decoder).

    The name is a packaged model's short name, ORG/NAME of the hub, or the absolute path. Without `download` a model of
    the hub must be in its cache here. ModelError if there is no such model, or if its folder holds links that lead out
    of it.
    """
    found = resolve(name_or_path)
    if isinstance(found, str):
        folder = fetch(found, download=download)
        check_entries(folder)
        return found, folder
    packaged = packaged_model(str(name_or_path))
    if packaged is not None:
        return packaged.name, found
    if found.is_dir():
        check_entries(found)
    return str(found.resolve()), found


def fetch(name: str, *, download: bool = True) -> Path:
    """The folder of the model ORG/NAME, downloaded if the cache does not hold it and `download` allows it.

    ModelError says whether the hub could not be reached or has no such model.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    cached = not download
    try:
        folder = Path(
            snapshot_download(
                name,
                allow_patterns=[*_CONFIGURATION, "*.safetensors"],
                ignore_patterns=["onnx/*"],
                local_files_only=cached,
            )
        )
        if not any(folder.rglob("*.safetensors")):
            folder = Path(
                snapshot_download(
                    name, allow_patterns=[*_CONFIGURATION, "*pytorch_model*.bin"], local_files_only=cached
                )
            )
    except HFValidationError as error:
        raise ModelError(f"{name!r} is neither a folder here nor a name that the hub could have: {error}") from None
    except GatedRepoError as error:
        raise ModelError(f"the model {name!r} requires permission on the Hugging Face hub: {error}") from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"there is no model {name!r}, neither a local folder nor on the Hugging Face hub") from error
    except (LocalEntryNotFoundError, OSError) as error:
        if not download:
            raise ModelError(
                f"the model {name!r} of the Hugging Face hub, which the index names, is not in the cache here, and "
                "nothing is downloaded because an index names it",
                remedies=[f"if you trust it, download it (hf download {name})", CHOOSE_MODEL_ANYWAY],
            ) from None
        raise ModelError(
            f"the model {name!r} is neither a local folder nor in the local cache, and the Hugging Face hub could not "
            "be reached",
            remedies=["download it on a machine with network and name its folder", USE_PACKAGED_MODEL],
        ) from error
    return folder
