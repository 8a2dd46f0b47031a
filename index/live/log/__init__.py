"""The log of writes: what is acknowledged is in it, on the disk, before it is in anything else.

Its records are bytes to it; what they mean is in `records.py`. `frames.py` says what lies in a file, `writer.py` how
appends share an fsync, `reader.py` what counts as a torn tail and what as damage, `follower.py` how another process
keeps up.
"""
