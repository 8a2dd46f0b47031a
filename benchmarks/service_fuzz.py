"""Sends requests by chance to a server of collections, made of its own OpenAPI document.

    python benchmarks/service_fuzz.py [--cases N] [--seed N]

Schemathesis (`pip install schemathesis`) makes requests of each endpoint, half of them as the document says and half
against it, and this sends them to `lsr serve` in a process of its own, without a key and with one of each role.
None may be answered with a 5xx, off the schema of its endpoint, or after more than --seconds; afterwards the server
stops as it should, and the collections are sound and open. Needs Linux.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "service"))

from script import Report, main
from server_process import ServerProcess, serving

from lsr.core.errors import MissingDependencyError
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index, verify
from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore

try:
    import hypothesis
    import requests
    import schemathesis
    from schemathesis.specs.openapi import checks as openapi_checks
except ImportError:
    schemathesis = None

COLLECTIONS = ("first", "second")
ALIAS = "either"
# What leads to something that there is; a string by chance never does.
_KNOWN = {"collection": (*COLLECTIONS, ALIAS), "id": ("0", "1", "2"), "alias": (ALIAS,), "snapshot": ("kept",)}
_KEPT = {
    *("DELETE /v1/collections/{collection}", "DELETE /v1/aliases/{alias}"),
    "DELETE /v1/collections/{collection}/snapshots/{snapshot}",
}
# Of an endpoint, before the others have their turn: of one without parameters there is one request.
_ROUND = 40
_MOST_TOLD = 200


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cases", type=int, default=10_000, metavar="N", help="requests (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is sent (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="that an answer may take (%(default)s)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Send all of them, and look at what is left."""
    if schemathesis is None:
        raise MissingDependencyError(
            "requests are made by schemathesis, which is not installed", remedies=["pip install schemathesis"]
        )
    root = work / "root"
    root.mkdir()
    with serving(root, work / "log") as server:
        fill(server)
        server.stop()
    keys = {role.name.lower(): KeyStore(root).create(role)[0] for role in (Role.READ, Role.WRITE, Role.ADMIN)}
    with serving(root, work / "log", LSR_LOG_FORMAT="json") as server:
        fuzz = Fuzz(server, {"none": "", **keys}, arguments)
        fuzz.send_all()
        stopped = server.stop()
    problems = [*fuzz.problems, *unsound(root)]
    if stopped not in (0, 143):
        problems.append(f"the server ended with {stopped}")
    yield Report(markdown(fuzz, problems), {**fuzz.record(), "problems": problems}, sound=not problems)


def fill(server: ServerProcess) -> None:
    """Two small collections, an alias and a snapshot."""
    for name in COLLECTIONS:
        server.call("POST", "/v1/collections", {"name": name, "model": "bm25"})
        birds = [
            {"_id": str(number), "text": f"bird {number} of the sea", "year": 2000 + number, "tags": ["a", "b"]}
            for number in range(60)
        ]
        server.call("POST", f"/v1/collections/{name}/documents", birds)
    server.call("PUT", f"/v1/aliases/{ALIAS}", {"collection": COLLECTIONS[0]})
    job = server.call("POST", f"/v1/collections/{COLLECTIONS[0]}/snapshots", {"name": "kept"}).value
    server.finished(job)


