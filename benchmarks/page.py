"""Milliseconds from the last key of a question to the first hit on the screen, with the page of a server in Chromium.

Questions are typed key by key, as a quick typist does; what is found meanwhile is shown meanwhile. Counted is from the
event of the last key to the frame after the one in which the hits of the whole question are drawn. That includes the
80 ms for which the page waits for another key. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from cold_start import MAKE, start
from script import Report, main
from slow_connections import served

from lsr.core.errors import InputError
from lsr.demo.questions import demo_questions
from lsr.eval.reports.markdown import markdown_table

# Notes when the last key was pressed, and when its hits have been painted.
WATCH = """question => {
  window.typed = window.painted = 0;
  performance.setResourceTimingBufferSize(10000); // two requests for each key, and more
  const input = document.getElementById("q"), hits = document.getElementById("hits-first");
  input.addEventListener("input", event => { window.typed = event.timeStamp; });
  new MutationObserver((changes, observer) => {
    if (hits.dataset.of !== question || !hits.children.length) return;
    observer.disconnect();
    // A message is handled after the frame has been painted.
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { window.painted = performance.now(); };
    requestAnimationFrame(() => channel.port2.postMessage(null));
  }).observe(hits, {childList: true});
}"""
# The request that the last key led to.
ANSWER = """() => performance.getEntriesByType("resource")
  .find(each => each.name.endsWith("/search") && each.startTime >= window.typed)?.duration"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, help="an index of text (default: a small one is made)")
    parser.add_argument("--questions", type=Path, help="a file with one a line (default: those of `lsr demo`)")
    parser.add_argument("--runs", type=int, default=50, metavar="N", help="how many questions to type (%(default)s)")
    parser.add_argument("--delay", type=float, default=90, metavar="MS", help="between two keys (%(default)s)")
    parser.add_argument("--chromium", type=Path, help="the browser (default: chromium on the path)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Serve the index, and type each question into an empty page."""
    index = arguments.index or work / "page"
    if not index.exists():
        start(("-c", MAKE.format(index=str(index))))
    if arguments.questions is None:
        questions = [question.text for question in demo_questions()]
    else:
        questions = arguments.questions.read_text(encoding="utf-8").splitlines()
    with served(index, 4096) as server:
        rows = measure(f"http://127.0.0.1:{server.port}", questions[: arguments.runs], arguments)
    table = markdown_table(
        ["", "median, ms", "p95, ms", "slowest, ms"],
        [[name, *(f"{row[key]:.0f}" for key in ("p50_ms", "p95_ms", "max_ms"))] for name, row in rows.items()],
    )
    yield Report(table, {"questions": len(questions[: arguments.runs]), "rows": rows})


def measure(address: str, questions: list[str], arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Milliseconds of each kind; the first question, with which everything is loaded, is not counted."""
    from playwright.sync_api import sync_playwright

    browser_path = arguments.chromium or shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        raise InputError("there is no Chromium on the path: name it with --chromium")
    painted, answered = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browser_path), args=["--no-sandbox"])
        # Its policy forbids what playwright waits by.
        page = browser.new_page(viewport={"width": 1280, "height": 900}, bypass_csp=True)
        for question in (questions[0], *questions):
            page.goto(f"{address}/")
            page.locator(".hit").first.wait_for()
            page.evaluate(WATCH, question)
            page.locator("#q").focus()
            page.keyboard.type(question, delay=arguments.delay)
            page.wait_for_function("window.painted > 0")
            painted.append(page.evaluate("window.painted - window.typed"))
            answered.append(page.wait_for_function(ANSWER).json_value())
        browser.close()
    return {"the last key to the first hit": summary(painted[1:]), "of this the request": summary(answered[1:])}


def summary(milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {
        "p50_ms": statistics.median(ordered),
        "p95_ms": ordered[int(0.95 * (len(ordered) - 1))],
        "max_ms": ordered[-1],
    }


if __name__ == "__main__":
    sys.exit(main("page", __doc__, options, run))
