"""The targets by name: the one place to add one, which is a file beside this one."""

from __future__ import annotations

from fuzz import (
    array_target,
    ciff_target,
    documents_target,
    faiss_target,
    late_target,
    log_target,
    manifest_target,
    model_target,
    recipe_target,
    text_target,
    vectors_target,
)
from fuzz.frame import Target

TARGETS: dict[str, Target] = {
    "manifest": manifest_target.TARGET,
    "arrays": array_target.TARGET,
    "documents": documents_target.TARGET,
    "faiss": faiss_target.TARGET,
    "late": late_target.TARGET,
    "log": log_target.TARGET,
    "ciff": ciff_target.TARGET,
    "vectors": vectors_target.TARGET,
    "parquet": text_target.PARQUET,
    "jsonl": text_target.JSONL,
    "recipe": recipe_target.TARGET,
    "model": model_target.TARGET,
}