class Fuzz:
    """Requests, and what became of them.

    Attributes:
        statuses: of the answers, by how the key was.
        problems: what was wrong, each once for an endpoint.
        slowest: seconds.
    """

    def __init__(self, server: ServerProcess, keys: dict[str, str], arguments: argparse.Namespace) -> None:
        self._server, self._keys, self._arguments = server, keys, arguments
        self._random = random.Random(arguments.seed)
        self._session = requests.Session()
        self._checks = [schemathesis.checks.not_a_server_error, openapi_checks.status_code_conformance]
        self._checks += [openapi_checks.content_type_conformance, openapi_checks.response_schema_conformance]
        self._seen: set[tuple[str, str]] = set()
        self.statuses: dict[str, Counter[int]] = {name: Counter() for name in keys}
        self.problems: list[str] = []
        self.cases = self.endpoints = 0
        self.slowest = 0.0

    def send_all(self) -> None:
        """Round after round, requests of each endpoint, for each way that they are made in."""
        document = self._server.call("GET", "/openapi.json", key=self._keys["admin"]).value
        operations = [each.ok() for each in schemathesis.openapi.from_dict(document).get_all_operations()]
        self.endpoints = len(operations)
        ways = list(schemathesis.GenerationMode)
        while self.cases < self._arguments.cases:
            for operation in operations:
                for way in ways:
                    self._send(operation, operation.as_strategy(generation_mode=way), _ROUND)

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        statuses = {
            name: {str(status): count for status, count in sorted(found.items())}
            for name, found in self.statuses.items()
        }
        return {"cases": self.cases, "endpoints": self.endpoints, "slowest_seconds": self.slowest, "statuses": statuses}

    def _send(self, operation: Any, strategy: Any, count: int) -> None:
        @hypothesis.seed(self._random.getrandbits(32))
        @hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(strategy)
        def sent(case: Any) -> None:
            self._one(operation, case)

        # Of what has no parameters, nothing is against the document.
        with suppress(hypothesis.errors.Unsatisfiable):
            sent()

    def _one(self, operation: Any, case: Any) -> None:
        for name, known in _KNOWN.items():
            if name in (case.path_parameters or {}) and operation.label not in _KEPT and self._random.random() < 0.9:
                case.path_parameters[name] = self._random.choice(known)
        # An admin's are looked at most closely.
        who = self._random.choice((*self._keys, "admin", "admin", "admin"))
        key = self._keys[who]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        begun = time.perf_counter()
        try:
            answer = case.call(
                f"http://127.0.0.1:{self._server.port}",
                headers=headers,
                timeout=self._arguments.seconds,
                session=self._session,
            )
        except requests.exceptions.InvalidHeader:
            return
        except requests.exceptions.RequestException as error:
            self._tell(operation, case, "no answer", repr(error))
            self._session = requests.Session()
            return
        self.slowest = max(self.slowest, time.perf_counter() - begun)
        self.cases += 1
        self.statuses[who][answer.status_code] += 1
        checks = [schemathesis.checks.not_a_server_error]
        checks += [
            getattr(openapi_checks, f"{name}_conformance")
            for name in ("status_code", "content_type", "response_schema")
        ]
        for check in checks:
            try:
                case.validate_response(answer, checks=[check])
            except BaseExceptionGroup as error:
                told = "; ".join(f"{each}"[:1500] for each in error.exceptions)
                self._tell(operation, case, f"{check.__name__} {answer.status_code}", told)

    def _tell(self, operation: Any, case: Any, kind: str, error: str) -> None:
        if (operation.label, kind) not in self._seen:
            self._seen.add((operation.label, kind))
            self.problems.append(
                f"{operation.label}: {kind}: {error}: {case.path_parameters} {case.query} {case.body!r}"[:3000]
            )
            print(self.problems[-1], file=sys.stderr, flush=True)


def unsound(root: Path) -> Iterator[str]:
    """What is wrong with the collections afterwards."""
    for path in sorted(root.glob("*/manifest.json")):
        yield from (f"{path.parent.name}: {problem}" for problem in verify(path.parent))
        len(Index.open(path.parent))


def markdown(fuzz: Fuzz, problems: list[str]) -> str:
    statuses = sorted({status for found in fuzz.statuses.values() for status in found})
    table = markdown_table(
        ["key", *map(str, statuses)],
        [[name, *(f"{found[status]:,}" for status in statuses)] for name, found in fuzz.statuses.items()],
    )
    told = "\n".join(f"- {problem[:_MOST_TOLD]}" for problem in problems)
    return (
        f"# Requests by chance\n\n{fuzz.cases:,} requests of {fuzz.endpoints} endpoints, {len(problems)} problems; the "
        f"slowest answer took {fuzz.slowest:.1f} s. Answers by status:\n\n{table}\n\n{told}\n"
    )


if __name__ == "__main__":
    sys.exit(main("service_fuzz", __doc__, options, run))
