"""A key: what it may do, and how one is known by its digest."""

from __future__ import annotations

import hmac
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Self

from lsr.core.errors import InputError
from lsr.core.options import listed, shortened
from lsr.service.keys.roles import Role

ROLES = {role.name.lower(): role for role in Role if role is not Role.ANYONE}
"""The roles that a key can have, by name."""

_ID = string.digits + string.ascii_lowercase
_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MOST_NAME = 128
# Of a record.
_PATTERNS = {"id": re.compile(f"[{_ID}]{{1,32}}"), "digest": re.compile("[0-9a-f]{64}")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a key may do. InputError, naming the field, for what makes no sense.

    Attributes:
        id: in the key itself, and in logs.
        digest: the SHA-256 of the whole key, in hexadecimal digits.
        role: the highest of what it may do.
        name: what people call it.
        collections: which it reaches; all if empty.
        requests_per_minute, bytes_per_minute: limits; None for none. Bytes are those of bodies and answers.
        created, expires, revoked: moments; None for never.
    """

    id: str
    digest: str
    role: Role
    created: datetime
    name: str = ""
    collections: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    bytes_per_minute: int | None = None
    expires: datetime | None = None
    revoked: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.name) > _MOST_NAME or not (self.name.isprintable()):
            raise InputError(f"must be at most {_MOST_NAME} characters that can be seen", field="name")
        for collection in self.collections:
            if not _COLLECTION.fullmatch(collection):
                raise InputError(f"{shortened(collection)} is not the name of a collection", field="collections")
        for field in ("requests_per_minute", "bytes_per_minute"):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise InputError(f"must be at least 1, not {value}", field=field)

    @classmethod
    def create(cls, role: Role, **given: Any) -> tuple[str, Self]:
        """A new key, and what is known of it; `given` as the attributes. The key itself is kept nowhere."""
        id = "".join(secrets.choice(_ID) for _ in range(10))
        secret = f"lsr_{id}_{secrets.token_urlsafe(32)}"
        return secret, cls(id=id, digest=digest_of(secret), role=role, created=now(), **given)

    def is_of(self, secret: str) -> bool:
        """Whether this is that key; takes the same time whatever differs."""
        return hmac.compare_digest(self.digest, digest_of(secret))

    def reaches(self, collection: str) -> bool:
        """Whether it is for this collection."""
        return not self.collections or collection in self.collections

    def reaches_all(self, collections: Iterable[str]) -> bool:
        """Whether it is for each of these collections."""
        return all(map(self.reaches, collections))

    @property
    def over(self) -> str:
        """Why it is no longer good, in words; "" if it is."""
        if self.revoked is not None:
            return f"was revoked on {self.revoked:%Y-%m-%d}"
        if self.expires is not None and self.expires <= now():
            return f"expired on {self.expires:%Y-%m-%d}"
        return ""

    def to_record(self) -> dict[str, Any]:
        """As JSON values, without the digest."""
        moments = {name: getattr(self, name) for name in ("created", "expires", "revoked")}
        return {
            "id": self.id,
            "name": self.name,
            "role": self.role.name.lower(),
            "collections": list(self.collections),
            "requests_per_minute": self.requests_per_minute,
            "bytes_per_minute": self.bytes_per_minute,
            **{name: moment and moment.isoformat(timespec="seconds") for name, moment in moments.items()},
        }

    @classmethod
    def from_record(cls, record: Any) -> Self:
        """What `to_record` gave, with the `digest`. InputError for what is not that."""
        try:
            given = {**record}
            role = given.pop("role")
            if role not in ROLES:
                raise InputError(f"must be {listed(ROLES)}, not {shortened(role)}", field="role")
            for name in ("created", "expires", "revoked"):
                given[name] = _moment(given[name], name)
            for name, pattern in _PATTERNS.items():
                if not pattern.fullmatch(given[name]):
                    raise InputError(f"must match {pattern.pattern}, not {shortened(given[name])}", field=name)
            for name in ("requests_per_minute", "bytes_per_minute"):
                if given[name] is not None and type(given[name]) is not int:
                    raise InputError(f"must be a whole number, not {shortened(given[name])}", field=name)
            if not isinstance(given["collections"], list):
                raise InputError(f"must be a list, not {shortened(given['collections'])}", field="collections")
            return cls(**{**given, "role": ROLES[role], "collections": tuple(given["collections"])})
        except (TypeError, KeyError, ValueError, AttributeError):
            raise InputError("is not the record of a key") from None


def _moment(value: Any, field: str) -> datetime | None:
    moment = None if value is None else datetime.fromisoformat(value)
    if moment is not None and moment.tzinfo is None:
        raise InputError(f"must say its time zone, as +00:00, which {shortened(value)} does not", field=field)
    return moment


def digest_of(secret: str) -> str:
    """The SHA-256 of a key. Its 256 random bits cannot be guessed, so that nothing slower is needed."""
    return sha256(secret.encode(errors="replace")).hexdigest()


def now() -> datetime:
    """This moment, to the second, as records have it."""
    return datetime.now(UTC).replace(microsecond=0)
