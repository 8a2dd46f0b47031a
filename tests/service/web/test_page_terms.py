"""The query's terms: dragged, switched off, removed, added, and as they were again."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect


def term(page: Page, name: str) -> Locator:
    return page.locator(f'.term[data-term="{name}"]')


def first(page: Page) -> Locator:
    return page.locator(".hit").first


def test_a_term_is_weighed_by_the_keyboard(show: Any) -> None:
    page = show("#c=birds&q=owls+swift")
    expect(first(page)).to_have_attribute("data-id", "owl")
    slider = term(page, "word:owl").get_by_role("slider")
    usual = slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(slider).not_to_have_value(usual)
    expect(page.get_by_role("button", name="Reset")).to_be_visible()
    term(page, "word:swift").get_by_role("slider").focus()
    page.keyboard.press("End")
    expect(first(page)).to_have_attribute("data-id", "swift")
    page.get_by_role("button", name="Reset").click()
    expect(first(page)).to_have_attribute("data-id", "owl")
    expect(slider).to_have_value(usual)
    expect(page.get_by_role("button", name="Reset")).to_be_hidden()


def test_a_term_is_dragged_and_the_answer_follows_by_a_vector(show: Any) -> None:
    page = show("#c=birds&q=owls+swift")
    expect(first(page)).to_have_attribute("data-id", "owl")
    slider = term(page, "word:owl").get_by_role("slider")
    box = slider.bounding_box()
    assert box is not None
    share = float(slider.input_value()) / float(slider.get_attribute("max") or 1)
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    page.mouse.down()
    with page.expect_request(lambda request: "vector" in (request.post_data or "")) as asked:
        page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(first(page)).to_have_attribute("data-id", "swift")
    body = json.loads(asked.value.post_data or "")
    assert "text" not in body and set(body["vector"]) == {"word:owl", "word:swift"}
    expect(term(page, "word:owl").locator(".term-weight")).to_have_class("term-weight changed")


def test_a_term_is_switched_off_and_on_and_removed(show: Any) -> None:
    page = show("#c=birds&q=owls+swift")
    hits = page.locator(".hit")
    expect(hits).to_have_count(2)
    toggle = term(page, "word:owl").get_by_role("button", name="Use word:owl")
    toggle.click()
    expect(hits).to_have_count(1)
    expect(first(page)).to_have_attribute("data-id", "swift")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    toggle.click()
    expect(hits).to_have_count(2)
    page.get_by_role("button", name="Remove word:owl").click()
    expect(hits).to_have_count(1)
    expect(term(page, "word:owl")).to_have_count(0)
    page.get_by_role("button", name="Use word:swift").click()
    expect(hits).to_have_count(0)
    expect(page.locator("#terms-note")).to_contain_text("Every term is off")


def test_a_term_is_added_and_a_link_keeps_it(show: Any) -> None:
    page = show("#c=birds&q=owls")
    expect(page.locator(".hit")).to_have_count(1)
    page.get_by_label("Add a term").fill("herons")
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(2)
    expect(page.get_by_role("heading", name="Expansion")).to_be_visible()
    other = show(f"#{page.url.partition('#')[2]}")
    expect(other.locator(".hit")).to_have_count(2)
    expect(term(other, "word:heron")).to_be_visible()
    page.get_by_label("Add a term").fill("?!")
    page.keyboard.press("Enter")
    expect(page.locator("#terms-note")).to_contain_text("no term")


def test_terms_alone_are_a_search_of_the_sparse_side_and_that_is_said(show: Any) -> None:
    page = show("#c=science&q=frozen+water&mode=hybrid")
    expect(page.locator(".work")).to_contain_text("mode hybrid")
    toggle = page.locator(".term .toggle").last
    toggle.click()
    expect(page.locator("#terms-note")).to_contain_text("sparse side alone")
    expect(page.locator(".work")).not_to_contain_text("mode hybrid")
    toggle.click()
    expect(page.locator(".work")).to_contain_text("mode hybrid")
    expect(page.locator("#terms-note")).to_be_hidden()
