"""A collection of shards, made on a cluster of Ray: the steps of `lsr.build.sharded`, run by Ray Data."""
