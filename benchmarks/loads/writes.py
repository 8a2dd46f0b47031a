"""Documents that are added over HTTP at a steady rate, beside whatever else is asked."""

from __future__ import annotations

import http.client
import itertools
import json
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from time import perf_counter

from loads.servers import posted

_COLLECTION = "texts"
_TIMES_A_SECOND = 10
_WORDS = 20


@dataclass
class Written:
    """What has been added by now; `failure` is what ended it, if something did."""

    documents: int = 0
    seconds: float = 0.0
    failure: str = ""

    @property
    def per_second(self) -> float:
        return self.documents / self.seconds if self.seconds else 0.0


@contextmanager
def writing(port: int, per_second: int) -> Iterator[Written]:
    """Add so many texts of twenty words a second to a collection of words, ten times a second, or as many as go."""
    posted(port, "/v1/collections", json.dumps({"name": _COLLECTION, "model": "bm25"}).encode())
    written, ended = Written(), Event()
    thread = Thread(target=_write, args=(port, per_second // _TIMES_A_SECOND, written, ended))
    thread.start()
    try:
        yield written
    finally:
        ended.set()
        thread.join()


def remove(port: int) -> None:
    """Remove that collection again."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as client:
        client.request("DELETE", f"/v1/collections/{_COLLECTION}")
        client.getresponse().read()


def _write(port: int, at_once: int, written: Written, ended: Event) -> None:
    words, began = random.Random(0), perf_counter()
    try:
        for turn in itertools.count():
            if ended.wait(max(0.0, began + turn / _TIMES_A_SECOND - perf_counter())):
                return
            texts = (" ".join(f"word{words.randrange(5000)}" for _ in range(_WORDS)) for _ in range(at_once))
            lines = [json.dumps({"_id": f"{turn}-{number}", "text": text}) for number, text in enumerate(texts)]
            body = "\n".join(lines).encode()
            answer = posted(port, f"/v1/collections/{_COLLECTION}/documents", body, "application/x-ndjson")
            written.documents += answer["created"]
            written.seconds = perf_counter() - began
    except Exception as error:
        written.failure = str(error)
