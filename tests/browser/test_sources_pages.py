"""Where grades come from, and two people assessing by a rubric, in a real browser.

At 1280 and 320 pixels, in English and French; axe looks at every page. Pictures go to the folder that ``PICTURES``
names, if it does.
"""

import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Live
from french import left_in_english, texts_of
from instructor_world import CourseWorld, lakeside
from playwright.sync_api import Browser, Page, expect, sync_playwright
from web_world import INSTRUCTOR, LEARNER, make_world

from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.rubrics import Rubric
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import CheckpointKind, ColumnKind, Context, EvidenceColumn, Registration, SourceReading
from lti_tool.services import checkpoints, column_links, course_sync, observing, submissions
from lti_tool.services.checkpoint_drafts import Draft

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
SIZES = {"wide": (1280, 900), "narrow": (320, 740)}
SERIOUS = {"serious", "critical"}
RUBRIC = "Cycle de l'azote: non = 0; en partie = 3; oui = 6\nJournal tenu: non = 0; oui = 4"
AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"


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
    """Lakeside's course on a Canvas whose own gradebook nobody has connected."""
    world = make_world(migrated_sqlite_url)
    course = lakeside(world)
    with world.services.database.write() as session:
        session.get_one(Registration, world.registration_id).product = "canvas"
        context = session.get_one(Context, course.context_id)
        context.line_items_url = "https://lms.example/items"
        context.ags_scopes = [f"{AGS}lineitem", f"{AGS}result.readonly", f"{AGS}score"]
    yield course
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

    def become(self, role: str, sub: str, path: str = "/", **more: Any) -> None:
        """Come in through a launch."""
        opened = self.course.world.open(role, sub=sub, locale=self.language, **more)
        assert opened.context_id == self.course.context_id
        self.page.goto(f"{self.base}/s/{opened.secret}{self.course.base}{path}")

    def look(self, name: str) -> None:
        """The page at hand is accessible, fits, and speaks the reader's language."""
        if folder := os.environ.get("PICTURES"):
            self.page.screenshot(path=Path(folder, f"sources-{name}-{self.language}-{self.size}.png"), full_page=True)
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


def second_source(course: CourseWorld) -> None:
    """Canvas shows the water log, too, and differently for Ben; its last reading then failed for another reason."""
    with course.world.services.database.write() as session:
        now = course.world.now[0]
        reading = ColumnReading("7", "Water log", ColumnKind.LINE_ITEM, Decimal(100), None, None, 0)
        column_id = observing.store_column(session, course.context_id, "canvas", reading)
        found = [
            (
                course.users[name],
                ObservationReading("", EvidenceState.GRADED, Decimal(score), Decimal(100), source_updated_at=now),
            )
            for name, score in (("ada", "80"), ("ben", "55"))
        ]
        observing.store_observations(session, column_id, found, now)
        observing.mark_column_read(session, column_id, now)
        column_links.propose(session, course.context_id, now)


def prior_learning(course: CourseWorld) -> int:
    """A checkpoint for prior learning with proof of Ada and of Ben."""
    with course.world.services.database.write() as session:
        context, now = session.get_one(Context, course.context_id), course.world.now[0]
        draft = Draft(
            kind=CheckpointKind.RECOGNITION,
            title="Aquaponie avant le collège",
            maximum=Decimal(10),
            rubric=Rubric.from_text(RUBRIC).to_document(),
            assessors_needed=2,
        )
        made = checkpoints.create(session, context, draft, "user:1", now)
        for name in ("ada", "ben"):
            submissions.hand_in(session, made, course.users[name], now, text="pH 6.8, dix ans de truites.")
        return made.id


