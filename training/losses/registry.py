"""The objectives by the names that recipes give them."""

from __future__ import annotations

from lsr.training.losses.info_nce import InfoNce
from lsr.training.losses.kl_divergence import KlDivergence
from lsr.training.losses.margin_mse import MarginMse
from lsr.training.losses.objective import Objective

OBJECTIVES: dict[str, type[Objective]] = {
    "info_nce": InfoNce,
    "kl": KlDivergence,
    "margin_mse": MarginMse,
}
"""Each is a frozen dataclass whose `name` is the key here. Recipes may use what is registered when they are read."""
