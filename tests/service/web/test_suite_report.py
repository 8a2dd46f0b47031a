"""The page of a suite's results, in a browser: it asks for nothing, its tables sort, its dots tell their queries."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, expect

from lsr.eval.suites.config import suite_of
from lsr.eval.suites.run import run_suite

QUERY = "a <b>fish</b> </script> & co"


def test_a_report_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    (folder / "qrels").mkdir(parents=True)
    texts = {"d1": "cat", "d2": "dog", "d3": "fish"}
    (folder / "corpus.jsonl").write_text("".join(json.dumps({"_id": i, "text": t}) + "\n" for i, t in texts.items()))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q1", "text": QUERY}) + '\n{"_id": "q2", "text": "cat"}\n')
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td3\t1\nq2\td1\t1\n")
    (tmp_path / "worse.trec").write_text("q2 Q0 d1 1 1.0 worse\n")
    systems = [{"name": "worse <i>", "runs": str(tmp_path / "worse.trec")}, "bm25", {"name": "words", "model": "bm25"}]
    record = {"systems": systems, "collections": [str(folder)], "measures": ["MRR@10"]}
    run_suite(suite_of(record, "s.yaml"), tmp_path / "out")
    page = browser.new_page(viewport={"width": 390, "height": 800})
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto((tmp_path / "out" / "report.html").as_uri())
    names = page.locator("table.sortable").first.locator("tbody th")
    assert names.all_text_contents() == ["worse <i>", "bm25", "words"]
    page.get_by_role("button", name="pets").click()
    assert names.all_text_contents() == ["bm25", "words", "worse <i>"]
    page.get_by_role("button", name="pets").click()
    assert names.all_text_contents()[0] == "worse <i>"
    expect(page.locator("#counts")).to_have_text("bm25 is better for 1 queries, worse for 0, the same for 1.")
    page.locator("#scatter circle").first.hover()
    expect(page.locator("#query")).to_have_text(f"q1: {QUERY} (worse <i> 0, bm25 1)")
    page.select_option("select[name=first]", "words")
    expect(page.locator("#counts")).to_have_text("bm25 is better for 0 queries, worse for 0, the same for 2.")
    assert page.locator("figure svg circle").count() == 2 + 1 + 2  # over latency, over size, and the queries
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (len(asked), wrong) == (1, [])
    page.close()
