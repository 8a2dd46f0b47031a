"""Facets, ranges, and a line of the filter language."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect


def facet(page: Page, field: str) -> Locator:
    return page.get_by_role("group", name=field, exact=True)


def test_values_are_counted_and_picked(show: Any) -> None:
    page = show("#c=birds")
    tags = facet(page, "tags")
    expect(tags.locator("label").first).to_have_text("far6")
    facet(page, "lang").get_by_role("checkbox", name="de").check()
    expect(page.locator(".hit")).to_have_count(2)
    # The other values of the field can still be added, and others are counted anew.
    expect(facet(page, "lang").locator(".documents")).to_have_text(["10", "2"])
    expect(tags.locator("label")).to_have_text(["far1", "garden1"])
    tags.get_by_role("checkbox", name="garden").check()
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.locator(".hit")).to_have_attribute("data-id", "wren")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".hit")).to_have_count(10)
    expect(facet(page, "lang").get_by_role("checkbox", name="de")).not_to_be_checked()


def test_numbers_and_dates_have_ranges(show: Any) -> None:
    page = show("#c=birds")
    page.get_by_label("year from").fill("2023")
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(3)
    page.get_by_label("year to").fill("2023")
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(2)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".hit")).to_have_count(10)
    page.get_by_label("seen from").fill("2024-04-03")
    page.locator("#q").focus()
    expect(page.locator(".hit")).to_have_count(3)


def test_a_mistake_in_the_filter_is_shown_at_its_place(show: Any) -> None:
    page = show("#c=birds&q=migrate")
    expect(page.locator(".hit").first).to_be_visible()
    line = page.locator("#filter")
    line.fill("year >= and")
    error = page.locator("#filter-error")
    expect(error).to_contain_text("expected a value after >=")
    expect(error.locator(".mistake")).to_have_text("a")
    expect(line).to_have_attribute("aria-invalid", "true")
    # What was found before stays meanwhile.
    expect(page.locator(".hit").first).to_be_visible()
    line.fill("yaer >= 2023")
    expect(error).to_contain_text("did you mean year?")
    line.fill("year >= 2023")
    expect(error).to_be_hidden()
    expect(page.locator(".hit")).to_have_count(2)
