"""One journey each in WebKitGTK and Firefox: into the course with their own cookie rules, and without any cookie.

Debian's packages ``webkit2gtk-driver``, ``xvfb`` and ``firefox-esr``. Firefox keeps cookies inside frames, apart for
each platform. WebKitGTK keeps no ``Secure`` cookie of a page that came over plain http, not even on localhost: here it
stands for browsers that keep none at all.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from platforms.other_browsers import Driven, Firefox, firefox, until, webkit
from platforms.stage import Stage, stage_on

BROWSERS: dict[str, Callable[[], AbstractContextManager[Driven]]] = {"webkit": webkit, "firefox": firefox}
ARRIVED = "return /[/]courses[/]\\d+[/]/.test(location.pathname) && document.readyState === 'complete' && location.href"


@pytest.fixture(scope="module", params=BROWSERS)
def browser(request: pytest.FixtureRequest) -> Iterator[Driven]:
    with BROWSERS[request.param]() as started:
        yield started


@pytest.fixture
def stage(live: Callable[[Any], str], migrated_sqlite_url: str) -> Iterator[Stage]:
    with stage_on(live, migrated_sqlite_url) as opened:
        yield opened


def in_tool(browser: Driven, script: str, what: str) -> Any:
    """Run a script in the tool's frame until its answer is true."""

    def ask() -> Any:
        browser.into_frame("iframe[name=tool]")
        return browser.run(script)

    return until(ask, what)


def text(browser: Driven) -> str:
    return str(browser.run("return document.body.textContent"))


def look(browser: Driven, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        browser.into_frame(None)
        Path(folder, f"{name}-{type(browser).__name__}.png").write_bytes(browser.picture())


def test_with_the_cookies_this_browser_keeps(browser: Driven, stage: Stage) -> None:
    browser.open(stage.course(storage="answers"))
    address = in_tool(browser, ARRIVED, "the course in the tool's frame")
    assert "Aquaponics 101" in text(browser)
    assert stage.sessions == 1
    keeps_cookies = isinstance(browser, Firefox)
    assert ("/s/" not in address) is keeps_cookies
    assert len(stage.waiting) == (0 if keeps_cookies else 1)
    look(browser, "elsewhere-course")


def test_without_any_cookie_the_platform_keeps_the_proof(browser: Driven, stage: Stage) -> None:
    stage.weather.loses = lambda path: path.startswith("/lti/")
    browser.open(stage.course(storage="answers"))
    assert "/s/" in in_tool(browser, ARRIVED, "the course in the tool's frame")
    assert "Aquaponics 101" in text(browser)
    (waited,) = stage.waiting
    assert waited.spent_at is not None
    assert stage.sessions == 1


def test_without_cookie_and_storage_a_window_of_its_own(browser: Driven, stage: Stage) -> None:
    stage.weather.loses = lambda path: path.startswith("/lti/")
    browser.open(stage.course())
    link = "const link = document.querySelector('[data-window]'); return link && link.checkVisibility() && link.href"
    address = in_tool(browser, link, "the link to a window")
    assert "cookies_blocked" in text(browser)
    assert stage.sessions == 0
    look(browser, "elsewhere-ways")

    stage.weather.loses = lambda path: path == "/lti/launch"
    browser.into_frame(None)
    browser.open(address)
    if isinstance(browser, Firefox):
        assert "/s/" not in until(lambda: browser.run(ARRIVED), "the course in the window")
        assert stage.sessions == 1
    else:
        ways = "return document.querySelector('[data-ways]')?.checkVisibility()"
        until(lambda: browser.run(ways), "what to try")
        assert not browser.run("return document.querySelector('[data-window]')")  # another window would not help
        assert stage.sessions == 0
