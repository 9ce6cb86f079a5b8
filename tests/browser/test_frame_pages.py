"""The frame's pages in a real browser: accessible, readable at 320 pixels, light and dark, under their own policy."""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Live
from flask import Blueprint, render_template
from flask_wtf import FlaskForm
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from web_world import START, World, make_world
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired

from lti_tool.errors import CookiesBlockedError, DeploymentPendingError
from lti_tool.models import DeploymentState, SyncRun, SyncState
from lti_tool.web.access import launch_required
from lti_tool.web.formats import STATES
from lti_tool.web.session import STAFF_COOKIE

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
SIZES = {"wide": (1280, 900), "narrow": (320, 740)}
CLAUSES = [
    {"verdict": "met", "text": "Water log is done."},
    {"verdict": "not_met", "text": "Needs 70% in Final project. Canvas shows 64% (graded 3 Nov)."},
    {
        "verdict": "unknown",
        "text": "At least 2 of 3:",
        "parts": [{"verdict": "met", "text": "Fish health"}, {"verdict": "unknown", "text": "Not graded yet."}],
    },
]


class Draft(FlaskForm):
    """A form with every kind of field."""

    name = StringField("Name of the badge", [DataRequired("Give the badge a name.")])
    description = TextAreaField("What the learner can do")
    kind = SelectField("Kind", choices=[SelectChoice("c", "Certificate"), SelectChoice("b", "Badge")])
    agreed = BooleanField("Everybody agreed", [DataRequired("Ask everybody first.")])


def gallery_blueprint() -> Blueprint:
    """Every pattern on one page."""
    blueprint = Blueprint("gallery", __name__, template_folder="frame_templates")

    @blueprint.get("/courses/<int:context_id>/gallery")
    @launch_required()
    def gallery(context_id: int) -> str:
        form = Draft(meta={"csrf": False})
        form.validate()
        checked_at = START - timedelta(minutes=4)
        return render_template("gallery.html", form=form, states=STATES, clauses=CLAUSES, checked_at=checked_at)

    return blueprint


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    """A tool with things to show."""
    world = make_world(migrated_sqlite_url)
    world.app.register_blueprint(gallery_blueprint())
    yield world
    world.services.database.engine.dispose()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """What the system prefers."""
    return str(request.param)


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    """How large the window is."""
    return str(request.param)


@pytest.fixture
def context(browser: Browser, scheme: str, size: str) -> Iterator[BrowserContext]:
    """A window of its own."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must not complain on its console."""
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    # The answer's own status is no complaint of the page.
    assert [one for one in complaints if "the server responded with a status of" not in one] == []


def launch(world: World, page: Page, base: str) -> str:
    """Come in through a launch; returns the address of the course."""
    world.launches.verified = world.launch()
    page.goto(f"{base}/healthz")
    form = "Object.assign(document.createElement('form'), {method: 'post', action: '/lti/launch'})"
    with page.expect_navigation(url=re.compile(r"/courses/\d+/$")):
        page.evaluate(f"() => {{ const form = {form}; document.body.append(form); form.submit() }}")
    return page.url


def look(page: Page, address: str, name: str, scheme: str, size: str) -> None:
    """Open a page; it must be accessible, fit, and follow the colour scheme."""
    page.goto(address)
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder, f"{name}-{size}-{scheme}.png"), full_page=True)
    assert page.locator("html").get_attribute("data-bs-theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.locator("h1").count() == 1


def test_course_pages(world: World, live: Live, page: Page, scheme: str, size: str) -> None:
    base = live(world.app)
    course = launch(world, page, base)
    look(page, f"{course}gallery", "gallery", scheme, size)
    assert page.evaluate("document.activeElement.dataset.takesFocus") == ""
    look(page, f"{course}no/such/page", "not-found", scheme, size)
    look(page, f"{base}/courses/999/gallery", "other-course", scheme, size)
    world.later(minutes=30)
    look(page, f"{course}gallery", "expired", scheme, size)


def test_refused_launches(world: World, live: Live, page: Page, scheme: str, size: str) -> None:
    base, launches = live(world.app), world.launches
    launches.error = DeploymentPendingError("no")
    look(page, f"{base}/lti/login", "refused", scheme, size)
    launches.error = CookiesBlockedError("no", login_parameters={"iss": "https://lms.example"})
    look(page, f"{base}/lti/login", "cookies", scheme, size)


def test_staff_pages(world: World, live: Live, page: Page, scheme: str, size: str) -> None:
    base = live(world.app)
    opened = world.open()
    world.add_deployment("123:a-long-deployment-identifier-of-a-platform-that-likes-them-0123456789")
    world.add_deployment("7", DeploymentState.DISABLED)
    with world.services.database.write() as session:
        values = {"context_id": opened.context_id, "reason": "button", "due_at": START, "counts": {}}
        session.add(SyncRun(state=SyncState.FAILED, error_code="platform_throttled", finished_at=START, **values))
        session.add(SyncRun(state=SyncState.DONE, finished_at=START, **values))
    world.later(minutes=4)
    look(page, f"{base}/staff/join/{world.invite()}", "join", scheme, size)
    page.get_by_role("button").click()
    page.wait_for_url(f"{base}/admin/")
    look(page, f"{base}/admin/", "admin", scheme, size)
    page.get_by_role("button", name="Accept").first.click()
    page.get_by_text(re.compile("is accepted")).wait_for()
    look(page, f"{base}/staff/", "staff", scheme, size)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="You are signed out").wait_for()
    look(page, f"{base}/staff/left", "left", scheme, size)


def test_a_form_without_any_cookie(world: World, live: Live, browser: Browser) -> None:
    """A path session sends no referrer and ``Origin: null``, and its forms work all the same."""
    base, opened = live(world.app), world.open()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/s/{opened.secret}/courses/{opened.context_id}/probe/page")
    page.locator("form").evaluate("form => form.submit()")
    page.wait_for_url(f"{base}/s/{opened.secret}/courses/{opened.context_id}/probe")
    assert '"done":true' in page.content().replace(" ", "")
    assert context.cookies() == []
    context.close()


def test_by_keyboard_the_content_is_one_step_away(world: World, live: Live, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{launch(world, page, live(world.app))}probe/page")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    assert page.locator("a[href='#main']").bounding_box()["width"] > 50  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    context.close()


def test_a_staff_cookie_stays_out_of_other_sites_requests(world: World, live: Live, browser: Browser) -> None:
    base = live(world.app)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/staff/join/{world.invite()}")
    page.get_by_role("button").click()
    page.wait_for_url(f"{base}/admin/")
    (found,) = [one for one in context.cookies() if one["name"] == STAFF_COOKIE]
    assert (found["sameSite"], found["httpOnly"], found["secure"]) == ("Lax", True, True)
    context.close()
