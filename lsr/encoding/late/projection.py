"""The linear layers between a transformer's hidden states and its token vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lsr.core.errors import ModelError
from lsr.encoding.late.layout import DenseLayer
from lsr.encoding.shared.strict import read_tensors

_ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "SiLU")


class Projection(nn.Module):
    """Computes activation(linear(x)), to which a layer with a residual adds x or a linear function of it.

    `width` is the size of x. ModelError if the layer's file does not fit, or its activation is not known.
    """

    def __init__(self, layer: DenseLayer, width: int) -> None:
        super().__init__()
        if layer.activation not in _ACTIVATIONS:
            known = ", ".join(_ACTIVATIONS)
            raise ModelError(f"{layer.weights.parent}: the activation is {layer.activation!r}; lsr knows {known}")
        self.dim = len(read_tensors(layer.weights, ["linear.weight"])["linear.weight"])
        self.linear = nn.Linear(width, self.dim, bias=layer.bias)
        self.activation = getattr(nn, layer.activation)()
        self.residual: nn.Module | None = None
        if layer.residual:
            self.residual = nn.Identity() if self.dim == width else nn.Linear(width, self.dim, bias=False)
        expected = {name: tuple(tensor.shape) for name, tensor in self.state_dict().items()}
        stored = read_tensors(layer.weights, expected.keys())
        found = {name: tuple(tensor.shape) for name, tensor in stored.items()}
        if found != expected:
            raise ModelError(f"{layer.weights} contains {found}; expected {expected}")
        self.load_state_dict(stored)

    def forward(self, vectors: Tensor) -> Tensor:
        """float32 [tokens, width] to float32 [tokens, dim]."""
        projected = self.activation(self.linear(vectors))
        return projected if self.residual is None else projected + self.residual(vectors)


def load_projection(layers: Sequence[DenseLayer], width: int, device: torch.device) -> tuple[nn.Module, int]:
    """The layers in sequence, for hidden states of `width` numbers, and the width of their output."""
    modules = []
    for layer in layers:
        modules.append(Projection(layer, width))
        width = modules[-1].dim
    return nn.Sequential(*modules).to(device).eval(), width
