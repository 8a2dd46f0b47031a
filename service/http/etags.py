"""Versions of what is answered: `ETag`, and requests that depend on it (RFC 9110)."""

from __future__ import annotations

import re
from hashlib import sha256

_TAG = re.compile(r'(W/)?("[^"]*")')


def etag_of(body: bytes) -> str:
    """A tag that is another for another body."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def matches(header: str, etag: str | None, *, weak: bool = False) -> bool:
    """Whether a list of tags has this one; `*` stands for any that there is. `weak`: marks of weakness do not count."""
    if etag is None:
        return False
    if header.strip() == "*":
        return True
    return any(tag == etag and (weak or not mark) for mark, tag in _TAG.findall(header))
