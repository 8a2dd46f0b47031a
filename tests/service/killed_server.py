"""Killing a server under load, and looking at what it left: for a test and for benchmarks/service_kills.py."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import orjson
from server_process import STOPPED, ServerProcess, serving, tail

from lsr.index import verify

COLLECTION, ALIAS = "birds", "current"
PATH = f"/v1/collections/{COLLECTION}"
ACTIVITIES = ("write", "create and delete", "alias", "snapshot", "restore", "reindex", "compact")
_GONE: None = None

State = dict[str, int | None]
"""A document's `n` by its id; of one that was deleted, None."""
Write = tuple[str, int | None]
"""An id, and the `n` that it gets; None for a deletion."""


class Writer:
    """A client that writes to ids of its own, one request after another, and keeps what was acknowledged.

    Attributes:
        known: what is there, as far as was acknowledged.
        open: of ids that the last request was about, which was not answered: what may be there as well. Of a batch in
            which an id comes twice, it is replaced twice.
        acknowledged: writes of one document.
        problems: answers that were not to be.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name, self._random = name, random.Random(seed)
        self.known: State = {}
        self.open: dict[str, list[int | None]] = {}
        self.acknowledged = 0
        self.problems: list[str] = []

    def write(self, server: ServerProcess) -> None:
        """One request by chance. Raises OSError or HTTPException where no answer comes."""
        ids = [f"{self._name}{self._random.randrange(60)}" for _ in range(self._random.choice((1, 1, 5, 40)))]
        kind = self._random.choice(("put", "put", "put", "delete", "delete many", "patch"))
        n = self._random.randrange(1 << 30)
        if kind == "put":
            lines = [{"_id": id, "text": f"bird {n + place}", "n": n + place} for place, id in enumerate(ids)]
            wanted: list[Write] = [(id, n + place) for place, id in enumerate(ids)]
            self._ask(server, wanted, "POST", f"{PATH}/documents", b"\n".join(map(orjson.dumps, lines)))
        elif kind == "delete":
            self._ask(server, [(ids[0], _GONE)], "DELETE", f"{PATH}/documents/{ids[0]}")
        elif kind == "delete many":
            self._ask(server, [(id, _GONE) for id in ids], "POST", f"{PATH}/delete", {"ids": sorted(set(ids))})
        elif self.known.get(ids[0]) is not None:
            self._ask(server, [(ids[0], n)], "PATCH", f"{PATH}/documents/{ids[0]}", {"fields": {"n": n}})

    def _ask(self, server: ServerProcess, wanted: list[Write], method: str, path: str, body: Any = None) -> None:
        for id, n in wanted:
            self.open.setdefault(id, []).append(n)
        answer = server.call(method, path, body)
        if answer.status != 200:
            self.problems.append(f"{method} {path}: {answer.status}: {answer.value}")
        self.known |= dict(wanted)
        self.open = {}
        self.acknowledged += len(wanted)

    def check(self, server: ServerProcess) -> list[str]:
        """What of it is not there; what is becomes known."""
        wrong = []
        for id in self.known.keys() | self.open.keys():
            answer = server.call("GET", f"{PATH}/documents/{id}")
            found = answer.value["fields"]["n"] if answer.status == 200 else _GONE
            if found != self.known.get(id) and found not in self.open.get(id, ()):
                wrong.append(f"{id} is {found}, not {self.known.get(id)} ({self.open.get(id)} under way)")
            self.known[id] = found
        self.open = {}
        return wrong


class Admin:
    """A client that makes, removes, copies and reindexes, and keeps what was acknowledged.

    Attributes:
        there: names of collections that must be there; maybe: of those that may.
        alias: what the alias stands for; next_alias: what it may stand for as well.
        snapshots: that must be there.
        done: how often something was done.
    """

    def __init__(self, activity: str, seed: int) -> None:
        self._activity, self._random = activity, random.Random(seed)
        self._number = 0
        self.there: set[str] = {COLLECTION, "other"}
        self.maybe: set[str] = set()
        self.alias = self.next_alias = COLLECTION
        self.snapshots: set[str] = set()
        self.done: Counter[str] = Counter()

    def turn(self, activity: str) -> None:
        """Do something else from now on."""
        self._activity = activity

    def act(self, server: ServerProcess) -> None:
        """Something of its activity. Raises OSError or HTTPException where no answer comes."""
        self._number += 1
        name = f"made-{self._number}"
        if self._activity == "create and delete":
            self._make(name, lambda: server.call("POST", "/v1/collections", {"name": name, "model": "bm25"}))
            self.there.discard(name)
            self.maybe.add(name)
            server.call("DELETE", f"/v1/collections/{name}")
            self.maybe.discard(name)
        elif self._activity == "alias":
            self.next_alias = self._random.choice((COLLECTION, "other"))
            server.call("PUT", f"/v1/aliases/{ALIAS}", {"collection": self.next_alias})
            self.alias = self.next_alias
        elif self._activity == "snapshot":
            self._job(server, "snapshots", {"name": name})
            self.snapshots.add(name)
        elif self._activity == "restore":
            if not self.snapshots:
                self._job(server, "snapshots", {"name": "first"})
                self.snapshots.add("first")
            snapshot = sorted(self.snapshots)[0]
            self._make(name, lambda: self._job(server, f"snapshots/{snapshot}/restore", {"name": name}))
            self.there.discard(name)
            self.maybe.add(name)
            server.call("DELETE", f"/v1/collections/{name}")
            self.maybe.discard(name)
        elif self._activity in ("reindex", "compact"):
            body = {"model": "bm25"} if self._activity == "reindex" else None
            self._job(server, self._activity, body)
        else:
            server.call("GET", f"/v1/collections/{ALIAS}/search?q=bird")
        self.done[self._activity] += 1

    def _make(self, name: str, make: Callable[[], Any]) -> None:
        self.maybe.add(name)
        make()
        self.maybe.discard(name)
        self.there.add(name)

    def _job(self, server: ServerProcess, path: str, body: Any) -> None:
        answer = server.call("POST", f"{PATH}/{path}", body)
        assert answer.status == 202, answer
        job = server.finished(answer.value)
        assert job["status"] == "done", job

    def check(self, server: ServerProcess, root: Path) -> list[str]:
        """What is not there that must be, or there that must not; what is becomes known."""
        listed = _listed(server, "/v1/collections")["collections"]
        wrong = [f"{each['name']}: {each['problem']}" for each in listed if "problem" in each]
        names = {each["name"] for each in listed}
        if not self.there <= names <= self.there | self.maybe:
            wrong.append(f"there are {sorted(names)}, not {sorted(self.there)} (and perhaps {sorted(self.maybe)})")
        found = _listed(server, "/v1/aliases")["aliases"]
        if [each["collection"] for each in found] not in ([self.alias], [self.next_alias]):
            wrong.append(f"the alias stands for {found}, not {self.alias} (or {self.next_alias})")
        else:
            self.alias = self.next_alias = found[0]["collection"]
        snapshots = _listed(server, f"{PATH}/snapshots")["snapshots"]
        wrong += [f"snapshot {each['name']}: {each['problem']}" for each in snapshots if "problem" in each]
        if not self.snapshots <= {each["name"] for each in snapshots}:
            wrong.append(f"there are snapshots {snapshots}, not {sorted(self.snapshots)}")
        self.snapshots = {each["name"] for each in snapshots}
        jobs = _listed(server, "/v1/jobs")["jobs"]
        wrong += [f"a job is {job['status']}: {job}" for job in jobs if job["status"] not in ("done", "failed")]
        wrong += [f"{path} is left" for path in left_over(root)]
        for name in sorted(names):
            wrong += [f"{name}: {problem}" for problem in verify(root / name)]
        for name in sorted(names - {COLLECTION, "other"}):
            server.call("DELETE", f"/v1/collections/{name}")
        self.there, self.maybe = {COLLECTION, "other"}, set()
        return wrong


def left_over(root: Path) -> list[Path]:
    """What of a killed server is no collection and no file that is kept."""
    kept = root / ".service"
    # What is half-written of the aliases is overwritten by the next.
    hidden = [*kept.glob("jobs/.*"), *kept.glob("snapshots/*/.*"), *root.glob(".[!s]*")]
    return [*hidden, *kept.glob("making/*"), *kept.glob("removed/*")]


class Killing:
    """A folder whose server is killed again and again."""

    def __init__(self, root: Path, log: Path, seed: int) -> None:
        self._root, self._log, self._seed = root, log, seed
        self.writers = [Writer(name, seed * 100 + place) for place, name in enumerate("pqr")]
        self.admin = Admin("write", seed)
        with serving(root, log) as server:
            for name in (COLLECTION, "other"):
                assert server.call("POST", "/v1/collections", {"name": name, "model": "bm25"}).status == 201
            assert server.call("PUT", f"/v1/aliases/{ALIAS}", {"collection": COLLECTION}).status == 200
            assert server.stop() == STOPPED

    def once(self, activity: str, writes: int, *, kills: bool = True) -> list[str]:
        """Kill it once `writes` documents were acknowledged, or let it go on; what was wrong before and after."""
        self.admin.turn(activity)
        acknowledged = self.acknowledged
        problems: list[str] = []
        with serving(self._root, self._log) as server:
            over = threading.Event()

            def again(ask: Callable[[ServerProcess], None]) -> None:
                try:
                    while not over.is_set():
                        ask(server)
                except (OSError, HTTPException, ValueError):
                    return  # killed; half of an answer is no JSON
                except BaseException as error:
                    problems.append(repr(error))

            work = [*(writer.write for writer in self.writers), self.admin.act]
            threads = [threading.Thread(target=again, args=(each,)) for each in work]
            done = self.admin.done[activity]
            for thread in threads:
                thread.start()
            while self.acknowledged - acknowledged < writes or self.admin.done[activity] == done:
                time.sleep(0.001)
                if not all(thread.is_alive() for thread in threads):
                    break
            if kills:
                server.kill()
            over.set()
            for thread in threads:
                thread.join()
            if not kills:
                problems += self._check(server)
        if kills:
            with serving(self._root, self._log) as server:
                problems += self._check(server)
        return [f"{activity}: {problem}" for problem in problems]

    def _check(self, server: ServerProcess) -> list[str]:
        problems = []
        for writer in self.writers:
            problems += [*writer.problems, *writer.check(server)]
            writer.problems = []
        count = server.call("POST", f"{PATH}/count", {}).value["count"]
        known = sum(n is not None for writer in self.writers for n in writer.known.values())
        if count != known:
            problems.append(f"{count} documents are counted, and {known} are there")
        problems += self.admin.check(server, self._root)
        code = server.stop()
        return problems if code == STOPPED else [*problems, f"it ended with {code}: {tail(self._log)}"]

    @property
    def acknowledged(self) -> int:
        """Writes of one document that were acknowledged so far."""
        return sum(writer.acknowledged for writer in self.writers)


def _listed(server: ServerProcess, path: str) -> Any:
    """What is answered to a question that is always answered."""
    answer = server.call("GET", path)
    assert answer.status == 200, f"GET {path} was answered with {answer.status}: {answer.value}"
    return answer.value
