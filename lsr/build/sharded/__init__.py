"""From a corpus to a collection of shards: pieces are encoded, facts about all gathered, shards built, and published.

Each step is a function of files, so that it can run anywhere that sees them, any number of times, to the same bytes.
"""
