"""The device and dtype in which a transformer runs."""

from __future__ import annotations

from typing import Any

import torch

from lsr.core.errors import ModelError
from lsr.encoding.shared.device import check_device
from lsr.encoding.shared.language_model import halve_linear_layers

# Tokens, padding included, in one run of the model.
_CPU_TOKENS = 2048
_GPU_TOKENS = 65536


def place(model: Any, device: str | None, dtype: str, *, gains: bool = True) -> tuple[torch.device, str]:
    """Move a model to its device, and its linear layers to bfloat16 if they are to run in it.

    Args:
        device: as for `choose_device`.
        dtype: "float32", "bfloat16", or "auto", which takes bfloat16 where the hardware multiplies in it.
        gains: whether bfloat16 is enough of a gain to be worth the rounding; if not, "auto" takes float32.

    Returns the device, and "float32" or "bfloat16": what to run the model in, by autocast.
    """
    if dtype not in ("auto", "float32", "bfloat16"):
        raise ModelError(f"dtype is {dtype!r}; it can be 'auto', 'float32' or 'bfloat16'")
    target = choose_device(device)
    low = dtype == "bfloat16" or (dtype == "auto" and gains and has_native_bfloat16(target))
    if low:
        halve_linear_layers(model, torch.bfloat16)
    model.to(target)
    return target, "bfloat16" if low else "float32"


def choose_device(device: str | None) -> torch.device:
    """Where to run: "cpu", "cuda", "cuda:1", "mps"; "auto" and None are a CUDA GPU where there is one, else the CPU.

    ModelError for a device of another name, or one that this machine, or this torch, does not have.
    """
    check_device(device)
    if device in (None, "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    target = torch.device(str(device))
    if target.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (target.index or 0) >= count:
            built = "" if torch.version.cuda or torch.version.hip else ", and this torch is built without CUDA"
            raise ModelError(f"there is no device {device!r} here: torch finds {count} CUDA GPUs{built}. Take 'cpu'")
    if target.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError("there is no device 'mps' here, which is the GPU of an Apple computer. Take 'cpu'")
    return target


def autocast(device: torch.device, dtype: str) -> Any:
    """The context in which to run a model after `place`."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == "bfloat16")


def tokens_at_once(device: torch.device) -> int:
    """How many tokens, padding included, to run at once: more brings a CPU nothing, while a GPU needs to be filled."""
    return _CPU_TOKENS if device.type == "cpu" else _GPU_TOKENS


def has_native_bfloat16(device: torch.device) -> bool:
    """Whether products of bfloat16 are faster than float32's here: AVX512-BF16 or AMX; CUDA from Ampere on."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
