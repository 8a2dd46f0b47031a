"""Relevance beside the score, and the least that hits are to have, where the collection was calibrated."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

QUERY = "#c=science&q=dense+ice+moves+on+a+bicycle"


def test_hits_say_how_relevant_they_are_and_less_is_left_out(show: Any) -> None:
    page = show(QUERY)
    shown = page.locator("#hits-first .hit-relevance")
    expect(shown.first).to_contain_text("relevance 0.")
    values = [float(text.split()[1]) for text in shown.all_inner_texts()]
    assert len(values) > 1 and values == sorted(values, reverse=True) and values[0] > values[-1]
    least = page.get_by_label("Least relevance")
    least.fill(f"{(values[0] + values[-1]) / 2:.3f}")
    kept = [value for value in values if value >= (values[0] + values[-1]) / 2]
    expect(page.locator(".hit")).to_have_count(len(kept))
    expect(page.locator(".total").first).to_have_text(f"{len(kept)} match{'es' * (len(kept) > 1)}")
    assert "least=0." in page.url
    least.fill("1")
    expect(page.locator(".nothing")).to_contain_text("Nothing has a relevance of 1 or more.")
    page.get_by_role("button", name="Show the others").click()
    expect(page.locator(".hit")).to_have_count(len(values))
    expect(least).to_have_value("")


def test_a_link_has_the_least_relevance(show: Any) -> None:
    page = show(QUERY + "&least=1")
    expect(page.locator(".nothing")).to_be_visible()
    expect(page.get_by_label("Least relevance")).to_have_value("1")


def test_where_nothing_was_calibrated_there_is_none(show: Any) -> None:
    for state in ("#c=birds&q=migrate&least=1", QUERY + "&mode=hybrid&least=1"):
        page = show(state)
        expect(page.locator(".hit").first).to_be_visible()
        expect(page.locator("#relevance-box")).to_be_hidden()
        expect(page.locator(".hit-relevance")).to_have_count(0)
