"""The keys as a running server knows them."""

from __future__ import annotations

import logging
from typing import NamedTuple

from lsr.core.errors import LsrError
from lsr.service.http.secrets import KEY
from lsr.service.keys.key import Key
from lsr.service.keys.store import KeyStore

logger = logging.getLogger("lsr.service")


class Found(NamedTuple):
    """The key that a client gave, or why it opens nothing: in words, and in one for counts."""

    key: Key | None
    problem: str = ""
    reason: str = ""


class Keyring:
    """The keys of a store, which may change at any time: a new or a revoked one counts for the next request.

    Once there were keys, they are asked for as long as the process lives. A file that cannot be read leaves the keys
    that were known.
    """

    def __init__(self, store: KeyStore | None) -> None:
        """`store`: None for no keys at all. InputError if its file is damaged."""
        self._store = store
        self._stamp = None if store is None else store.stamp()
        self._keys = {} if store is None else {key.id: key for key in store.read()}
        self._asked = bool(self._keys)

    @property
    def asked(self) -> bool:
        """Whether there are keys, and so every request needs one."""
        self._look()
        return self._asked

    def find(self, given: str) -> Found:
        """The key of an `Authorization` header's value."""
        self._look()
        scheme, _, secret = given.strip().partition(" ")
        if scheme.lower() != "bearer":
            return Found(None, "give a key as Authorization: Bearer KEY", "key-form")
        parts = KEY.fullmatch(secret.strip())
        key = self._keys.get(parts[1]) if parts else None
        if parts is None or key is None or not key.is_of(parts[0]):
            return Found(None, "this key is not one of this server's", "key-wrong")
        if key.over:
            # Who gave it had the key, and may know.
            return Found(None, f"this key {key.over}", "key-over")
        return Found(key)

    def _look(self) -> None:
        if self._store is None:
            return
        try:
            stamp = self._store.stamp()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._keys = {key.id: key for key in self._store.read()}
        except (LsrError, OSError) as error:
            problem = error.message() if isinstance(error, LsrError) else str(error)
            logger.error("keeping the keys that were known: %s", problem)
            return
        self._asked = self._asked or bool(self._keys)
        logger.info("the keys have changed: there are %d", sum(not key.over for key in self._keys.values()))
