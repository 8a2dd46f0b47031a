"""Names that a server answers to: `Host` headers against what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

# A port that is not a number, user information, a list, an escape: no client that means well sends them.
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]{0,254}))(?::\d{0,5})?")

LOCAL = ("localhost", "127.0.0.1", "::1")
"""What a server always answers to: no name service can point these elsewhere."""


def host_of(authority: str) -> str | None:
    """The host of "HOST[:PORT]", in one spelling: lower case, IPv6 compressed and without brackets.

    None for what is neither a name nor an address. A final dot, which makes a name absolute, is dropped.
    """
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return None
    if match["v6"] is not None:
        try:
            return _spelled(IPv6Address(match["v6"]))
        except ValueError:
            return None
    return match["name"].lower().removesuffix(".")


def host_pattern(text: str) -> str | None:
    """A name that someone allows, in the spelling of `host_of`; "*" is any, "*.example.org" any within example.org.

    A port is dropped, for every port is meant. None for what can be no host, such as a URL.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return _spelled(ip_address(bare))
    except ValueError:
        pass
    if text == "*":
        return text
    wild = "*." if text.startswith("*.") else ""
    host = host_of(text.removeprefix("*."))
    return None if host is None else wild + host


class AllowedHosts:
    """The hosts that a server answers to: the local names, its own address, and those that it was given."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        """`patterns` are as `host_pattern` takes them; ValueError for others."""
        names = {*LOCAL}
        self._within: tuple[str, ...] = ()
        for text in patterns:
            pattern = host_pattern(text)
            if pattern is None:
                raise ValueError(f"{text!r} is not the name of a host")
            if pattern.startswith("*."):
                self._within = (*self._within, pattern[1:])
            names.add(pattern)
        self._names = frozenset(names)
        self._known = lru_cache(256)(self._look_up)

    def allow(self, authority: str, own_address: str | None) -> bool:
        """Whether to answer to a `Host` header that reached the server at `own_address`."""
        return self._known(authority, own_address)

    def _look_up(self, authority: str, own_address: str | None) -> bool:
        host = host_of(authority)
        if host is None:
            return False
        if "*" in self._names or host in self._names or host.endswith(self._within):
            return True
        return own_address is not None and host == _address(own_address)


def _address(text: str) -> str:
    """A socket's own address, or whatever name a server goes by, in the spelling of `host_of`."""
    try:
        return _spelled(ip_address(text.partition("%")[0]))
    except ValueError:
        return text.lower()


def _spelled(address: object) -> str:
    mapped = getattr(address, "ipv4_mapped", None)
    return str(address if mapped is None else mapped)
