"""Two windows on the same pages, English and French; each page is looked at wide and narrow.

A look: axe finds nothing, nothing is wider than the window, there is one heading of the first order, and in French no
text is left in English. Pictures go to the folder that ``PICTURES`` names, if it does.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from french import left_in_english, texts_of
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
SIZES: Mapping[str, ViewportSize] = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 320, "height": 740}}
STANDARDS = ("Open Badges ",)
"""Names that are the same in every language."""
LOCALES = {"en": "en-CA", "fr": "fr-CA"}


@dataclass(frozen=True, slots=True)
class Window:
    """One window; ``about`` begins the names of its pictures."""

    language: str
    page: Page
    about: str

    def look(self, name: str) -> None:
        """Look at the page at hand, in every size."""
        for size, viewport in SIZES.items():
            self.page.set_viewport_size(viewport)
            if folder := os.environ.get("PICTURES"):
                picture = Path(folder, f"{self.about}-{name}-{self.language}-{size}.png")
                self.page.screenshot(path=picture, full_page=True)
            width = self.page.evaluate("document.documentElement.scrollWidth")
            assert width <= viewport["width"], f"{name} is {width} pixels wide"
            if (self.language == "en") != (size == "narrow"):  # one language for each size: axe is what takes long
                continue
            found = Axe().run(self.page)
            assert found.violations_count == 0, f"{name}, {size}: {found.generate_report()}"
        assert self.page.locator("h1").count() == 1, name
        assert self.page.locator("html").get_attribute("lang") == self.language
        if self.language == "fr":
            spoken = [one for one in texts_of(self.page.content()) if not one.startswith(STANDARDS)]
            left = left_in_english(*spoken)
            assert left == [], f"{name}: {left}"


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGS)
        yield browser
        browser.close()


@contextmanager
def both_windows(browser: Browser, about: str) -> Iterator[dict[str, Window]]:
    """Yield a window per language; at the end nothing may have complained on a console."""
    complaints: list[str] = []
    windows = {}
    for language, locale in LOCALES.items():
        context = browser.new_context(locale=locale, viewport=SIZES["wide"], reduced_motion="reduce")
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        windows[language] = Window(language, page, about)
    yield windows
    for window in windows.values():
        window.page.context.close()
    # The answer's own status is no complaint of the page.
    assert [one for one in complaints if "the server responded with a status of" not in one] == []
