"""The collections: which there are, making and removing them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request, Response

from lsr.core.errors import LsrError, NotFoundError
from lsr.service.api.answering import CREATED, GONE
from lsr.service.collections.description import description, summary
from lsr.service.http.answers import to_json
from lsr.service.http.json_body import JsonRoute
from lsr.service.http.openapi import PROBLEMS
from lsr.service.http.prefix import path_to
from lsr.service.keys.roles import Role, needs
from lsr.service.schemas import collection_examples as examples
from lsr.service.schemas.collections import CollectionAnswer, CollectionsAnswer, CreateCollection, settings_of
from lsr.service.state import json_response, sees_of, service_of

router = APIRouter(prefix="/v1/collections", responses=PROBLEMS, tags=["collections"], route_class=JsonRoute)


async def named(
    collection: Annotated[
        str, Path(description="The name of a collection, or an alias of it.", examples=[examples.COLLECTION])
    ],
) -> None:
    """What all paths of one collection have: its name."""


@router.get("", response_model=CollectionsAnswer, response_model_exclude_none=True)
@needs(Role.READ, scoped=True)
async def collections(request: Request) -> Response:
    """List the collections."""
    service = service_of(request)
    root, sees = service.root, sees_of(request)

    def one(name: str) -> dict[str, Any]:
        aliases = root.aliases.of(name)
        try:
            return summary(name, root.find(name).now(), aliases)
        except LsrError as error:
            problem = root.hide(error.message())
        return {"name": name, "documents": None, "model": None, "dense": None, "aliases": aliases, "problem": problem}

    def work() -> bytes:
        return to_json({"collections": [one(name) for name in root.names() if sees(name)]})

    return json_response(await service.run(request, work))


@router.post("", response_model=CollectionAnswer, status_code=201, responses=CREATED)
@needs(Role.ADMIN)
async def create(
    request: Request,
    asked: Annotated[
        CreateCollection,
        Body(
            openapi_examples={
                "with types of fields": {"value": examples.CREATE},
                "of words alone": {"value": examples.CREATE_WORDS},
            }
        ),
    ],
) -> Response:
    """Make an empty collection, which is warm when this is answered."""
    service = service_of(request)

    def work() -> bytes:
        made = service.root.create(asked.name, **settings_of(asked))
        service.warm_up.warm(made)
        return to_json(description(made.name, made.now(), [], service.settings))

    body = await service.change(request, work)
    return json_response(body, 201, Location=path_to(request.scope, f"/v1/collections/{asked.name}"))


@router.get("/{collection}", response_model=CollectionAnswer)
@needs(Role.READ)
async def describe(request: Request, collection: Annotated[str, Path(examples=[examples.COLLECTION])]) -> Response:
    """Describe a collection: its model, the fields of its documents, and the limits of this server."""
    service = service_of(request)
    found = service.collection(request)

    def work() -> bytes:
        return to_json(description(found.name, found.now(), service.root.aliases.of(found.name), service.settings))

    return json_response(await service.run(request, work))


@router.delete("/{collection}", status_code=204, responses=GONE)
@needs(Role.ADMIN)
async def delete(request: Request, collection: Annotated[str, Path(examples=[examples.COLLECTION])]) -> Response:
    """Remove a collection, with all its documents. Its snapshots stay. An alias of it does not name it here."""
    service = service_of(request)
    found = service.collection(request)
    if found.name != collection:
        raise NotFoundError(f"there is no collection {collection!r}: it is an alias of {found.name!r}; name that")
    service.jobs.check_idle(found.name)
    await service.change(request, lambda: service.root.delete(found.name))
    return Response(status_code=204)
