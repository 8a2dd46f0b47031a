"""A collection's own page: what it is made of, adding to it, and a key where one is asked for."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, Route, expect

DROP = """async ([name, text]) => {
  const given = new DataTransfer();
  given.items.add(new File([text], name));
  const box = document.querySelector(".drop");
  box.dispatchEvent(new DragEvent("drop", {dataTransfer: given, bubbles: true, cancelable: true}));
}"""


def drop(page: Page, name: str, text: str) -> None:
    expect(page.locator(".drop")).to_be_visible()
    page.evaluate(DROP, [name, text])


def test_a_collection_tells_what_it_is_made_of(show: Any) -> None:
    page = show("#c=birds&view=collection")
    expect(page.locator("#heading")).to_have_text("Collection birds")
    expect(page.locator(".facts-list")).to_contain_text("bm25")
    expect(page.get_by_role("group", name="Segments").locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("group", name="Space on disk")).to_contain_text("in all")
    expect(page.get_by_role("img", name="Terms of a document: most often")).to_be_visible()
    expect(page.get_by_role("img", name="Weights of terms: most often")).to_be_visible()
    expect(page.locator(".frequent li").first).to_contain_text("migrat")
    page.locator(".frequent a").first.click()
    expect(page.locator("#q")).to_have_value("migrat")
    expect(page.locator(".hit").first).to_be_visible()


def test_the_collections_are_listed(show: Any) -> None:
    page = show("#c=birds&view=collection")
    rows = page.get_by_role("group", name="Collections").locator("tbody tr")
    expect(rows.locator("th")).to_have_text(["birds", "inbox", "science", "strangers"])
    rows.get_by_role("link", name="science").click()
    expect(page.locator("#heading")).to_have_text("Collection science")
    expect(page.locator(".facts-list")).to_contain_text("minilm")


def test_files_are_dropped_and_their_documents_found(show: Any) -> None:
    page = show("#c=inbox&view=collection")
    progress = page.locator(".progress")
    lines = [json.dumps({"_id": f"line-{i}", "text": f"otter number {i}"}) for i in range(700)]
    drop(page, "otters.ndjson", "\n".join([*lines[:3], "{not json", *lines[3:]]))
    expect(progress).to_have_text("700 documents added, 0 replaced, 1 error")
    expect(page.locator(".errors li")).to_contain_text("otters.ndjson, line 4: ")
    drop(page, "badger.md", "# The badger\n\nBadgers dig.\n")
    expect(progress).to_have_text("1 document added, 0 replaced")
    drop(page, "two.json", '[{"_id": "line-0", "text": "otter again"}, {"_id": "new", "text": "weasel"}]')
    expect(progress).to_have_text("1 document added, 1 replaced")
    drop(page, "picture.png", "")
    expect(page.locator(".errors li")).to_contain_text("picture.png: not one of")
    page.get_by_role("link", name="Search", exact=True).click()
    page.locator("#q").fill("badgers")
    expect(page.locator(".hit-link")).to_have_text(["The badger"])
    expect(page.locator("#q")).to_have_attribute("placeholder", "Search 702 documents")


def test_a_key_is_asked_for_kept_in_the_tab_and_sent(show: Any) -> None:
    page = show()
    expect(page.locator(".hit").first).to_be_visible()
    sent: list[str] = []

    def guarded(route: Route) -> None:
        given = route.request.headers.get("authorization", "")
        sent.append(given)
        if given == "Bearer lsr_right":
            route.continue_()
        else:
            route.fulfill(status=401, json={"status": 401, "detail": "this server asks for a key"})

    page.route("**/v1/**", guarded)
    page.reload()
    dialog = page.get_by_role("dialog", name="Key")
    expect(dialog).to_contain_text("This server asks for a key: whoever runs it")
    dialog.get_by_label("A key of this server").fill("lsr_wrong")
    dialog.get_by_role("button", name="Use").click()
    expect(dialog.get_by_label("A key of this server")).to_have_value("")
    dialog.get_by_label("A key of this server").fill("lsr_right")
    page.keyboard.press("Enter")
    expect(page.locator(".hit").first).to_be_visible()
    assert sent[:3] == ["", "Bearer lsr_wrong", "Bearer lsr_right"]
    assert "lsr_right" not in page.url
    assert page.evaluate("JSON.stringify(localStorage)") == "{}"
    # It is the tab's: there after a reload.
    page.reload()
    expect(page.locator(".hit").first).to_be_visible()
    page.get_by_role("button", name="Key").click()
    dialog.get_by_role("button", name="Forget").click()
    assert page.evaluate("sessionStorage.length") == 0
