"""How much each may ask: token buckets, in memory, of this process."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic

from lsr.service.keys.key import Key

_MINUTE = 60.0


class Bucket:
    """Holds at most `capacity` tokens, and fills from empty in a minute."""

    __slots__ = ("_at", "_capacity", "_level")

    def __init__(self, capacity: float, now: float) -> None:
        self._capacity = self._level = float(capacity)
        self._at = now

    def wait(self, now: float, least: float = 1.0) -> float:
        """Seconds until it holds `least` tokens; 0 if it does."""
        self._level = min(self._capacity, self._level + (now - self._at) * self._capacity / _MINUTE)
        self._at = now
        return max(0.0, (least - self._level) * _MINUTE / self._capacity)

    def take(self, count: float) -> None:
        """Take tokens, also those that it does not hold: they have to come in before the next is given."""
        self._level -= count


class KeyRates:
    """What keys with limits have used of them. For one thread."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str, int], Bucket] = {}

    def request(self, key: Key) -> tuple[float, str]:
        """Take a request: seconds to wait until one is allowed, and the limit that says so; (0, "") if it is now."""
        now = self._clock()
        requests, bytes = self._of(key, "requests", now), self._of(key, "bytes", now)
        for bucket, limit in ((requests, "requests"), (bytes, "bytes")):
            if bucket is not None and (seconds := bucket.wait(now)) > 0:
                return seconds, limit
        if requests is not None:
            requests.take(1)
        return 0.0, ""

    def spend(self, key: Key, bytes: int) -> None:
        """Count bytes that were received or sent. They are known when they pass, so the next request waits for them."""
        bucket = self._of(key, "bytes", self._clock())
        if bucket is not None:
            bucket.take(bytes)

    def _of(self, key: Key, kind: str, now: float) -> Bucket | None:
        limit = key.requests_per_minute if kind == "requests" else key.bytes_per_minute
        if limit is None:
            return None
        return self._buckets.setdefault((key.id, kind, limit), Bucket(limit, now))


class Failures:
    """How often each client has given a wrong key: the latest `most` clients are remembered. For one thread."""

    def __init__(self, a_minute: int = 20, most: int = 4096, clock: Callable[[], float] = monotonic) -> None:
        self._a_minute = a_minute
        self._most = most
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def failed(self, client: str) -> float:
        """Count a wrong key: seconds for which the client is told to stay away; 0 as long as there were few."""
        now, name = self._clock(), _network(client)
        bucket = self._buckets.pop(name, None) or Bucket(self._a_minute, now)
        if len(self._buckets) >= self._most:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[name] = bucket
        seconds = bucket.wait(now)
        if not seconds:
            bucket.take(1)
        return seconds

    def __len__(self) -> int:
        return len(self._buckets)


def _network(client: str) -> str:
    """A client by its address; of IPv6 by the 64 bits that it cannot choose."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)
