"""Columns as tables of other libraries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lsr.core.errors import MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Columns = Mapping[str, Sequence[Any]]


def pandas_frame(columns: Columns) -> pd.DataFrame:
    """A pandas DataFrame. MissingDependencyError without pandas."""
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "a DataFrame needs pandas: pip install pandas; to_arrow() gives a table without it"
        ) from error
    return pd.DataFrame(dict(columns))


def arrow_table(columns: Columns) -> pa.Table:
    """A pyarrow Table; values of a column that are of several types become JSON."""
    import pyarrow as pa

    def array(values: Sequence[Any]) -> pa.Array:
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            return pa.array([None if value is None else json.dumps(value, ensure_ascii=False) for value in values])

    return pa.table({name: array(values) for name, values in columns.items()})
