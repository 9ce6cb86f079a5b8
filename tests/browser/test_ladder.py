"""Every rung of the cookieless ladder, forced, in Chromium: the tool in another site's frame, cookies lost on the way.

Pictures go to the folder that ``PICTURES`` names, if it does.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from platforms.stage import FRAME, Stage, stage_on
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect, sync_playwright

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
BLOCKED = "Your browser keeps this tool from starting here"
LOSE_ALL: Callable[[str], bool] = lambda path: path.startswith("/lti/")  # noqa: E731
LOSE_ON_POST: Callable[[str], bool] = lambda path: path == "/lti/launch"  # noqa: E731


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGS
        )
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 1000}, locale="en-CA")
    opened.set_default_timeout(15_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def stage(live: Callable[[Any], str], migrated_sqlite_url: str) -> Iterator[Stage]:
    with stage_on(live, migrated_sqlite_url) as opened:
        yield opened


def tool_in(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[name=tool]")


def expect_course(page: Page, stage: Stage, *, path_session: bool) -> None:
    """The frame shows the course, with a session of this one launch."""
    frame = page.frame(name="tool")
    assert frame is not None
    frame.wait_for_url(re.compile(r"/courses/\d+/"))
    expect(tool_in(page).locator("body")).to_contain_text("Aquaponics 101")
    assert ("/s/" in frame.url) is path_session
    assert stage.sessions == 1


def expect_blocked(page: Page, stage: Stage) -> None:
    """The frame says what happened and offers a window; nobody got a session."""
    expect(tool_in(page).get_by_role("heading", name=BLOCKED)).to_be_visible()
    expect(tool_in(page).get_by_role("link", name="Open in a new window")).to_be_visible()
    assert stage.sessions == 0
    assert [one.spent_at for one in stage.waiting] == [None] * len(stage.waiting)


# -- no ladder needed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["absent", "answers"])
def test_a_partitioned_cookie_is_enough(page: Page, stage: Stage, storage: str) -> None:
    page.goto(stage.course(storage=storage))
    expect_course(page, stage, path_session=False)
    assert stage.waiting == []


def test_a_storage_that_does_not_answer_keeps_no_login_waiting(page: Page, stage: Stage) -> None:
    began = time.monotonic()
    page.goto(stage.course(storage="ignores"))
    expect_course(page, stage, path_session=False)
    assert 1 < time.monotonic() - began < 5


# -- first rung: cookies with the page's own request ------------------------------------------------------------------


def test_a_cookie_that_missed_the_post_comes_with_the_next_request(page: Page, stage: Stage) -> None:
    stage.weather.loses = LOSE_ON_POST
    page.goto(stage.course())
    expect_course(page, stage, path_session=False)
    (waited,) = stage.waiting
    assert (waited.spent_at is not None, waited.launch, waited.attempts) == (True, {}, 0)


# -- second rung: platform storage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [FRAME, "_parent"])
def test_the_platform_kept_the_proof(page: Page, stage: Stage, target: str) -> None:
    stage.weather.loses = LOSE_ALL
    page.goto(stage.course(storage="answers", target=target))
    expect_course(page, stage, path_session=True)
    keeper = page if target == "_parent" else page.frame(name=FRAME)
    assert keeper is not None
    heard = keeper.evaluate("window.heard")
    assert [one["subject"] for one in heard] == ["lti.put_data", "lti.get_data"]
    assert {one["origin"] for one in heard} == {stage.school.url}
    assert len({one["key"] for one in heard}) == 1
    assert len({one["message_id"] for one in heard}) == 2


@pytest.mark.parametrize(
    ("storage", "attempts"),
    [
        ("ignores", 0),
        ("delays", 0),
        ("wrong origin", 0),
        ("wrong message_id", 0),
        ("wrong value", 1),
        ("error", 0),
        ("forgets", 0),
    ],
)
def test_a_storage_that_fails_opens_nothing(page: Page, stage: Stage, storage: str, attempts: int) -> None:
    stage.weather.loses = LOSE_ALL
    page.goto(stage.course(storage=storage))
    expect_blocked(page, stage)
    page.wait_for_timeout(1000 if storage == "delays" else 100)  # an answer that comes too late changes nothing
    expect_blocked(page, stage)
    assert [one.attempts for one in stage.waiting] == [attempts]


def test_without_a_storage_nobody_waits_for_one(page: Page, stage: Stage) -> None:
    stage.weather.loses = LOSE_ALL
    began = time.monotonic()
    page.goto(stage.course())
    expect_blocked(page, stage)
    assert time.monotonic() - began < 5


# -- third rung: storage access ---------------------------------------------------------------------------------------


def test_storage_access_granted_before_needs_no_click(page: Page, context: BrowserContext, stage: Stage) -> None:
    """A browser that never heard of partitioned cookies, and lets the tool have its own after all."""
    context.grant_permissions(["storage-access"])
    stage.weather.knows_partitioned = False
    page.goto(stage.course())
    expect_course(page, stage, path_session=False)
    assert_proven_by_second_login(stage)


def test_storage_access_granted_at_the_click(page: Page, context: BrowserContext, stage: Stage) -> None:
    stage.weather.knows_partitioned = False
    page.goto(stage.course())
    expect_blocked(page, stage)
    context.grant_permissions(["storage-access"])  # what the browser's question does, which no program can answer
    tool_in(page).get_by_role("button", name="Continue here").click()
    expect_course(page, stage, path_session=False)
    assert_proven_by_second_login(stage)


def test_storage_access_begins_anew_when_the_ticket_is_old(page: Page, context: BrowserContext, stage: Stage) -> None:
    stage.weather.knows_partitioned = False
    page.goto(stage.course())
    expect_blocked(page, stage)
    stage.school.watch.forward(seconds=121)
    context.grant_permissions(["storage-access"])
    tool_in(page).get_by_role("button", name="Continue here").click()
    expect_course(page, stage, path_session=False)


def assert_proven_by_second_login(stage: Stage) -> None:
    assert stage.weather.count("/lti/login") == 2
    assert [one.spent_at is not None for one in stage.waiting] == [False, True]
    *_, cookies = [cookies for path, cookies in stage.weather.seen if path == "/lti/prove"]
    assert any(name.startswith("__Host-lti_window_") for name in cookies)


def test_storage_access_that_does_not_help_ends_after_one_more_login(
    page: Page, context: BrowserContext, stage: Stage
) -> None:
    context.grant_permissions(["storage-access"])
    stage.weather.loses = LOSE_ALL
    page.goto(stage.course())
    with page.expect_response("**/lti/launch"):  # the second one
        pass
    expect_blocked(page, stage)
    tool_in(page).get_by_role("button", name="Continue here").click()
    expect(tool_in(page).get_by_text("Your browser did not let the tool continue here")).to_be_visible()
    expect_blocked(page, stage)
    assert stage.weather.count("/lti/login") == 2


def test_storage_access_denied(page: Page, stage: Stage) -> None:
    stage.weather.knows_partitioned = False
    page.goto(stage.course())
    expect_blocked(page, stage)
    tool_in(page).get_by_role("button", name="Continue here").click()
    expect(tool_in(page).get_by_text("Your browser did not let the tool continue here")).to_be_visible()
    expect_blocked(page, stage)
    assert stage.weather.count("/lti/login") == 1


# -- last rung: a window of its own -----------------------------------------------------------------------------------


def test_a_window_of_its_own_without_the_first_cookie(page: Page, context: BrowserContext, stage: Stage) -> None:
    """Nothing in the frame; in the window no cookie comes with the platform's POST, but the second does afterwards."""
    stage.weather.knows_partitioned = False
    stage.weather.loses = LOSE_ON_POST
    page.goto(stage.course(storage="ignores"))
    expect_blocked(page, stage)
    with context.expect_page() as opening:
        tool_in(page).get_by_role("link", name="Open in a new window").click()
    window = opening.value
    window.wait_for_url(re.compile(r"/courses/\d+/"))
    expect(window.locator("body")).to_contain_text("Aquaponics 101")
    assert "/s/" not in window.url
    assert stage.sessions == 1
    assert [one.spent_at is not None for one in stage.waiting] == [False, True]


