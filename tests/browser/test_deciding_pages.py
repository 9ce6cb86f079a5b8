"""The pages on which awards are decided, in a real browser: the roster board, a held run, a review; and being told.

At 1280 and 320 pixels, in English and French; axe looks at every page. Pictures go to the folder that ``PICTURES``
names, if it does.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Live
from decision_world import decisions, hold_run, lose_grade, state
from french import left_in_english, texts_of
from instructor_world import CourseWorld
from playwright.sync_api import Browser, Page, expect, sync_playwright
from web_world import INSTRUCTOR, LEARNER, make_world

from lti_tool.models import AwardRun, RunState

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
SIZES = {"wide": (1280, 900), "narrow": (320, 740)}
SERIOUS = {"serious", "critical"}
WHY = "Seen in the laboratory on Monday."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    """How large the window is."""
    return str(request.param)


@pytest.fixture(params=["en", "fr"])
def language(request: pytest.FixtureRequest) -> str:
    """What the platform says about the reader."""
    return str(request.param)


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[CourseWorld]:
    """Ada claimed the badge, Ben lacks half a percent, Cho is not graded, Dee left."""
    world = make_world(migrated_sqlite_url)
    yield decisions(world)
    world.services.database.engine.dispose()


class Visit:
    """Somebody with a session of their own, on the tool's pages."""

    def __init__(self, course: CourseWorld, base: str, browser: Browser, language: str, size: str) -> None:
        self.course, self.base, self.language, self.size = course, base, language, size
        width, height = SIZES[size]
        self.context = browser.new_context(viewport={"width": width, "height": height}, locale="en-CA")
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def become(self, role: str, sub: str) -> None:
        """Come in through a launch."""
        opened = self.course.world.open(role, sub=sub, locale=self.language)
        assert opened.context_id == self.course.context_id
        self.page.goto(f"{self.base}/s/{opened.secret}{self.course.base}/")

    def look(self, name: str) -> None:
        """The page at hand is accessible, fits, and speaks the reader's language."""
        if folder := os.environ.get("PICTURES"):
            self.page.screenshot(path=Path(folder, f"deciding-{name}-{self.language}-{self.size}.png"), full_page=True)
        found = Axe().run(self.page).response["violations"]
        serious = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS]
        assert not serious, f"{name}: {serious}"
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[self.size][0], f"{name} is {width} pixels wide"
        assert self.page.locator("h1").count() == 1
        assert self.page.locator("html").get_attribute("lang") == self.language
        if self.language == "fr":
            assert left_in_english(*texts_of(self.page.content())) == []


@pytest.fixture
def visit(course: CourseWorld, live: Live, browser: Browser, language: str, size: str) -> Iterator[Visit]:
    """A window of its own, whose console must not complain."""
    visit = Visit(course, live(course.world.app), browser, language, size)
    yield visit
    visit.context.close()
    assert visit.complaints == []


def test_the_board_finds_and_a_held_run_is_released(visit: Visit) -> None:
    course, page = visit.course, visit.page
    run_id = hold_run(course)
    visit.become(INSTRUCTOR, "course-1-opener")
    visit.look("home-needs")
    page.locator("nav a[href$='/learners']").click()
    rows = page.locator("table.board tbody tr")
    expect(rows).to_have_count(8)
    visit.look("board")
    page.locator("a[href*='show=held']").click()
    expect(rows).to_have_count(4)
    expect(page.locator("a[href*='show=held'][aria-current=true]")).to_have_count(1)
    page.locator("#name").fill("learner 2")
    page.locator("form[role=search] button").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("New Learner 2")
    visit.look("board-found")

    page.locator("a[href$='/runs']").click()
    visit.look("runs")
    page.locator(f"a[href$='/runs/{run_id}']").click()
    expect(page.locator(".people > li")).to_have_count(4)
    visit.look("run-held")
    page.locator("a.btn-primary[href$='/release']").click()
    page.locator("#reason").fill("")
    page.locator("form[action$='/release'] button").click()
    expect(page.locator("[data-takes-focus]")).to_be_focused()
    visit.look("run-release-why")
    assert state(course, "new-0") == "held"
    page.locator("#reason").fill(WHY)
    page.locator("form[action$='/release'] button").click()
    expect(page.locator(".alert-success")).to_be_visible()
    visit.look("run-released")
    with course.world.services.database.read() as session:
        assert session.get_one(AwardRun, run_id).state is RunState.RELEASED
    assert [state(course, f"new-{number}") for number in range(4)] == ["offered"] * 4


def test_a_review_is_decided_and_the_learner_is_told(visit: Visit) -> None:
    course, page = visit.course, visit.page
    review_id = lose_grade(course)
    visit.become(INSTRUCTOR, "course-1-opener")
    page.locator("a[href$='/reviews']").click()
    visit.look("reviews")
    page.locator(f"a[href$='/reviews/{review_id}']").click()
    visit.look("review")
    page.locator("#outcome-suspend").check()
    page.locator("#reason").fill(WHY)
    page.locator("form.preview button").click()
    expect(page.locator(".alert-success")).to_be_visible()
    assert state(course, "ada") == "suspended"

    visit.become(LEARNER, "ada")
    told = page.locator("section[aria-labelledby=news]")
    expect(told).to_contain_text(WHY)
    visit.look("told")
    put_away = told.locator("form:has(input[name=notice])")
    number = put_away.count()
    put_away.first.locator("button").click()
    page.wait_for_url(re.compile(r"/mine"))
    expect(put_away).not_to_have_count(number)
    visit.look("put-away")
