"""A browser, and a server in a process of its own for all tests of the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_documents import BIRDS, FIELDS, HOSTILE, SCIENCE
from patience import PATIENCE
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from lsr import SparseEncoder
from lsr.build.corpus import index_corpus
from lsr.build.dense import add_dense_vectors
from lsr.collection.collection import Collection
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.index import Index
from lsr.search.flat import plan_of
from lsr.search.relevance import (
    QUERY_WEIGHT,
    SPARSE_SCORE,
    Calibration,
    kind_of_search,
    made_by,
    store_calibration,
)

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_SERVE = (
    "import sys; from lsr.service import ServiceSettings, serve;"
    "serve(sys.argv[1], ServiceSettings(log_format='json', cache_bytes=0), port=0)"
)
Show = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine to show the page in")
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of four collections: birds (words), science (a model and dense vectors, calibrated for
    sparse search), strangers, and inbox, which is empty.
    """
    root = tmp_path_factory.mktemp("site")
    for name, documents, fields in (("birds", BIRDS, FIELDS), ("strangers", HOSTILE, None), ("inbox", [], None)):
        with Collection.create(root / name, model="bm25", schema=fields) as collection:
            collection.add(documents)
            collection.compact()
    log = root / "log"
    with log.open("wb") as stream:
        server = subprocess.Popen([sys.executable, "-c", _SERVE, str(root)], stderr=stream)
    try:
        # Made while the server starts, which finds it once it is there as a whole.
        index = index_corpus(SCIENCE, root / ".science", SparseEncoder.load("lsr-doc-tiny"))
        add_dense_vectors(index, DenseEncoder.load("minilm"))
        whole = Index.open(index.path)
        store_calibration(whole, calibration_of_scores(whole))
        (root / ".science").rename(root / "science")
        yield _address(server, log)
    finally:
        server.terminate()
        server.wait(PATIENCE)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert not any("traceback" in line or line.get("status", 0) >= 500 for line in lines)


def calibration_of_scores(index: Index) -> Calibration:
    """Of sparse search: a score that is the query's weight has a relevance of a half, a higher one more."""
    return Calibration(
        search=kind_of_search(index, plan_of("auto")),
        made_by=made_by(index),
        intercept=0.0,
        weights={SPARSE_SCORE: 2.0, QUERY_WEIGHT: -2.0},
        judged=True,
        queries=40,
        documents=len(index.documents),
    )


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Where a server listens, once all collections are warm, the one that came last too."""
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        said = log.read_text(encoding="utf-8")
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        if found and "science is ready" in said:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.fixture
def show(browser: Browser, site: str) -> Iterator[Show]:
    """Opens the page: `show("#q=…", **settings of the context)`. Whatever it says on the console fails the test."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def show(state: str = "", **settings: Any) -> Page:
        context = browser.new_context(base_url=site, **settings)
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        # That an answer is an error is no mistake of the page.
        page.on(
            "console",
            lambda message: said.append(message.text) if "Failed to load resource" not in message.text else None,
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"/{state}")
        return page

    yield show
    for context in contexts:
        context.close()
    assert said == []
