"""An instructor makes a course's first badge, from nothing to an offer, in a real browser inside a platform's frame.

Third-party cookies are blocked (Chromium's default). The course is empty: its one piece of graded work is a checkpoint
that the instructor adds through deep linking and assesses. In English and French, at 1280 and 320 pixels; axe looks at
every page on the way. How many clicks and keystroke groups it takes is counted and printed. Pictures go to the folder
that ``PICTURES`` names, if it does.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Live
from french import left_in_english, texts_of
from platforms.course_pages import Front, course_pages_on
from playwright.sync_api import Browser, BrowserContext, Frame, FrameLocator, Locator, Page, expect, sync_playwright
from sqlalchemy import select

from lti_tool.domain.award_states import AwardState
from lti_tool.models import Achievement, AchievementState

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
SIZES = {"wide": (1280, 900), "narrow": (320, 740)}
SERIOUS = {"serious", "critical"}
WAIT = 20_000
LISTEN = "() => addEventListener('pointerdown', () => noteClick(), {capture: true, once: true})"
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
MENU = 80
"""Pixels above the frame, for the course's menu."""
MOST = 40
"""Clicks and keystroke groups that a first badge may take."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the people of the story type."""

    checkpoint: str
    task: str
    work: str
    skill: str
    badge: str
    description: str
    criteria: str


WORDS = {
    "en-CA": Words(
        "Tank visit",
        "Measure the water of the big tank and write down what you would change.",
        "pH 6.8, ammonia 0.5 mg/l. I would feed less for two days.",
        "Balance the water chemistry",
        "Water Keeper",
        "Measures and balances ammonia, nitrite and pH in a running system.",
        "A visit to the tank with at least 70 percent.",
    ),
    "fr-CA": Words(
        "Visite du bassin",
        "Mesurez l’eau du grand bassin et notez ce que vous changeriez.",
        "pH 6,8, ammoniac 0,5 mg/l. Je nourrirais moins pendant deux jours.",
        "Équilibrer la chimie de l’eau",
        "Gardien de l’eau",
        "Mesure et équilibre l’ammoniac, les nitrites et le pH d’un système en marche.",
        "Une visite du bassin réussie à 70 pour cent au moins.",
    ),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGS
        )
        yield launched
        launched.close()


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """How large the window is."""
    return str(request.param)


@pytest.fixture(params=WORDS)
def language(request: pytest.FixtureRequest) -> str:
    """What the platform says about the reader; the browser itself speaks English."""
    return str(request.param)


@pytest.fixture
def context(browser: Browser, size: str) -> Iterator[BrowserContext]:
    """A browser of one person's own."""
    width, height = SIZES[size]
    opened = browser.new_context(viewport={"width": width, "height": height}, locale="en-CA")
    opened.set_default_timeout(WAIT)
    yield opened
    opened.close()


@pytest.fixture
def front(live: Live, migrated_sqlite_url: str) -> Iterator[Front]:
    """A platform with an empty course, and the tool."""
    with course_pages_on(live, migrated_sqlite_url) as opened:
        yield opened


class Person:
    """Somebody at a browser: opens things in the course, types and clicks in the tool's frame, and counts it."""

    def __init__(self, front: Front, context: BrowserContext, who: str, language: str, size: str) -> None:
        self.front, self.who, self.language, self.size = front, who, language, size
        self.actions = 0
        self._arrived = False
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.expose_function("noteClick", self._note_click)

    @property
    def tool(self) -> FrameLocator:
        """What the frame shows."""
        return self.page.frame_locator("iframe[name=tool]")

    @property
    def frame(self) -> Frame:
        """The frame itself."""
        found = self.page.frame(name="tool")
        assert found is not None
        return found

    # -- what a person does, counted ----------------------------------------------------------------------------------

    def open(self, title: str) -> None:
        """Click an entry of the course's menu."""
        self.page.goto(self.front.course(self.who, self.language))
        self.actions += 1
        self.page.get_by_role("link", name=title, exact=True).click()
        expect(self.tool.locator("h1")).to_be_visible()

    def click(self, what: str | Locator) -> None:
        """Click, and wait for the page it leads to."""
        with self.page.expect_event("framenavigated"):
            self.tick(what)

    def tick(self, what: str | Locator) -> None:
        """Click on a box or a circle, which leads nowhere.

        A headless Chromium sends clicks to a page that is gone while nothing on the new one moves. So what did not
        arrive is clicked once more, without being counted, after a look, which brings the frame up to date.
        """
        self.actions += 1
        self.frame.wait_for_load_state("load")
        self.frame.evaluate(LISTEN)
        self._arrived = False
        for _ in range(5):
            self._found(what).click()
            for _ in range(20):
                if self._arrived:
                    return
                self.page.wait_for_timeout(25)
            self.page.screenshot()
        pytest.fail(f"the browser lets nobody click on {what}")

    def _note_click(self) -> None:
        self._arrived = True

    def fill(self, what: str, text: str) -> None:
        """Type into a field: one group of keystrokes."""
        self.actions += 1
        self._found(what).fill(text)

    def _found(self, what: str | Locator) -> Locator:
        return self.tool.locator(what) if isinstance(what, str) else what

    # -- what a test looks at -----------------------------------------------------------------------------------------

    def expect_page(self, path: str) -> None:
        """The frame leads to a page of the tool whose path matches."""
        self.frame.wait_for_url(re.compile(rf"^{re.escape(self.front.school.url)}(/s/[^/]+)?/courses/\d+{path}$"))
        expect(self.tool.locator("h1").first).to_be_visible()

    def look(self, name: str) -> None:
        """The page at hand is accessible, fits, and speaks the reader's language."""
        self._take_picture(name)
        found = Axe().run(self.page).response["violations"]
        serious = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS]
        assert not serious, f"{name}: {serious}"
        overflow = self.frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} pixels wider than its frame"
        assert self.tool.locator("h1").count() == 1, name
        assert (self.tool.locator("html").get_attribute("lang") or "")[:2] == self.language[:2], name
        if self.language.startswith("fr"):
            left = left_in_english(*texts_of(self.frame.content()))
            assert left == [], f"{name}: {left}"

    def _take_picture(self, name: str) -> None:
        """Keep a picture of the whole page: the window grows, since a frame paints only what is in sight."""
        if folder := os.environ.get("PICTURES"):
            width, height = SIZES[self.size]
            tall = self.frame.evaluate("document.documentElement.scrollHeight") + MENU
            self.page.set_viewport_size({"width": width, "height": max(height, tall)})
            self.frame.evaluate(PAINTED)
            self.page.screenshot(path=Path(folder) / f"first-{name}-{self.language[:2]}-{self.size}.png")
            self.page.set_viewport_size({"width": width, "height": height})


