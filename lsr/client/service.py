"""What can be asked of a server as a whole, as steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsr.client import answers
from lsr.client.answers import CollectionInfo, JobState
from lsr.client.asking import SLOW, Server, quoted
from lsr.client.steps import Steps


def collections(server: Server) -> Steps[list[CollectionInfo]]:
    """The collections that there are, in the order of their names."""
    found = yield from server.ask("GET", "/v1/collections")
    return [answers.info(each) for each in answers.part(found, "collections")]


def create(
    server: Server,
    name: str,
    *,
    model: str | None = None,
    dense: str | None = None,
    schema: Mapping[str, str] | None = None,
    **settings: Any,
) -> Steps[CollectionInfo]:
    """Make an empty collection; see `lsr.Collection.create`, for `settings` too.

    ConflictError if there is one of this name, InputError for settings that make no sense.
    """
    given = {"name": name, "model": model, "dense": dense, "schema": schema, **settings}
    body = {name: value for name, value in given.items() if value is not None}
    path = "/v1/collections"
    return answers.info((yield from server.ask("POST", path, body, repeatable=False, patience=SLOW)))


def drop(server: Server, name: str) -> Steps[None]:
    """Remove a collection, with all its documents. ConflictError while an alias stands for it."""
    yield from server.ask("DELETE", f"/v1/collections/{quoted(name)}", repeatable=False, patience=SLOW)


def aliases(server: Server) -> Steps[dict[str, str]]:
    """The collection that each alias stands for."""
    found = yield from server.ask("GET", "/v1/aliases")
    return {answers.part(each, "alias"): answers.part(each, "collection") for each in answers.part(found, "aliases")}


def alias(server: Server, alias: str, collection: str) -> Steps[None]:
    """Let an alias stand for a collection from now on, whatever it stood for before."""
    yield from server.ask("PUT", f"/v1/aliases/{quoted(alias)}", {"collection": collection})


def drop_alias(server: Server, alias: str) -> Steps[None]:
    """Remove an alias; the collection stays."""
    yield from server.ask("DELETE", f"/v1/aliases/{quoted(alias)}", repeatable=False)


def jobs(server: Server) -> Steps[list[JobState]]:
    """The long work that the server does, did lately, or will do."""
    found = yield from server.ask("GET", "/v1/jobs")
    return [answers.job(each) for each in answers.part(found, "jobs")]
