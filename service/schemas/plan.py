"""The schema of a search plan, made from the plan's own fields when the OpenAPI document is requested.

A plan is read by `SearchPlan.from_record`, as everywhere; the models here only describe it. Engines and methods that
were registered since the server was imported are in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetJsonSchemaHandler, TypeAdapter, create_model

from lsr.core.attributes import attribute_docs
from lsr.core.options import Option, options_of
from lsr.index.fusion.settings import SparseSearchSettings, modes, parameters_class, sparse_modes
from lsr.search.plan import SHORT, RerankSettings, SearchPlan
from lsr.service.schemas.base import Body

# Fields that the server fills in, not clients.
_SERVERS_OWN: dict[type, tuple[str, ...]] = {RerankSettings: ("model",)}

# What a request may give in place of a string: filters in JSON, and lists of fields.
_ALSO_TAKEN: dict[str, Any] = {
    "filter": str | dict[str, Any] | None,
    "sort": str | list[str] | None,
    "facets": str | list[str] | dict[str, int] | None,
}


@dataclass(frozen=True)
class PlanField:
    """Marks a field of a request as belonging to the plan: it is not checked here, and described as in the plan."""

    name: str

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        cls = SparseSearchSettings if self.name in SHORT else SearchPlan
        (option,) = (each for each in options_of(cls) if each.name == self.name)
        if self.name == "mode":
            titles = "; ".join(f"`{name}`: {title}" for name, title in modes().items())
            return {
                "type": "string",
                "enum": list(modes()),
                "description": f"{titles}. Default: {option.default}.",
            }
        kind = _ALSO_TAKEN.get(self.name, _kind(option))
        return {**handler(TypeAdapter(kind).core_schema), "description": _sentence(cls, self.name)}


def node_model(cls: type) -> type[BaseModel]:
    """A model with the fields of a settings dataclass."""
    fields: dict[str, Any] = {
        each.name: (_kind(each), Field(each.default, description=_sentence(cls, each.name)))
        for each in options_of(cls)
        if each.name not in _SERVERS_OWN.get(cls, ())
    }
    about = (cls.__doc__ or "").partition("\n")[0]
    return create_model(cls.__name__, __base__=Body, __doc__=about, **fields)


def _kind(option: Option) -> Any:
    """The type of a field, for a schema."""
    if option.node is not None:
        return node_model(option.node) | None
    if option.kind is None:
        classes = {parameters_class(mode): None for mode in sparse_modes()}
        return reduce(or_, [node_model(each) for each in classes if options_of(each)]) | None
    kind: Any = option.kind if option.choices is None else Literal[option.choices]
    bounds: dict[str, Any] = dict(option.bounds)
    kind = Annotated[kind, Field(**bounds)]
    return kind | None if option.optional else kind


def _sentence(cls: type, name: str) -> str | None:
    return attribute_docs(cls).get(name)