def test_from_an_empty_course_to_the_first_live_badge(
    browser: Browser,
    context: BrowserContext,
    front: Front,
    language: str,
    size: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    front.school.enrol("Noor", "noor@school.example")
    words = WORDS[language]
    teacher = Person(front, context, "teacher", language, size)
    learner = Person(front, context, "learner", language, size)

    see_the_empty_course(teacher)
    add_checkpoint(teacher, words)
    hand_in(learner, words)
    assess(teacher, words)
    check_again(teacher)
    write_skill(teacher, words)
    choose_what_counts(teacher)
    describe_badge(teacher, words)
    say_how_it_is_earned_and_awarded(teacher, words)
    publish(teacher)
    see_the_offer(learner, words)

    assert teacher.complaints == learner.complaints == []
    with capsys.disabled():
        print(f"\nfirst badge ({language}, {size}): {teacher.actions} clicks and keystroke groups")
    assert teacher.actions < MOST


# -- the steps --------------------------------------------------------------------------------------------------------


def see_the_empty_course(teacher: Person) -> None:
    """The first page says what a badge takes, in steps; and the browser keeps no ordinary cookie of the tool's here."""
    teacher.open("Badges")
    teacher.expect_page("/")
    write = "document.cookie = 'plain=1; SameSite=None; Secure; Path=/'; document.cookie"
    assert "plain" not in teacher.frame.evaluate(write)
    work(teacher.front)
    steps = teacher.tool.locator("ol.steps > li")
    expect(steps).to_have_count(3)
    expect(steps.locator("a.btn-primary")).to_have_count(1)
    expect(steps.first.locator("a.btn-primary")).to_have_attribute("href", re.compile(r"/skills$"))
    teacher.look("empty")


def add_checkpoint(teacher: Person, words: Words) -> None:
    """Through the platform's own page for adding activities; the answer posts itself back to the platform."""
    platform = teacher.front.school.platform
    teacher.open("Add an activity")
    teacher.expect_page("/content")
    teacher.fill("#title", words.checkpoint)
    teacher.fill("#instructions", words.task)
    teacher.look("content")
    teacher.click("button[value=place]")
    # Nobody presses the answer's button: the form sends itself, and the policy lets it leave for the platform.
    teacher.frame.wait_for_url(re.compile(rf"^{re.escape(platform.base_url)}/deep_links/"))
    expect(teacher.tool.get_by_text(words.checkpoint)).to_be_visible()
    (answer,) = platform.answers
    assert answer.problems == []
    assert [link.title for link in platform.links] == [words.checkpoint]
    assert platform.links[0].column is not None


def hand_in(learner: Person, words: Words) -> None:
    """A learner opens the activity from the course and writes something."""
    learner.open(words.checkpoint)
    learner.expect_page(r"/checkpoints/\d+")
    expect(learner.tool.get_by_text(words.task)).to_be_visible()
    learner.look("hand-in")
    learner.fill("#text", words.work)
    learner.click("form[enctype] button")
    expect(learner.tool.locator("article.work")).to_contain_text(words.work)
    learner.look("handed-in")


def assess(teacher: Person, words: Words) -> None:
    """Eight of ten points; the platform's gradebook gets them."""
    platform = teacher.front.school.platform
    teacher.open(words.checkpoint)
    teacher.expect_page(r"/checkpoints/\d+/learners")
    teacher.look("checkpoint")
    teacher.click(teacher.tool.get_by_role("link", name="Lea Loach"))
    expect(teacher.tool.get_by_text(words.work)).to_be_visible()
    teacher.fill("#score", "8")
    teacher.look("assess")
    teacher.click("button[value=save]")
    expect(teacher.tool.locator(".alert-success")).to_be_visible()
    work(teacher.front)
    assert platform.links[0].column.scores == {platform.personas["learner"]: 8}


def check_again(teacher: Person) -> None:
    """Grades are read when they are asked for."""
    teacher.open("Badges")
    teacher.click("form[action$='/check'] button")
    expect(teacher.tool.locator(".alert-info")).to_be_visible()
    work(teacher.front)


def write_skill(teacher: Person, words: Words) -> None:
    """The step that is open leads to it."""
    teacher.click("ol.steps a.btn-primary")
    teacher.expect_page("/skills")
    teacher.look("skills-none")
    teacher.fill("#statement", words.skill)
    teacher.click("form[action$='/skills'] button")
    expect(teacher.tool.get_by_role("row", name=words.skill)).to_be_visible()
    teacher.look("skills")


def choose_what_counts(teacher: Person) -> None:
    """The checkpoint is what the tool can see; from 70 percent on, unless told otherwise."""
    teacher.click("nav a[href$='/evidence']")
    teacher.expect_page("/evidence")
    counts = teacher.tool.locator("input[name^='counts-']")
    expect(counts).to_have_count(1)
    expect(teacher.tool.locator("input[name^='threshold-']")).to_have_value("70")
    teacher.look("evidence")
    teacher.tick(counts)
    teacher.click("form[action$='/evidence'] button.btn-primary")
    expect(teacher.tool.locator("input[name^='counts-']:checked")).to_have_count(1)


def describe_badge(teacher: Person, words: Words) -> None:
    """Three texts, and a picture that changes while it is designed."""
    teacher.click("nav a[href$='/courses/1/']")
    teacher.expect_page("/")
    teacher.look("third-step")
    teacher.click("ol.steps a.btn-primary")
    teacher.expect_page("/badges/new")
    teacher.fill("#name", words.badge)
    teacher.fill("#description", words.description)
    teacher.fill("#criteria", words.criteria)
    colour = teacher.tool.locator("input[name=colour]").nth(2)
    value = (colour.get_attribute("value") or "").removeprefix("#")
    picture = teacher.tool.locator("#designed")
    expect(picture).not_to_have_attribute("src", re.compile(value))
    teacher.fill("#symbol", "★")
    teacher.tick(colour)
    expect(picture).to_have_attribute("src", re.compile(value))
    assert picture.evaluate("async shown => { await shown.decode(); return shown.naturalWidth }") > 100
    teacher.look("badge-content")
    teacher.click("button[value=save]:visible")


def say_how_it_is_earned_and_awarded(teacher: Person, words: Words) -> None:
    """All skills ticked; the policy as it stands; then today's grades say who would earn it, and why not."""
    teacher.expect_page(r"/badges/\d+/rule")
    teacher.tick(teacher.tool.get_by_label(words.skill))
    teacher.look("rule")
    teacher.click("button[value=save]:visible >> nth=-1")
    teacher.expect_page(r"/badges/\d+/policy")
    teacher.look("policy")
    teacher.click("button[value=save]:visible >> nth=-1")
    teacher.expect_page(r"/badges/\d+/try")
    met = teacher.tool.locator("section[aria-labelledby=group-met] .people > li")
    expect(met).to_have_count(1)
    expect(met).to_contain_text("Lea Loach")
    expect(teacher.tool.locator(".people > li")).to_have_count(2)
    teacher.look("try")


def publish(teacher: Person) -> None:
    """Who would be offered the badge is shown before anything happens."""
    teacher.click("a.btn-primary[href$='/publish']")
    teacher.expect_page(r"/badges/\d+/publish")
    teacher.look("publish")
    with teacher.front.school.services.database.read() as session:
        assert session.scalars(select(Achievement.state)).all() == [AchievementState.DRAFT]
    teacher.click("form[action$='/publish'] button")
    teacher.expect_page("/")
    expect(teacher.tool.locator("ul.badge-cards > li")).to_have_count(1)
    with teacher.front.school.services.database.read() as session:
        assert session.scalars(select(Achievement.state)).all() == [AchievementState.LIVE]
    teacher.look("live")


def see_the_offer(learner: Person, words: Words) -> None:
    """Whoever earned it is offered it, and nobody else."""
    school = learner.front.school
    assert school.award("learner") is None
    work(learner.front)
    award = school.award("learner")
    assert award is not None
    assert award.state is AwardState.OFFERED
    assert school.award("noor") is None
    learner.open("Badges")
    expect(learner.tool.get_by_role("heading", name=words.badge)).to_be_visible()
    expect(learner.tool.locator("a.btn-primary[href*='/mine/awards/']")).to_have_count(1)
    learner.look("offer")


def work(front: Front) -> None:
    """What the worker does, until nothing is due."""
    while front.school.work():
        pass
