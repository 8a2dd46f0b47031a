"""Modes, what they cost, and two lists side by side."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect


def test_the_modes_are_those_of_the_collection(show: Any) -> None:
    page = show("#c=birds&q=migrate")
    expect(page.locator(".mode")).to_have_text(["auto", "exact", "approximate", "exhaustive"])
    page.locator("#collection").select_option("science")
    expect(page.locator(".mode")).to_have_text(
        ["auto", "exact", "approximate", "exhaustive", "hybrid", "dense", "sparse-first"]
    )


def test_times_by_stage_and_the_work_are_told(show: Any) -> None:
    page = show("#c=science&q=frozen+water")
    work = page.locator("#work-first")
    expect(work).to_contain_text("in mode exact")
    expect(work).to_contain_text("documents scored")
    expect(work.locator(".stage-name")).to_contain_text(["encode sparse", "sparse"])
    page.get_by_role("radio", name="hybrid").check()
    expect(work.locator(".stage-name")).to_contain_text(["encode sparse", "encode dense", "sparse", "dense", "fuse"])
    page.get_by_role("radio", name="dense", exact=True).check()
    expect(work).to_contain_text("in mode dense")


def test_two_modes_stand_side_by_side_with_what_moved(show: Any) -> None:
    page = show("#c=science&q=loaf")
    expect(page.locator("#hits-first .hit").first).to_have_attribute("data-id", "baking")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#hits-second .hit").first).to_be_visible()
    expect(page.locator("#hits-second .move").first).to_have_text("=")
    page.get_by_label("Second mode").select_option("dense")
    expect(page.locator("#work-second")).to_contain_text("mode dense")
    # Every document has a dense vector, and few have the word.
    expect(page.locator("#hits-second .hit")).to_have_count(8)
    expect(page.locator("#hits-second .move-new").first).to_have_text("new")
    shared = page.locator("#hits-first .hit").count()
    expect(page.locator("#beside-note")).to_have_text(f"{shared} of 8 hits are in both lists")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#second")).to_be_hidden()
    expect(page.locator(".move")).to_have_count(0)


def test_two_collections_stand_side_by_side(show: Any) -> None:
    page = show("#c=birds&q=arctic+tern&beside=true&c2=science")
    expect(page.locator("#hits-first .hit").first).to_have_attribute("data-id", "tern")
    expect(page.locator("#hits-second .hit").first).to_have_attribute("data-id", "arctic-tern")
    expect(page.locator("#hits-first .hit").first.locator(".move")).to_have_text("gone")
    page.locator("#hits-second .hit-link").first.click()
    expect(page.get_by_role("dialog").locator(".document-text")).to_contain_text("seabird")
    page.keyboard.press("Escape")
    expect(page.locator("#collection")).to_have_value("birds")
