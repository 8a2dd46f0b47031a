"""Why a document was found, and its own terms."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect


def numbers(cells: list[str]) -> list[float]:
    return [float(cell.strip("×= \n").split()[0]) for cell in cells]


def test_the_contributions_of_terms_add_up_to_the_score(show: Any) -> None:
    page = show("#c=birds&q=arctic+terns+migrate")
    hit = page.locator(".hit[data-id=tern]")
    button = hit.get_by_role("button", name="Why Arctic tern was found")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    rows = hit.locator("tbody tr")
    expect(rows).to_have_count(3)
    for row in rows.all():
        query, document, contribution = numbers(row.locator("td").all_inner_texts())
        assert abs(query * document - contribution) < 0.05
    told = numbers(hit.locator("tbody td:last-child").all_inner_texts())
    assert told == sorted(told, reverse=True)
    (total,) = numbers(hit.locator("tfoot td").all_inner_texts())
    assert abs(total - sum(told)) < 0.05
    expect(hit.locator(".score")).to_contain_text(f"{total:.2f}" if total < 10 else f"{total:.1f}")
    expect(hit.locator(".bar span")).to_have_count(3)
    button.click()
    expect(hit.locator("table")).to_be_hidden()


def test_a_term_that_the_model_added_is_told_from_words_of_the_text(show: Any) -> None:
    page = show("#c=science&q=bird&mode=exact")
    hit = page.locator(".hit[data-id=arctic-tern]")
    hit.get_by_role("button", name="Why").click()
    # The text says seabird, and the model knows that this is a bird.
    expect(hit.locator("tbody th").first).to_contain_text("not in the text")


def test_stages_tell_ranks_and_their_part_of_the_score(show: Any) -> None:
    page = show("#c=science&q=frozen+water&mode=hybrid")
    hit = page.locator(".hit").first
    hit.get_by_role("button", name="Why").click()
    table = hit.locator("table").last
    expect(table.locator("tbody th")).to_have_text(["Sparse", "Dense"])
    ranks = table.locator("tbody td:nth-child(3)").all_inner_texts()
    assert all(rank.isdigit() or rank == "–" for rank in ranks)
    expect(page.locator(".work")).to_contain_text("dense vectors scored")


def test_a_document_shows_its_text_its_fields_and_its_terms(show: Any) -> None:
    page = show("#c=science&q=string+instrument")
    page.locator(".hit-link", has_text="Violin").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".document-text")).to_contain_text("smaller than the viola")
    expect(dialog.locator(".document-text mark").first).to_have_text("string")
    expect(dialog.locator(".fields dd")).to_have_text("tool")
    terms = dialog.locator(".own-term.expansion")
    weights = numbers(dialog.locator(".own-term .term-weight").all_inner_texts())
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > 0
    expect(terms.first).to_contain_text("not in the text")
    # A click asks for the term, too.
    added = terms.first.locator(".term-name").inner_text()
    terms.first.click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#terms .changed").first).to_be_visible()
    assert added in page.locator("#terms").inner_text()


def test_a_document_that_is_gone_is_told(show: Any) -> None:
    page = show("#doc=dodo")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("dodo")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
