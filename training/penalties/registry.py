"""The penalties by the names that recipes give them."""

from __future__ import annotations

from lsr.training.penalties.anti_zero import AntiZero
from lsr.training.penalties.df_flops import DfFlops
from lsr.training.penalties.flops import Flops
from lsr.training.penalties.flops_idf_inverse import FlopsIdfInverse
from lsr.training.penalties.idf_matching import IdfMatching
from lsr.training.penalties.l1 import L1
from lsr.training.penalties.penalty import Penalty

PENALTIES: dict[str, type[Penalty]] = {
    "flops": Flops,
    "l1": L1,
    "idf_matching": IdfMatching,
    "flops_idf_inverse": FlopsIdfInverse,
    "df_flops": DfFlops,
    "anti_zero": AntiZero,
}
"""Each is a frozen dataclass whose `name` is the key here. Recipes may use what is registered when they are read."""
