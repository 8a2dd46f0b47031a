"""Texts that come while a model runs are encoded in the next run, together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

from lsr.search.gathering import Gathering, sparse_rows
from lsr.search.plan import SearchPlan
from lsr.search.retriever import Retriever


class SlowEncoder:
    """Gives texts back in capitals; a run waits until it is let go, or fails of a text that is "bad"."""

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.began = threading.Semaphore(0)
        self.goes = threading.Semaphore(0)

    def __call__(self, texts: Sequence[str]) -> list[str]:
        self.runs.append(list(texts))
        self.began.release()
        assert self.goes.acquire(timeout=PATIENCE)
        for text in texts:
            if text.startswith("bad"):
                raise ValueError(text)
        return [text.upper() for text in texts]

    def let_go(self, runs: int = 1000) -> None:
        self.goes.release(runs)


class Threads:
    """Threads that ask, and what each got."""

    def __init__(self, gathering: Gathering[str]) -> None:
        self._gathering = gathering
        self._threads: list[threading.Thread] = []
        self.got: dict[str, str | BaseException] = {}

    def ask(self, *texts: str) -> None:
        """Return when all of them wait, or are encoded."""
        for text in texts:
            before = self._known
            thread = threading.Thread(target=self._ask, args=(text,))
            self._threads.append(thread)
            thread.start()
            until(lambda before=before: self._known > before)  # type: ignore[misc]

    @property
    def _known(self) -> int:
        encoder: Any = self._gathering._encode
        return len(self._gathering._waiting) + sum(map(len, encoder.runs))

    def _ask(self, text: str) -> None:
        try:
            self.got[text] = self._gathering(text)
        except BaseException as error:
            self.got[text] = error

    def join(self) -> dict[str, str | BaseException]:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        return self.got


def until(holds: Callable[[], bool]) -> None:
    pause, tries = threading.Event(), 0
    while not holds():
        pause.wait(0.001)
        tries += 1
        assert tries < PATIENCE * 1000


@pytest.fixture
def slow() -> SlowEncoder:
    return SlowEncoder()


def test_what_comes_while_a_run_goes_on_is_the_next_run(slow: SlowEncoder) -> None:
    threads = Threads(Gathering(slow))
    threads.ask("a", "b", "c", "d")
    assert slow.runs == [["a"]]
    slow.let_go(1)
    until(lambda: len(slow.runs) == 2)
    threads.ask("e")
    slow.let_go()
    assert threads.join() == {text: text.upper() for text in "abcde"}
    assert slow.runs == [["a"], ["b", "c", "d"], ["e"]]


def test_one_after_another_is_not_waited_with(slow: SlowEncoder) -> None:
    slow.let_go()
    gathering = Gathering(slow)
    assert [gathering(text) for text in "abc"] == ["A", "B", "C"]
    assert slow.runs == [["a"], ["b"], ["c"]]


def test_as_many_runs_as_the_device_does_side_by_side(slow: SlowEncoder) -> None:
    threads = Threads(Gathering(slow, at_once=2))
    threads.ask("a", "b", "c", "d")
    assert sorted(slow.runs) == [["a"], ["b"]]
    slow.let_go()
    assert threads.join() == {text: text.upper() for text in "abcd"}
    assert slow.runs[2:] == [["c", "d"]]


def test_a_run_has_an_end(slow: SlowEncoder) -> None:
    threads = Threads(Gathering(slow))
    texts = [f"{number:02}" for number in range(40)]
    threads.ask(*texts)
    slow.let_go()
    assert threads.join() == {text: text for text in texts}
    assert [len(run) for run in slow.runs] == [1, 32, 7] and slow.runs[1] == texts[1:33]


def test_a_run_is_of_texts_of_about_one_length(slow: SlowEncoder) -> None:
    threads = Threads(Gathering(slow))
    long, longer = "l" * 100, "m" * 120
    threads.ask("first", long, "a", longer, "b" * 60)
    slow.let_go()
    threads.join()
    assert slow.runs[1:] == [[long, longer], ["a", "b" * 60]]


def test_a_text_that_cannot_be_encoded_fails_alone(slow: SlowEncoder) -> None:
    threads = Threads(Gathering(slow))
    threads.ask("first", "a", "bad 1", "b", "bad 2")
    slow.let_go()
    got = threads.join()
    assert {text: str(error) for text, error in got.items() if isinstance(error, BaseException)} == {
        "bad 1": "bad 1",
        "bad 2": "bad 2",
    }
    assert got["a"] == "A" and got["b"] == "B"
    slow.let_go()
    assert threads._gathering("after") == "AFTER"


def test_nobody_waits_for_a_thread_that_was_ended(slow: SlowEncoder) -> None:
    def ends(texts: Sequence[str]) -> list[str]:
        slow(texts)
        raise KeyboardInterrupt

    ends.runs = slow.runs  # type: ignore[attr-defined]
    threads = Threads(Gathering(ends))
    threads.ask("first", "a", "b")
    slow.let_go()
    assert all(isinstance(each, KeyboardInterrupt) for each in threads.join().values())


def test_a_retriever_gathers_what_a_model_reads_and_nothing_else(toy_index: Path) -> None:
    """A model of queries that runs is let to run, or to look up its words in a table."""
    plain = Retriever.open(toy_index)
    real = plain.encoder
    texts = ["glaciers and ice", "how do birds migrate", "a volcano"]

    class Running:
        inference_free = False
        dim, vocabulary = real.dim, real.vocabulary

        def __init__(self) -> None:
            self.runs: list[list[str]] = []
            self.began, self.goes = threading.Event(), threading.Event()

        def encode_queries(self, asked: Sequence[str], *given: Any, **more: Any) -> Any:
            self.runs.append(list(asked))
            self.began.set()
            assert self.goes.wait(PATIENCE)
            return real.encode_queries(asked, *given, **more)

    running: Any = Running()
    retriever = Retriever(plain.index, gathers=True, device="cpu")
    retriever.encoder = running
    # Of one run at once, however many cores there are.
    retriever._encoders._sparse_runs = Gathering(partial(sparse_rows, running))
    later = retriever.renewed(plain.index)  # the models of the next snapshot are the same
    found: dict[str, Any] = {}

    def ask(searcher: Retriever, text: str) -> None:
        found[text] = searcher.search(text, 5)

    threads = [threading.Thread(target=ask, args=(retriever, texts[0]))]
    threads[0].start()
    assert running.began.wait(PATIENCE)
    for text, searcher in ((texts[1], retriever), (texts[2], later)):
        threads.append(threading.Thread(target=ask, args=(searcher, text)))
        threads[-1].start()
    until(lambda: len(retriever._encoders._sparse_runs._waiting) == 2)  # type: ignore[union-attr]
    running.goes.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert running.runs[0] == texts[:1] and sorted(running.runs[1]) == sorted(texts[1:]) and len(running.runs) == 2
    for text in texts:
        expected = plain.search(text, 5, SearchPlan())
        assert [(hit.id, hit.score) for hit in found[text].hits] == [(hit.id, hit.score) for hit in expected.hits]
    running.inference_free = True
    table = Retriever(plain.index, gathers=True)
    table.encoder = running
    assert table.search(texts[0], 5).hits and table._encoders._sparse_runs is None
