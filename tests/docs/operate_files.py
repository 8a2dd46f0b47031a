"""The files of docs/operate/, taken apart."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

import yaml
from docs_pages import DOCS

FOLDER = DOCS / "operate"


@dataclass
class Stage:
    """A stage of a Dockerfile: what each instruction says, in order, and its variables."""

    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """What the instructions of a name say."""
        return [rest for found, rest in self.instructions if found == word]

    def words(self, word: str) -> list[str]:
        """A command in the form of a JSON list."""
        words: list[str] = json.loads(self.all(word)[-1].partition("[")[1] + self.all(word)[-1].partition("[")[2])
        return words

    @property
    def environment(self) -> dict[str, str]:
        """By ENV."""
        parts = [part for rest in self.all("ENV") for part in shlex.split(rest)]
        return dict(part.split("=", 1) for part in parts)


def stages() -> tuple[dict[str, str], list[Stage]]:
    """The arguments (ARG) of the Dockerfile, and its stages."""
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        word, rest = line.split(None, 1)
        if word == "FROM":
            found.append(Stage(rest.partition(" AS ")[2]))
        elif word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
        else:
            found[-1].instructions.append((word, rest.strip()))
    return arguments, found


def let_in() -> list[str]:
    """What Dockerfile.dockerignore lets into the build."""
    lines = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def documents(name: str) -> list[Any]:
    """The documents of a YAML file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def unit() -> dict[str, list[str]]:
    """The settings of lsr.service by name."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / "lsr.service").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


def seconds(text: str) -> int:
    """`45s` or `10min`."""
    found = re.fullmatch(r"(\d+)([a-z]*)", text)
    assert found, text
    return int(found[1]) * _UNITS[found[2]]


def size(text: str) -> int:
    """Bytes of `4g`, `4G` or `4Gi`."""
    found = re.fullmatch(r"(\d+)([gGmM])i?", text)
    assert found, text
    return int(found[1]) << {"g": 30, "m": 20}[found[2].lower()]
