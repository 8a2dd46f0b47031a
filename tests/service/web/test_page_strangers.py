"""Titles, texts, ids, fields and terms are strangers' text, and shown as such."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from page_documents import HOSTILE, MARKUP
from playwright.sync_api import Browser, Page, expect


def assert_harmless(page: Page) -> None:
    assert page.evaluate("window.hit") is None
    assert page.locator("main img, main script, main b, dialog img, dialog script").count() == 0


def test_markup_in_hits_and_in_documents_is_text(show: Any) -> None:
    page = show("#c=strangers&q=strange")
    expect(page.locator(".hit")).to_have_count(len(HOSTILE))
    expect(page.locator("#hits-first")).to_contain_text("</p><script>window.hit=2</script>")
    assert_harmless(page)
    for document in HOSTILE:
        hit = page.locator(".hit").filter(has=page.locator(".hit-link", has_text=document["title"] or document["_id"]))
        hit.get_by_role("button", name="Why").click()
        expect(hit.locator("table")).to_be_visible()
        hit.locator(".hit-link").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator(".document-text")).to_have_text(document["text"])
        expect(dialog.locator(".id")).to_have_text(document["_id"])
        assert_harmless(page)
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()


def test_characters_beyond_the_first_plane_shift_no_mark(show: Any) -> None:
    page = show("#c=strangers&q=strange+path")
    hit = page.locator(".hit").first
    expect(hit.locator(".snippet mark")).to_have_text(["strange", "path", "strange"])


def test_a_link_with_markup_and_with_names_that_every_object_has_is_harmless(show: Any) -> None:
    edits = quote('{"__proto__": 3, "constructor": 2, "toString": null}')
    page = show(f"#c=strangers&q={quote(MARKUP)}&doc={quote(MARKUP)}&edits={edits}&picks={quote('[1]')}&k=x")
    expect(page.get_by_role("dialog").locator(".id")).to_have_text(MARKUP)
    assert_harmless(page)
    gone = show(f"#c={quote(MARKUP)}&mode={quote(MARKUP)}")
    expect(gone.locator("#notice")).to_contain_text(MARKUP)
    assert_harmless(gone)


def test_the_browser_refuses_to_make_markup_of_text(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(site)
    refused = page.evaluate(
        "(() => { try { document.body.innerHTML = '<i>'; } catch (error) { return error.name; } })()"
    )
    page.close()
    assert refused == "TypeError"
