"""Pictures of the page of a running server, for docs/guide/page.md.

    lsr demo && lsr dense lsr-demo/index && lsr serve lsr-demo/index &
    python docs/tools/page_images.py http://localhost:8080

Needs playwright, Pillow and Chromium.
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parents[1] / "images"
DESKTOP, PHONE = (1120, 720), (360, 720)
QUESTION = "q=parse+a+date+from+a+string"


class Picture(NamedTuple):
    """What is shown: the state in the URL, the size of the window, the colours, and what has to be there."""

    state: str
    size: tuple[int, int] = DESKTOP
    scheme: str = "light"
    there: str = ".facet"
    why: bool = False


PICTURES = {
    "page-search": Picture(QUESTION, why=True),
    "page-search-dark": Picture(QUESTION, scheme="dark", why=True),
    "page-phone": Picture(QUESTION, PHONE, there="#hits-first .bar"),
    "page-phone-dark": Picture(QUESTION, PHONE, "dark", there="#hits-first .bar"),
    "page-compare": Picture(f"{QUESTION}&beside=true&mode2=hybrid", there="#hits-second .move"),
    "page-document": Picture(f"{QUESTION}&doc=datetime.datetime.strptime", there=".own-term"),
    "page-collection": Picture("view=collection", scheme="dark", there=".frequent li"),
}


def take(browser: Browser, address: str, picture: Picture) -> bytes:
    """One picture, as a PNG."""
    width, height = picture.size
    page: Page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=picture.scheme)  # type: ignore[arg-type]
    page.goto(f"{address.rstrip('/')}/#{picture.state}")
    page.locator(picture.there).first.wait_for()
    if picture.why:
        page.get_by_role("button", name="Why").first.click()
        page.locator(".why-place table").first.wait_for()
        page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    image = page.screenshot(animations="disabled")
    page.close()
    return image


def main(address: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for name, picture in PICTURES.items():
            image = Image.open(BytesIO(take(browser, address, picture))).convert("RGB")
            # A page has few colours, and a picture with few is a third as large.
            image.quantize(128, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
