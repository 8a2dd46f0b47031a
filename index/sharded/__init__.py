"""Collections of shards: indexes of one model, scale and schema, each in a folder of its own, searched as one."""
