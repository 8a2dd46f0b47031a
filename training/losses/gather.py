"""Gathering the vectors of all devices, with gradients, so that other devices' candidates are negatives too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")


def gather(local: Tensor) -> Tensor:
    """Gather [rows, …] of each process, with equally many rows, to [processes * rows, …], in the order of ranks.

    The gradient of a row goes back to the process that it came from, summed over all of them. With losses that are
    means over a process's own queries, and gradients averaged over processes (as DistributedDataParallel does), every
    parameter gets the gradient of the mean over all queries. With a single process it is `local` itself.
    """
    if not _several():
        return local
    if not local.is_floating_point():
        return _all(local)
    gathered: Tensor = _Gather.apply(local)
    return gathered


def gather_objects(local: Sequence[T]) -> list[T]:
    """The objects of all processes, in the order of ranks. They are pickled: for what is small."""
    if not _several():
        return list(local)
    parts: list[list[T]] = [[] for _ in range(distributed.get_world_size())]
    distributed.all_gather_object(parts, list(local))
    return [each for part in parts for each in part]


def average_gradients(model: nn.Module) -> None:
    """Give every process the mean of all processes' gradients, as DistributedDataParallel would have."""
    if not _several():
        return
    for parameter in model.parameters():
        if parameter.requires_grad:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
            parameter.grad /= distributed.get_world_size()


def rank() -> int:
    """This process's rank among all; 0 if it is the only one."""
    return distributed.get_rank() if _several() else 0


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def _all(local: Tensor) -> Tensor:
    parts = [torch.empty_like(local) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, local.contiguous())
    return torch.cat(parts)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, local: Tensor) -> Tensor:
        return _all(local)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        # all_reduce and not reduce_scatter, which gloo has only in newer versions of torch.
        total = gradient.contiguous()
        distributed.all_reduce(total)
        rows = len(total) // distributed.get_world_size()
        return total[distributed.get_rank() * rows :][:rows]
