"""Fields that hold one of the kinds of a registry, each with parameters of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

DISCRIMINATOR = "name"


@dataclass(frozen=True, slots=True)
class OneOf:
    """Annotation of such a field: pydantic's union of what the registry holds when a configuration is read.

    Attributes:
        kinds: the dataclasses by name; the field `name` of each is that name.
        what: the word for one of them.
    """

    kinds: Mapping[str, type]
    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {name: handler.generate_schema(kind) for name, kind in self.kinds.items()}
        return core_schema.tagged_union_schema(choices, DISCRIMINATOR)