def test_sources_say_what_they_see_and_links_are_settled(visit: Visit) -> None:
    course, page = visit.course, visit.page
    visit.become(INSTRUCTOR, "course-1-opener", "/sources")
    expect(page.locator("section[aria-labelledby=unseen] li")).to_have_count(3)
    expect(page.locator("[data-state=source_closed]")).to_have_count(1)
    visit.look("unconnected")
    second_source(course)
    page.goto(re.sub(r"/sources$", "/", page.url))
    visit.look("home-needs")
    page.locator("a[href$='/sources#links']").click()
    proposed = page.locator("[data-link=proposed]")
    expect(proposed).to_have_count(1)
    proposed.locator("summary").click()
    expect(proposed).to_contain_text("Ben Noor")
    visit.look("proposed")
    proposed.locator("button.btn-primary").click()
    expect(page.locator("[data-link=confirmed]")).to_have_count(1)
    expect(page.locator("section[aria-labelledby=disagreements] tbody tr")).to_have_count(1)
    visit.look("disagreeing")
    page.locator("[data-link=confirmed] button").click()
    expect(page.locator("[data-link=proposed]")).to_have_count(1)


def test_a_source_that_failed_and_a_reading_under_way(visit: Visit) -> None:
    course, page = visit.course, visit.page
    with course.world.services.database.write() as session:
        now = course.world.now[0]
        values = {"failed_code": "platform_unavailable", "failed_at": now}
        session.add(SourceReading(context_id=course.context_id, source="ags", **values))
        session.get_one(EvidenceColumn, course.columns["log"]).failed_code = "platform_unavailable"
    visit.become(INSTRUCTOR, "course-1-opener", "/sources")
    expect(page.locator("[data-state=failed]")).to_have_count(1)
    visit.look("failed")
    with course.world.services.database.write() as session:
        context, now = session.get_one(Context, course.context_id), course.world.now[0]
        course_sync.request_sync(session, context, "button", now)
        for run_id in course_sync.due_runs(session, now):
            run = course_sync.take_run(session, run_id, now)
            assert run is not None
            run.counts = {"members": 5, "columns": 2, "sources": {"ags": {"done": 1, "total": 2}}}
    page.reload()
    expect(page.locator("progress.reading-bar")).to_have_count(1)
    visit.look("reading")


def test_two_people_assess_by_keys_and_settle(visit: Visit) -> None:
    course, page = visit.course, visit.page
    number = prior_learning(course)
    path = f"/checkpoints/{number}/learners/{course.users['ada']}"
    visit.become(INSTRUCTOR, "course-1-opener", path)
    expect(page.locator("fieldset.criterion")).to_have_count(2)
    visit.look("rubric")
    page.locator("button[value=save]").click()
    expect(page.locator("[data-takes-focus]")).to_be_focused()
    visit.look("rubric-missing")
    page.locator("#mark-0-0").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#mark-0-2")).to_be_checked()
    page.locator("#mark-1-1").check()
    expect(page.locator("[data-total]")).to_have_text("10")
    page.locator("#comment").fill("Ja")
    page.locator("button[accesskey=s]").press("Enter")
    expect(page.locator("h1")).to_contain_text("Ben Noor")
    page.locator("a[accesskey=p]").press("Enter")
    expect(page.locator("h1")).to_contain_text("Ada Okafor")
    expect(page.locator("h1 [data-state=partly]")).to_have_count(1)
    visit.look("partly")

    visit.become(INSTRUCTOR, "second", path, name="Noa Lind")
    expect(page.locator("main")).not_to_contain_text("Ja")
    page.locator("#mark-0-0").check()
    page.locator("#mark-1-1").check()
    page.locator("button[value=save]").click()
    expect(page.locator("h1 [data-state=disagreeing]")).to_have_count(1)
    visit.look("disagree")
    page.locator("#mark-0-2").check()
    page.locator("button[value=save]").click()
    expect(page.locator("h1 [data-state=assessed]")).to_have_count(1)
    visit.look("settled")

    visit.become(LEARNER, "ada", f"/checkpoints/{number}")
    expect(page.locator("section[aria-labelledby=rubric] li")).to_have_count(2)
    visit.look("learner")
