"""Aliases: other names of collections, which can be made to stand for another in one step."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response

from lsr.service.api.answering import CONFLICT, GONE
from lsr.service.http.answers import to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import collection_examples as examples
from lsr.service.schemas.collections import Alias, AliasesAnswer, PutAlias
from lsr.service.state import json_response, sees_of, service_of

router = APIRouter(prefix="/v1/aliases", responses=PROBLEMS, tags=["collections"], route_class=JsonRoute)

AliasName = Annotated[str, Path(examples=[examples.ALIAS_NAME])]


@router.get("", response_model=AliasesAnswer)
@needs(Role.READ, scoped=True)
async def aliases(request: Request) -> Response:
    """List the aliases."""
    service = service_of(request)
    root, sees = service.root, sees_of(request)

    def work() -> bytes:
        there = set(root.names())
        found = [
            {"alias": alias, "collection": name}
            for alias, name in root.aliases.all().items()
            if name in there and sees(name)
        ]
        return to_json({"aliases": found})

    return json_response(await service.run(request, work))


@router.put("/{alias}", response_model=Alias, responses=CONFLICT)
@needs(Role.ADMIN)
async def put(
    request: Request,
    alias: AliasName,
    asked: Annotated[PutAlias, Body(openapi_examples={"another collection": {"value": examples.PUT_ALIAS}})],
) -> Response:
    """Let an alias stand for a collection, from the next request on, whatever it stood for before."""
    service = service_of(request)
    root, sees = service.root, sees_of(request)

    def work() -> bytes:
        return to_json({"alias": alias, "collection": root.alias(alias, asked.collection, sees)})

    return json_response(await service.change(request, work))


@router.delete("/{alias}", status_code=204, responses=GONE)
@needs(Role.ADMIN)
async def remove(request: Request, alias: AliasName) -> Response:
    """Remove an alias; the collection stays."""
    service = service_of(request)
    await service.change(request, lambda: service.root.aliases.remove(alias))
    return Response(status_code=204)
