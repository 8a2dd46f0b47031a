"""The stages of a search under their names in 0.1, which are accepted until 0.3."""

from __future__ import annotations

from typing import Any


def plan_record(pipeline: Any) -> Any:
    """Translate a `pipeline` into a plan's record: `fuse` is now `fusion`, and `retrieve.vectors` is its `mode`.

    As in 0.1, settings of a side that is not searched, and a depth without a later stage, are ignored.
    """
    if not isinstance(pipeline, dict):
        return pipeline
    record = {"fusion" if name == "fuse" else name: value for name, value in pipeline.items()}
    retrieve = record.get("retrieve")
    if retrieve is None:
        retrieve = {}
    if isinstance(retrieve, dict):
        mode = retrieve.get("vectors", "hybrid")
        unused = {"dense": ("sparse",), "hybrid": ()}.get(mode, ("dense",)) if isinstance(mode, str) else ()
        if mode == "sparse" and record.get("feedback") is None:
            unused = (*unused, "depth")
        kept = {name: value for name, value in retrieve.items() if name not in ("vectors", *unused)}
        record["retrieve"] = {"mode": mode, **kept}
    return record
