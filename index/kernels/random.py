"""Random numbers that depend on the seed alone, whatever thread draws them.

SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
"""

import numpy as np

from lsr.core.jit import kernel

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


@kernel
def mix(state):
    """The random uint64 for a uint64 state."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@kernel
def sample(population, size, seed, chosen):
    """Put `size` different numbers below `population` into chosen[:size].

    chosen: int64 [population] at least; all of it is overwritten. seed: uint64.
    """
    for i in range(population):
        chosen[i] = i
    state = seed
    for i in range(size):
        state += _GAMMA
        j = i + np.int64(mix(state) % np.uint64(population - i))
        chosen[i], chosen[j] = chosen[j], chosen[i]
