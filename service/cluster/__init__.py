"""A collection of shards served by a cluster of Ray: shards search, an ingress asks all of them and answers."""
