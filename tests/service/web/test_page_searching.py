"""Hits as one types, the keyboard, and what the URL keeps."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, Route, expect

BIRDS = "#c=birds"


def ids(page: Page, which: str = "first") -> list[str]:
    return page.locator(f"#hits-{which} .hit").evaluate_all("hits => hits.map(hit => hit.dataset.id)")


def test_hits_follow_what_is_typed(show: Any) -> None:
    page = show(BIRDS)
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("arctic tern")
    expect(page.locator(".hit").first).to_have_attribute("data-id", "tern")
    expect(page.locator("#live")).to_contain_text("1 hit")
    hit = page.locator(".hit").first
    expect(hit.locator("h3 mark")).to_have_text(["Arctic", "tern"])
    assert hit.locator(".snippet mark").all_inner_texts() == ["Arctic", "tern"]
    expect(hit.locator(".facts")).to_contain_text("year 2021")
    expect(hit.locator(".score")).to_be_visible()
    expect(page.locator("#terms .term-name")).to_have_text(["arctic", "tern"])


def test_what_contributed_more_has_the_deeper_shade(show: Any) -> None:
    page = show("#c=birds&q=arctic+migrates")
    marks = page.locator(".hit[data-id=tern] .snippet mark")
    expect(marks).to_have_text(["Arctic", "migrates"])
    rare, common = (float(mark.evaluate("mark => mark.style.getPropertyValue('--share')")) for mark in marks.all())
    assert rare == 1.0 > common > 0


def test_an_older_answer_never_replaces_a_newer_one(show: Any) -> None:
    page = show(BIRDS)
    held: list[Route] = []
    page.route(
        "**/search", lambda route: held.append(route) if "owl" in (route.request.post_data or "") else route.continue_()
    )
    with page.expect_request(lambda request: request.url.endswith("/search") and "owl" in (request.post_data or "")):
        page.locator("#q").fill("owl")
    # It is given up, so that nobody waits for its answer, neither here nor on the server.
    with page.expect_event("requestfailed", lambda request: "owl" in (request.post_data or "")):
        page.locator("#q").fill("heron")
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.locator(".hit")).to_have_attribute("data-id", "heron")
    assert len(held) == 1


def test_the_keyboard_leads_from_the_search_to_a_document_and_back(show: Any) -> None:
    page = show("#c=birds&q=migrate")
    links = page.locator(".hit-link")
    expect(links.nth(2)).to_be_visible()
    page.locator("#theme").focus()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(links.nth(0).inner_text())
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(links.nth(0)).to_be_focused()
    assert "doc=" not in page.url


def test_a_link_shows_the_same(show: Any) -> None:
    page = show(BIRDS)
    page.locator("#q").fill("birds migrate")
    page.get_by_role("radio", name="exhaustive").check()
    page.get_by_role("group", name="lang").get_by_role("checkbox", name="en").check()
    page.locator("#filter").fill("year < 2023")
    expect(page.locator(".work")).to_contain_text("exhaustive")
    expect(page.locator(".hit").first).to_have_attribute("data-id", "stars")
    expect(page.locator(".hit[data-id=storch]")).to_have_count(0)
    expect(page.locator(".hit[data-id=stork]")).to_have_count(0)
    state = page.url.partition("#")[2]
    before = ids(page)
    other = show(f"#{state}")
    expect(other.locator(".hit").first).to_have_attribute("data-id", "stars")
    assert ids(other) == before
    expect(other.get_by_role("radio", name="exhaustive")).to_be_checked()
    expect(other.get_by_role("group", name="lang").get_by_role("checkbox", name="en")).to_be_checked()
    expect(other.locator("#filter")).to_have_value("year < 2023")
    expect(other.locator("#collection")).to_have_value("birds")


def test_back_undoes_a_choice(show: Any) -> None:
    page = show("#c=birds&q=migrate")
    page.get_by_role("radio", name="exhaustive").check()
    expect(page.locator(".work")).to_contain_text("mode exhaustive")
    page.go_back()
    expect(page.get_by_role("radio", name="auto")).to_be_checked()
    expect(page.locator(".work")).to_contain_text("mode exact")


def test_without_a_text_all_documents_are_listed_and_more_come(show: Any) -> None:
    page = show(BIRDS)
    expect(page.locator(".hit")).to_have_count(10)
    page.get_by_role("button", name="More hits").click()
    expect(page.locator(".hit")).to_have_count(12)
    expect(page.get_by_role("button", name="More hits")).to_be_hidden()


def test_the_name_leads_to_the_beginning(show: Any) -> None:
    page = show("#c=science&q=frozen+water&view=collection")
    expect(page.locator(".drop")).to_be_visible()
    page.get_by_role("link", name="lsr").click()
    expect(page.locator("#collection")).to_have_value("birds")
    expect(page.locator("#q")).to_have_value("")
    expect(page.locator(".hit")).to_have_count(10)


def test_a_link_to_a_collection_that_is_gone_says_so(show: Any) -> None:
    page = show("#c=gone&q=tern")
    expect(page.locator("#notice")).to_contain_text("no collection “gone”")
    expect(page.locator("#collection")).to_have_value("birds")


def test_a_collection_that_warms_up_is_waited_for(show: Any) -> None:
    page = show("#c=birds")
    waiting = {"type": "urn:problem-type:lsr:not-ready", "status": 503, "detail": "warming up"}
    page.route("**/search", lambda route: route.fulfill(status=503, json=waiting))
    page.locator("#q").fill("arctic tern")
    expect(page.locator("#problem-first")).to_have_text("warming up")
    page.unroute("**/search")
    expect(page.locator(".hit").first).to_have_attribute("data-id", "tern")
    expect(page.locator("#problem-first")).to_be_hidden()


def test_where_there_are_no_hits_it_says_what_may_be_done(show: Any) -> None:
    page = show("#c=birds&q=submarine")
    expect(page.locator(".nothing")).to_have_text("No document has any of these terms.")
    page.goto("/#c=birds&q=migrate&filter=year+%3D+1900")
    page.reload()
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator(".hit")).to_have_count(7)
    expect(page.locator("#filter")).to_have_value("")
    expect(page.locator(".nothing")).to_have_count(0)


def test_a_collection_without_documents_says_where_to_add_some(show: Any) -> None:
    page = show("#c=strangers")
    page.route("**/search", lambda route: route.fulfill(json={"hits": [], "mode": "all", "timings": {"total_ms": 1}}))
    page.reload()
    page.get_by_role("link", name="Add some").click()
    expect(page.locator(".drop")).to_be_visible()
