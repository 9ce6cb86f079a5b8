"""Uploading a gradebook in a real browser: each platform's file is looked at, decided about and imported.

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
from french import left_in_english, texts_of
from gradebook_world import FILES, gradebook_course, known, upload
from instructor_world import CourseWorld
from playwright.sync_api import Browser, Page, expect, sync_playwright
from web_world import INSTRUCTOR, make_world

from lti_tool.jobs import schedule

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
SIZES = {"wide": (1280, 900), "narrow": (320, 740)}
SERIOUS = {"serious", "critical"}
OWN_WORDS = {"Canvas", "Moodle", "Brightspace", "Blackboard", "OneRoster"}
EXPECTED = {
    "canvas.csv": ("canvas:4711", "ada", "17.5"),
    "moodle.csv": ("moodle:percent:quiz: nitrogen cycle", "sato", "100"),
    "brightspace.csv": ("brightspace:points:quiz 1", "ada", "8.5"),
    "blackboard.xls": ("blackboard:1281892", "ada", "17.5"),
    "blackboard.csv": ("blackboard:1281893", "sato", "55.5"),
    "oneroster.zip": ("oneroster:li-log", "zoe", "excused"),
}
"""By file: a column, a learner, and what is known of them afterwards."""


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
    """A course whose people have names in several scripts."""
    world = make_world(migrated_sqlite_url)
    yield gradebook_course(world)
    world.services.database.engine.dispose()


class Visit:
    """The instructor, with a session of their own, on the tool's pages."""

    def __init__(self, course: CourseWorld, base: str, browser: Browser, language: str, size: str) -> None:
        self.course, self.base, self.language, self.size = course, base, language, size
        width, height = SIZES[size]
        self.context = browser.new_context(viewport={"width": width, "height": height}, locale="en-CA")
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str = "/gradebook") -> None:
        """Come in through a launch, to the page of uploads."""
        opened = self.course.world.open(INSTRUCTOR, sub="course-1-opener", locale=self.language)
        self.page.goto(f"{self.base}/s/{opened.secret}{self.course.base}{path}")

    def send(self, file: Path) -> None:
        """Choose a file and look at it."""
        self.page.locator("#file").set_input_files(file)
        self.page.locator("form[enctype] button").click()

    def look(self, name: str) -> None:
        """The page at hand is accessible, fits, and speaks the reader's language."""
        if folder := os.environ.get("PICTURES"):
            self.page.screenshot(path=Path(folder, f"uploads-{name}-{self.language}-{self.size}.png"), full_page=True)
        found = Axe().run(self.page).response["violations"]
        serious = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS]
        assert not serious, f"{name}: {serious}"
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[self.size][0], f"{name} is {width} pixels wide"
        assert self.page.locator("h1").count() == 1
        assert self.page.locator("html").get_attribute("lang") == self.language
        if self.language == "fr":
            assert set(left_in_english(*texts_of(self.page.content()))) <= OWN_WORDS


@pytest.fixture
def visit(course: CourseWorld, live: Live, browser: Browser, language: str, size: str) -> Iterator[Visit]:
    """A window of its own, whose console must not complain."""
    visit = Visit(course, live(course.world.app), browser, language, size)
    yield visit
    visit.context.close()
    assert visit.complaints == []


@pytest.mark.parametrize("name", list(EXPECTED))
def test_each_platforms_file_is_looked_at_and_imported(visit: Visit, name: str) -> None:
    course, page = visit.course, visit.page
    visit.open()
    visit.send(FILES / name)
    expect(page.locator("button[value=take]")).to_be_visible()
    visit.look(f"preview-{name}")
    assert known(course) == {}
    page.locator("button[value=take]").click()
    expect(page.locator("progress")).to_be_visible()
    visit.look(f"progress-{name}")
    schedule.run_due(course.world.services)
    page.reload()
    expect(page.locator(".alert-success")).to_be_visible()
    visit.look(f"done-{name}")
    key, who, value = EXPECTED[name]
    assert known(course)[key, who] == value
    assert "tess" not in {person for _, person in known(course)}


def test_a_person_decides_about_columns_and_near_matches(visit: Visit) -> None:
    course, page = visit.course, visit.page
    visit.open()
    visit.look("form")
    visit.send(FILES / "canvas.csv")
    take = page.locator("button[value=take]")
    expect(take).to_contain_text(re.compile(r"\b6\b.*\b2\b", re.DOTALL))
    page.locator("input[value='canvas:4712']").uncheck()
    page.locator("#near-8-yes").check()
    take.click()  # something else than was shown
    expect(page.locator(".alert-warning")).to_be_visible()
    expect(take).to_contain_text(re.compile(r"\b5\b.*\b1\b", re.DOTALL))
    visit.look("chosen")
    assert known(course) == {}
    page.locator("input[value='canvas:4711']").uncheck()
    page.locator("button[value=look]").click()
    expect(take).to_have_count(0)
    page.locator("input[value='canvas:4711']").check()
    page.locator("button[value=look]").click()
    take.click()
    schedule.run_due(course.world.services)
    assert known(course)["canvas:4711", "emile"] == "14"
    assert len(known(course)) == 5


def test_a_file_that_is_no_gradebook_is_refused_next_to_the_field(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    visit.open()
    wrong = tmp_path / "list.csv"
    wrong.write_text("name,colour\nAda,blue\n")
    page.locator("#exported_on").fill("2026-02-01")
    visit.send(wrong)
    expect(page.locator("[data-takes-focus]")).to_be_focused()
    expect(page.locator("#file-error")).to_be_visible()
    expect(page.locator("#exported_on")).to_have_value("2026-02-01")
    visit.look("refused")


def test_a_file_is_thrown_away_and_the_list_says_so(visit: Visit) -> None:
    course, page = visit.course, visit.page
    upload(course, FILES / "brightspace.csv")
    visit.open()
    page.locator("table a").click()
    page.locator("form[action$='/discard'] button").click()
    expect(page.locator(".alert-success")).to_be_visible()
    visit.look("list")
    page.locator("table a").click()
    visit.look("thrown-away")
    assert known(course) == {}
