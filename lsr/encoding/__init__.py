"""From text to vectors: sparse, dense and late-interaction encoders, and cross-encoders."""

import os

# OpenMP's threads wait for one another asleep, unless the environment says how. By default they spin, and where
# something else runs on the machine, that takes the processors from those that they wait for: several times slower,
# measured on two cores. It counts when torch is imported, which nothing here does before this.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
