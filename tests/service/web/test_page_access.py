"""The page for everyone: by axe's rules, on a phone, in light and dark, with less motion."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

AXE = Axe()
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
EDITED = "edits=%7B%22word%3Aowl%22%3A-2%7D"
STATES = {
    "search": f"#c=birds&q=owls+migrate+arctic&{EDITED}",
    "beside": "#c=science&q=frozen+water&mode=exact&beside=true&mode2=hybrid",
    "nothing": "#c=birds&q=migrate&filter=year+%3D+1900",
    "collection": "#c=birds&view=collection",
    "document": "#c=science&q=frozen+water&doc=iceberg",
}
WAITED = {
    "search": ".hit",
    "beside": "#hits-second .hit",
    "nothing": ".nothing",
    "collection": ".frequent li",
    "document": ".own-term",
}


def assert_accessible(page: Page) -> None:
    found = AXE.run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", STATES)
def test_axe_finds_nothing_on_a_phone_and_on_a_desk_in_light_and_dark(show: Any, name: str) -> None:
    page = show(STATES[name], viewport=PHONE)
    expect(page.locator(WAITED[name]).first).to_be_visible()
    for panel in page.locator(".panel").all():
        if panel.is_visible():
            panel.evaluate("panel => { panel.open = true; }")
    if name == "search":
        page.locator("#filter").fill("year >= and")
        expect(page.locator("#filter-error")).to_be_visible()
    if name == "beside":
        page.get_by_role("button", name="Why").first.click()
        expect(page.locator(".why-place table").first).to_be_visible()
    for size, scheme in ((PHONE, "light"), (PHONE, "dark"), (DESKTOP, "dark"), (DESKTOP, "light")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        assert_accessible(page)
        # Nothing is cut off on the narrowest screen, and nothing has to be pushed aside.
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_colours_follow_the_system_until_they_are_chosen(show: Any) -> None:
    page = show("#c=birds", color_scheme="dark")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Use dark colours").click()
    expect(root).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")


def test_nothing_moves_for_those_who_want_less_of_it(show: Any) -> None:
    moving = show("#c=birds&q=migrate")
    still = show("#c=birds&q=migrate", reduced_motion="reduce")
    durations = [
        page.locator(".bar span").first.evaluate("bar => getComputedStyle(bar).transitionDuration")
        for page in (moving, still)
    ]
    assert durations == ["0.12s", "0s"]


def test_the_number_of_hits_is_told_and_landmarks_are_there(show: Any) -> None:
    page = show("#c=birds&q=tern")
    expect(page.get_by_role("status").filter(has_text="1 hit")).to_be_attached()
    for landmark in ("banner", "main", "search", "navigation", "complementary", "contentinfo"):
        expect(page.get_by_role(landmark)).to_be_visible()  # type: ignore[arg-type]
    page.keyboard.press("Tab")
    focused = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focused == "solid"
