"""Which endpoint a request is for, known before anything of it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from starlette.routing import Match
from starlette.types import Scope

try:
    from fastapi.routing import iter_route_contexts
except ImportError:  # older versions copy the routes of included routers into the application
    iter_route_contexts = iter  # type: ignore[assignment]

_STATE = "route"


class Route(NamedTuple):
    """An endpoint: its path with the names of parameters in braces, what it is, and the parameters of a request."""

    template: str
    endpoint: Callable[..., Any]
    parameters: Mapping[str, Any]


def endpoint_routes(application: Any) -> Iterator[Any]:
    """All routes of an application with an endpoint, those of included routers with their whole paths."""
    return (route for route in iter_route_contexts(application.routes) if route.endpoint is not None)


def find_route(scope: Scope) -> Route | None:
    """The route of a request, found once for its method; None for a path or method that the application does not have.

    `scope` is as the application has it, with the application itself.
    """
    state = scope.setdefault("state", {})
    # Were it known by another method, who asks would be let in by one and answered by the other.
    method, route = state.get(_STATE, ("", None))
    if method != scope["method"]:
        route = _found(scope)
        state[_STATE] = scope["method"], route
    found: Route | None = route
    return found


def _found(scope: Scope) -> Route | None:
    application = scope["app"]
    routes = getattr(application.state, "routes", None)
    if routes is None:
        routes = application.state.routes = tuple(endpoint_routes(application))
    for route in routes:
        match, more = route.matches(scope)
        if match is Match.FULL:
            return Route(route.path, route.endpoint, more.get("path_params", {}))
    return None
