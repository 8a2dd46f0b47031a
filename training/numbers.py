"""Numbers in a configuration, with bounds that are checked when it is read."""

from __future__ import annotations

from typing import Annotated

from lsr.core.errors import MissingDependencyError

try:
    from pydantic import Field
except ImportError:  # pragma: no cover
    raise MissingDependencyError("training needs the extra `train`: pip install 'lsr-engine[train]'") from None

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
InnerShare = Annotated[float, Field(gt=0, lt=1)]
