"""Bodies as JSON, read strictly: what could be read in two ways is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Any, get_type_hints

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError


class JsonRoute(APIRoute):
    """A route that reads its body by `parse`.

    Where the body is all that an endpoint takes, a request that is right goes to it directly: to find out what else
    there might be to give to it costs the framework as much as the search of many a request. One that is not right
    goes through the framework, which says why.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        endpoint = self.endpoint
        model = None if self.body_field is None else _body_model(endpoint)

        async def strictly(request: Request) -> Response:
            request = _JsonRequest(request.scope, request.receive)
            if model is not None and request.headers.get("content-type") == "application/json":
                try:
                    body = model.model_validate(await request.json())
                except (ValidationError, json.JSONDecodeError):
                    return await handle(request)
                answer: Response = await endpoint(request, body)
                return answer
            return await handle(request)

        return strictly


def _body_model(endpoint: Callable[..., Any]) -> type[BaseModel] | None:
    """What an endpoint reads from the body, if it takes nothing but the request and that."""
    hints = get_type_hints(endpoint)
    if len(signature(endpoint).parameters) != 2 or hints.pop("return", None) is not Response:
        return None
    first, second = hints.values()
    return second if first is Request and isinstance(second, type) and issubclass(second, BaseModel) else None


class _JsonRequest(Request):
    async def json(self) -> Any:
        return parse(await self.body())


def parse(body: bytes) -> Any:
    """The value of a JSON text. Raises HTTPException (400), or JSONDecodeError where it does not parse."""
    try:
        return json.loads(body, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"the body is not UTF-8, from byte {error.start}") from None
    except RecursionError:
        raise HTTPException(400, "the body is nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python reads integers of at most 4,300 digits.
        raise HTTPException(400, "the body holds a number of too many digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise HTTPException(400, f"an object of the body has the field {twice[:100]!r} twice: give it once")
    return values
