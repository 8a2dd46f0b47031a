"""Damage at random: of bytes, of JSON values, of arrays."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import numpy as np

# Numbers at which arithmetic wraps, signs change, or sizes end.
NUMBERS = tuple(
    sign * (2**power + near)
    for power in (0, 7, 8, 15, 16, 31, 32, 40, 62, 63, 64)
    for near in (-8, -1, 0, 1)
    for sign in (1, -1)
)
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, float("nan"), float("inf"), 1e308, 10**30, "", "..", "../outside/precious",
    "/dev/zero", "/etc/passwd", "a/b", "x\x00y", "\x1b[2J", "é" * 300, "\ud800",
    [], {}, [[]], {"": {}}, [None] * 50, {"a": [1, {}]},
)  # fmt: skip


def damage_bytes(data: bytes, random: np.random.Generator, skip: int = 0) -> bytes:
    """The bytes with one to four things wrong with them, in places from `skip` on."""
    made = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        at = int(random.integers(min(skip, len(made)), max(len(made), skip + 1)))
        match int(random.integers(8)):
            case 0 | 1:
                if at < len(made):
                    made[at] ^= 1 << int(random.integers(8))
            case 2:
                made[at : at + 8] = _number(random).to_bytes(8, "little")
            case 3:
                made[at : at + 4] = (_number(random) % 2**32).to_bytes(4, "little")
            case 4:
                made[at : at + int(random.integers(1, 17))] = random.bytes(int(random.integers(1, 17)))
            case 5:
                del made[at : at + int(random.integers(1, 65))]
            case 6:
                made[at:at] = made[at : at + int(random.integers(1, 65))]
            case _:
                del made[at:]
    return bytes(made)


def damage_array(values: np.ndarray[Any, Any], random: np.random.Generator) -> np.ndarray[Any, Any]:
    """A copy of the array with some values, or its length, another."""
    made = values.copy()
    if not len(made):
        return np.zeros(1, made.dtype)
    at = int(random.integers(len(made)))
    match int(random.integers(7)):
        case 0:
            raw = made.view(np.uint8)
            raw[int(random.integers(len(raw)))] ^= 1 << int(random.integers(8))
        case 1:
            made[at] = np.frombuffer(_number(random).to_bytes(8, "little"), made.dtype)[0]
        case 2:
            other = int(random.integers(len(made)))
            made[[at, other]] = made[[other, at]]
        case 3:
            made[at:] = made[at]
        case 4:
            made = made[:at]
        case 5:
            made = np.concatenate([made, made[:at]])
        case _:
            made[:] = np.frombuffer(random.bytes(made.nbytes), made.dtype)
    return made


def damage_json(value: Any, random: np.random.Generator) -> Any:
    """A copy of the value with one or two of the values in it replaced, removed, added or renamed."""
    made = json.loads(json.dumps(value))
    for _ in range(int(random.integers(1, 3))):
        places = list(_places(made))
        holder, key = places[int(random.integers(len(places)))]
        match int(random.integers(6)):
            case 0 | 1 | 2:
                holder[key] = _hostile(random)
            case 3:
                del holder[key]
            case 4 if isinstance(holder, dict):
                holder[str(_hostile(random))] = holder[key]
            case _:
                if isinstance(holder, dict):
                    holder[str(_hostile(random))] = holder.pop(key)
                else:
                    holder.append(holder[key])
        if not made:
            break
    return made


def _hostile(random: np.random.Generator) -> Any:
    if random.integers(2):
        return _number(random, signed=True)
    return deepcopy(_VALUES[int(random.integers(len(_VALUES)))])


def _number(random: np.random.Generator, *, signed: bool = False) -> int:
    number = NUMBERS[int(random.integers(len(NUMBERS)))]
    return number if signed else number % 2**64


def _places(value: Any) -> Any:
    """Every (holder, key) of a value within another."""
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, each in items:
        yield value, key
        if isinstance(each, dict | list) and each:
            yield from _places(each)
