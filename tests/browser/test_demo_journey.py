"""The demo in a real browser, inside the LMS's frame, with third-party cookies blocked (Chromium's default).

An instructor maps and publishes, a learner claims, the badge goes to the backpack and its page is opened; axe looks at
every page on the way, at 1280 and at 320 pixels. Pictures go to the folder that ``PICTURES`` names, if it does.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from demo_world import running_demo
from playwright.sync_api import Browser, BrowserContext, Frame, FrameLocator, Page, expect, sync_playwright

from lti_tool.demo.run import Demo

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
# Tall windows: a picture of a whole page would resize the frame while it is looked at.
SIZES = {"wide": (1280, 1700), "narrow": (320, 1500)}
SERIOUS = {"serious", "critical"}
WAIT = 20_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
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


class Window:
    """A window on the LMS with the tool in its frame; collects what the console complains about."""

    def __init__(self, demo: Demo, context: BrowserContext, size: str) -> None:
        self.demo, self.context, self.size = demo, context, size
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._listen(message.type, message.text))

    def _listen(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def become(self, person: str) -> FrameLocator:
        """Open the course as a person; returns the tool's frame once its page is there."""
        self.page.goto(f"{self.demo.lms_url}/?as={person}")
        expect(self.tool.locator("h1")).to_be_visible(timeout=WAIT)
        return self.tool

    @property
    def tool(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    @property
    def frame(self) -> Frame:
        return next(one for one in self.page.frames if one.url.startswith(self.demo.tool_url))

    def look(self, name: str) -> None:
        """Check the page that the frame shows: accessible, not wider than the frame; and keep a picture."""
        expect(self.tool.locator("h1")).to_be_visible(timeout=WAIT)
        if folder := os.environ.get("PICTURES"):
            self.page.screenshot(path=Path(folder) / f"{name}-{self.size}.png")
        check_page(self.page, name)
        overflow = self.frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} pixels wider than its frame"


def check_page(page: Page, name: str) -> None:
    found = Axe().run(page).response["violations"]
    serious = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS]
    assert not serious, f"{name}: {serious}"


def test_third_party_cookies_are_blocked_here(demo: Demo, context: BrowserContext, size: str) -> None:
    """The ground of every other test in this file: an ordinary cookie of the tool does not live in the frame."""
    window = Window(demo, context, size)
    window.become("ada-okafor")
    write = "document.cookie = 'plain=1; SameSite=None; Secure; Path=/'; document.cookie"
    assert "plain" not in window.frame.evaluate(write)
    page = context.new_page()
    page.goto(demo.tool_url)
    assert "plain" in page.evaluate(write), "and that is not because all cookies are blocked"


def test_instructor_maps_and_publishes(demo: Demo, context: BrowserContext, size: str) -> None:
    window = Window(demo, context, size)
    tool = window.become("instructor")
    expect(tool.get_by_role("heading", name="Water Keeper")).to_be_visible()
    window.look("instructor-badges")

    tool.get_by_role("link", name="Skills").click()
    skill = f"Read a water test ({size})"
    tool.get_by_label("What the learner can do").fill(skill)
    tool.get_by_role("button", name="Add skill").click()
    expect(tool.get_by_text(skill).first).to_be_visible()
    window.look("instructor-skills")

    tool.get_by_role("link", name="Evidence").click()
    expect(tool.get_by_text("Water log").first).to_be_visible()
    expect(tool.get_by_text("System plan")).to_have_count(0)
    counts = tool.locator("input[name^='counts-']")
    # The new skill is the last column of the first row, where the water log stands.
    columns = counts.count() // 4
    counts.nth(columns - 1).check()
    tool.get_by_role("button", name="Save what counts").click()
    window.look("instructor-evidence-change")
    tool.locator("button[value=confirm]").click()
    expect(tool.locator(".alert-success")).to_be_visible()
    expect(counts.nth(columns - 1)).to_be_checked()
    window.look("instructor-evidence")

    name = f"Water Tester {size}"
    tool.get_by_role("link", name="Badges", exact=True).click()
    tool.get_by_role("link", name="Make a badge").click()
    tool.locator("#name").fill(name)
    tool.locator("#description").fill("Reads a water test and says what to do.")
    tool.locator("#criteria").fill("At least 70 % in the Water log.")
    window.look("instructor-content")
    tool.locator("button[value=save]").click()
    tool.get_by_label(skill).check()
    window.look("instructor-rule")
    tool.locator("button[value=save]:visible").last.click()
    window.look("instructor-policy")
    tool.locator("button[value=save]").click()
    expect(tool.get_by_text(re.compile("would earn", re.IGNORECASE)).first).to_be_visible()
    window.look("instructor-try")
    tool.locator("a[href$='/publish']").last.click()
    window.look("instructor-publish")
    tool.locator("form[action$='/publish'] button").click()
    expect(tool.get_by_role("heading", name=name)).to_be_visible()

    tool.get_by_role("link", name="Learners").click()
    expect(tool.get_by_text("Jules Tremblay").first).to_be_visible()
    window.look("instructor-learners")
    tool.get_by_role("link", name=re.compile("Jules Tremblay")).first.click()
    expect(tool.get_by_text(re.compile(r"69[.,]5")).first).to_be_visible()
    window.look("instructor-learner")
    assert window.complaints == []


