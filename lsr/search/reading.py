"""Reading plans from files."""

from __future__ import annotations

from pathlib import Path

from lsr.core.errors import InputError
from lsr.core.structured import read_settings
from lsr.search.plan import SearchPlan


def read_plan(path: str | Path) -> SearchPlan:
    """Read a plan from a file of JSON or, by the name's end, YAML: see `SearchPlan.from_record`.

    Raises MissingInputError, and InputError that names the file and the path of the field that is wrong.
    """
    record = read_settings(path)
    if not isinstance(record, dict):
        raise InputError("contains no plan: a plan is an object with `mode`, `retrieve`, `rerank`, …", source=str(path))
    try:
        return SearchPlan.from_record(record)
    except InputError as error:
        raise InputError(error.reason, source=str(path), field=error.field) from None
