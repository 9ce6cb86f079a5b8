"""Backpacks in a real browser, in the LMS's frame, with third-party cookies blocked: connect, deliver, see the receipt,
a wrong account, disconnect, download all. In English and French, at 1280 and 320 pixels, each page checked by axe.

Pictures go to the folder that ``PICTURES`` names, if it does.
"""

import os
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from demo_world import running_demo
from playwright.sync_api import Browser, BrowserContext, Frame, FrameLocator, Page, expect, sync_playwright

from lti_tool.demo.run import Demo

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SIZES = {"wide": (1280, 1700), "narrow": (320, 1900)}
PEOPLE = {("en", "wide"): "ada-okafor", ("en", "narrow"): "ananya-sharma"}
PEOPLE |= {("fr", "wide"): "li-siyuan", ("fr", "narrow"): "sato-hanako"}
"""Four learners with a badge to claim."""
WAIT = 30_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("backpacks")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=ARGS)
        yield launched
        launched.close()


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def context(browser: Browser, size: str) -> Iterator[BrowserContext]:
    width, height = SIZES[size]
    opened = browser.new_context(viewport={"width": width, "height": height}, locale="en-CA")
    opened.set_default_timeout(WAIT)
    yield opened
    opened.close()


class Learner:
    """A learner's window on the LMS, with the tool in its frame."""

    def __init__(self, demo: Demo, context: BrowserContext, person: str, language: str, size: str) -> None:
        self.demo, self.context, self.name = demo, context, f"{language}-{size}"
        self.page: Page = context.new_page()
        self.page.goto(f"{demo.lms_url}/?as={person}&lang={language}")
        expect(self.tool.locator(f"html[lang={language}] h1")).to_be_visible()

    @property
    def tool(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    @property
    def frame(self) -> Frame:
        return next(one for one in self.page.frames if one.url.startswith(self.demo.tool_url))

    def press(self, selector: str) -> None:
        """Press what there is one of in the frame."""
        self.tool.locator(selector).first.click()
        expect(self.tool.locator("h1")).to_be_visible()

    def shelves(self) -> None:
        """Go to the page of backpacks."""
        self.press("a.nav-link[href$='/mine/backpacks']")

    def look(self, name: str) -> None:
        """The page is accessible and not wider than its frame; keep a picture of it."""
        expect(self.tool.locator("h1")).to_be_visible()
        if folder := os.environ.get("PICTURES"):
            self.page.screenshot(path=Path(folder) / f"backpacks-{name}-{self.name}.png")
        check_page(self.page, name)
        wider = self.frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} is {wider} pixels wider than its frame"

    def connect(self, email: str) -> None:
        """Press *Connect* on the first backpack, sign in there as somebody, allow."""
        self.press("form[action$='/connect'] button")
        self.look("connect")
        with self.context.expect_page() as opening:
            self.tool.locator("a[href*='/connect/'][target=_blank]").click()
        window = opening.value
        if window.locator("#email").count():
            window.locator("#name").fill("A Learner")
            window.locator("#email").fill(email)
            window.locator("form:has(#email) button[type=submit]").click()
        window.locator("button[value=allow]").click()
        window.wait_for_url(f"{self.demo.tool_url}/**")
        expect(window.locator("h1")).to_be_visible()
        check_page(window, "connected")
        window.close()
        self.shelves()

    def wait_for(self, state: str) -> None:
        """Open the page again until a delivery is in this state."""
        for _ in range(40):
            self.shelves()
            if self.tool.locator(f"[data-state={state}]").count():
                return
            self.page.wait_for_timeout(500)
        pytest.fail(f"no delivery is {state}")


def check_page(page: Page, name: str) -> None:
    found = Axe().run(page).response["violations"]
    bad = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in {"serious", "critical"}]
    assert not bad, f"{name}: {bad}"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_learner_keeps_a_badge_in_a_backpack_and_takes_all_along(
    demo: Demo, context: BrowserContext, size: str, language: str
) -> None:
    learner = Learner(demo, context, PEOPLE[language, size], language, size)
    write = "document.cookie = 'plain=1; SameSite=None; Secure; Path=/'; document.cookie"
    assert "plain" not in learner.frame.evaluate(write), "third-party cookies are blocked"
    learner.press("a[href*='/mine/awards/']")
    learner.press("form[action$='/claim'] button")
    learner.shelves()
    learner.look("none")

    learner.connect(f"somebody.else.{learner.name}@elsewhere.example")
    learner.look("connected")
    learner.press("form[action$='/deliver'] button")
    learner.wait_for("failed")
    expect(learner.tool.get_by_text("s•••@elsewhere.example")).to_be_visible()
    expect(learner.tool.locator("a[href$='/copy']").first).to_be_visible()
    learner.look("mismatch")
    learner.press("form[action$='/disconnect'] button")
    context.clear_cookies(domain="127.0.0.1")  # sign out at the backpack, which is on a port of its own

    learner = Learner(demo, context, PEOPLE[language, size], language, size)
    learner.shelves()
    learner.connect(f"{PEOPLE[language, size].replace('-', '.')}@lakeside.example")
    learner.wait_for("delivered")
    learner.look("delivered")
    learner.press("form[action$='/disconnect'] button")
    expect(learner.tool.locator("form[action$='/disconnect']")).to_have_count(0)
    learner.look("disconnected")

    learner.press("a.nav-link[href$='/mine']:last-child, a.nav-link[href$='/mine'] >> nth=-1")
    learner.look("everywhere")
    with learner.page.expect_download() as loading:
        learner.tool.locator("a[href$='/mine/badges.zip']").click()
    with zipfile.ZipFile(BytesIO(Path(loading.value.path()).read_bytes())) as archive:
        assert {"index.html", "README.txt"} <= set(archive.namelist())