CLAIMER = {"wide": ("ada-okafor", "ada.okafor"), "narrow": ("ananya-sharma", "ananya.sharma")}
"""Who claims, and the address the platform knows them by: a badge goes to no account of another address."""


def test_learner_claims_delivers_and_shares(demo: Demo, context: BrowserContext, size: str) -> None:
    window = Window(demo, context, size)
    person, account = CLAIMER[size]
    tool = window.become(person)
    window.look("learner-home")
    tool.locator("a[href*='/mine/awards/']").first.click()
    window.look("learner-claim")
    tool.locator("form[action$='/claim'] button").click()
    expect(tool.get_by_text("Claimed").first).to_be_visible()
    window.look("learner-badge")
    badge_page = window.frame.url

    tool.locator("form[action*='/connect/'] button").first.click()
    with context.expect_page() as opening:
        tool.locator("a[href*='/connect/'][target=_blank]").click()
    backpack = opening.value
    backpack.locator("#name").fill(account.title())
    backpack.locator("#email").fill(f"{account}@lakeside.example")
    backpack.locator("form:has(#email) button[type=submit]").click()
    backpack.locator("button[value=allow]").click()
    expect(backpack).to_have_url(re.compile(re.escape(demo.tool_url)))
    expect(backpack.locator("h1")).to_be_visible()
    check_page(backpack, "connected")
    assert backpack.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    backpack.close()

    for _ in range(20):  # the worker brings it; the page says so when it is opened again
        window.frame.goto(badge_page)
        if tool.get_by_text("it shows the badge as it was signed").count():
            break
        window.page.wait_for_timeout(500)
    else:
        pytest.fail("the badge page does not say that the badge arrived")
    window.look("learner-delivered")

    tool.locator("form[action$='/share'] button").click()
    expect(tool.locator("form[action$='/withdraw'] button")).to_be_visible()
    links = [link.get_attribute("href") or "" for link in tool.locator("a[href*='/credentials/']").all()]
    public = next(href for href in links if re.search(r"/credentials/[^./]+$", href))
    page = context.new_page()
    answer = page.goto(urljoin(demo.tool_url, public))
    assert answer is not None
    assert answer.status == 200
    expect(page.locator("h1")).to_be_visible()
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"public-credential-{size}.png", full_page=True)
    check_page(page, "credential page")
    assert window.complaints == []


def test_a_learner_sees_why_not(demo: Demo, context: BrowserContext, size: str) -> None:
    window = Window(demo, context, size)
    tool = window.become("jules-tremblay")
    expect(tool.get_by_text(re.compile(r"69[.,]5")).first).to_be_visible()
    expect(tool.locator("a[href*='/mine/awards/']")).to_have_count(0)
    window.look("learner-why-not")


def test_the_test_user_cannot_claim(demo: Demo, context: BrowserContext, size: str) -> None:
    window = Window(demo, context, size)
    tool = window.become("test-user")
    expect(tool.locator("form[action$='/claim']")).to_have_count(0)
    window.look("test-user")


def test_french(demo: Demo, context: BrowserContext, size: str) -> None:
    window = Window(demo, context, size)
    window.page.goto(f"{demo.lms_url}/?as=jules-tremblay&lang=fr")
    expect(window.tool.locator("html[lang=fr]")).to_have_count(1)
    expect(window.tool.get_by_text("Mes badges").first).to_be_visible()
    window.look("learner-french")