def test_a_ticket_that_is_over_ends_the_climb_with_its_own_words(page: Page, stage: Stage) -> None:
    """The platform's answer takes a second too long; meanwhile the ticket ends."""
    stage.weather.loses = LOSE_ALL
    page.route("**/lti/prove", lambda route: (stage.school.watch.forward(seconds=121), route.continue_())[1])
    page.goto(stage.course())
    expect(tool_in(page).get_by_role("heading", name="This launch waited too long")).to_be_visible()
    expect(tool_in(page).get_by_text("ticket_expired")).to_be_visible()
    expect(tool_in(page).get_by_text("Go back to your course and open this tool from there again.")).to_be_visible()
    assert stage.sessions == 0


# -- without scripts --------------------------------------------------------------------------------------------------


def test_without_scripts_a_window_and_one_more_click(browser: Browser, stage: Stage) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    stage.weather.knows_partitioned = False
    stage.weather.loses = LOSE_ON_POST
    page.goto(stage.course(storage="answers"))
    page.get_by_role("button", name="Launch").click()
    tool_in(page).get_by_role("link", name="Continue").click()
    tool_in(page).get_by_role("button", name="Go on").click()
    expect_blocked(page, stage)
    with context.expect_page() as opening:
        tool_in(page).get_by_role("link", name="Open in a new window").click()
    window = opening.value
    window.get_by_role("button", name="Go on").click()
    expect(window.get_by_role("heading", name="Your browser keeps this tool from starting")).to_be_visible()
    window.get_by_role("button", name="Continue").click()
    window.wait_for_url(re.compile(r"/courses/\d+/"))
    assert stage.sessions == 1
    context.close()


# -- how it looks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("language", ["en-CA", "fr-CA"])
def test_the_pages_are_accessible_and_fit(browser: Browser, stage: Stage, width: int, language: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 1000}, locale=language)
    page = context.new_page()
    stage.weather.loses = LOSE_ALL
    page.route("**/lti/prove", lambda route: None)  # holds the answer back: the page that waits stays
    page.goto(stage.course(storage="ignores"))
    frame = tool_in(page)
    expect(frame.locator("[data-waiting] h1")).to_be_visible()
    look(page, f"ladder-waiting-{width}-{language}")
    page.unroute("**/lti/prove")
    page.goto(stage.course())
    expect(frame.locator("[data-ways] h1")).to_be_visible()
    look(page, f"ladder-ways-{width}-{language}")
    context.close()


def look(page: Page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    frame = page.frame(name="tool")
    assert frame is not None
    assert frame.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
