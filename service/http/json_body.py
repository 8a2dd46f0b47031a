"""Bodies as JSON, read strictly: what could be read in two ways is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute


class JsonRoute(APIRoute):
    """A route that reads its body by `parse`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return strictly


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
