"""Each refusal of ``refusals`` through the real tool: its code and status, a page for people, nothing kept."""

import html
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.lti.launch_world import LaunchWorld, grown, launch_world
from conformance.lti.refusals import REFUSALS, Refusal

JSON = "application/json"


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaunchWorld]:
    """One tool for all cases: a refusal must leave it as it was."""
    path = tmp_path_factory.mktemp("refusals") / "lti-badges.db"
    shutil.copyfile(sqlite_template, path)
    with launch_world(f"sqlite:///{path}") as world:
        yield world


def text_of(page: str) -> str:
    """What a person reads on a page."""
    without = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", without))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.what)
def test_refused(world: LaunchWorld, refusal: Refusal) -> None:
    attempt = world.attempt()
    before = world.rows()
    response = refusal.act(attempt)
    page = response.get_data(as_text=True)
    found = re.search(r'<span class="code">([a-z_]+)</span> ·', page)
    assert found is not None, page
    assert (found[1], response.status_code) == (refusal.code, refusal.status)
    if "*" not in refusal.stores:
        assert grown(before, world.rows()) <= refusal.stores

    assert response.mimetype == "text/html"
    assert re.search(r"<title>[^<]{10,}</title>", page)
    assert re.search(r"<h1>[^<]{10,}</h1>\s*<p class=\"lead\">[^<]{10,}</p>", page)
    assert re.search(r"<h2>[^<]+</h2>\s*<ul>(<li>[^<]{10,}</li>)+</ul>", page)
    words = text_of(page)
    assert "Traceback" not in words
    assert "<b>not you</b>" not in page
    secrets = [part for one in attempt.sent for part in one.split(".") if len(part) > 30]
    assert not [one for one in secrets if one in page]
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers


def test_a_program_gets_the_same_code(world: LaunchWorld) -> None:
    browser = world.attempt().browser
    response = browser.post("/lti/launch", data={"id_token": "x"}, headers={"Accept": JSON})
    assert (response.status_code, response.mimetype) == (400, JSON)
    assert response.get_json()["error"] == "state_missing"


def test_the_tool_works_after_all_that(world: LaunchWorld) -> None:
    attempt = world.begun()
    response = attempt.launch()
    assert response.status_code == 303
    assert attempt.enter(response).status_code == 200


def test_there_are_many_kinds_and_each_has_its_code() -> None:
    kinds = {one.what: one for one in REFUSALS if one.same_as is None}
    codes = [one.code for one in kinds.values()]
    assert len(kinds) >= 45
    assert len(codes) == len(set(codes)), sorted(code for code in codes if codes.count(code) > 1)
    for other in (one for one in REFUSALS if one.same_as is not None):
        assert other.code == kinds[other.same_as].code, other.what
    assert len({one.what for one in REFUSALS}) == len(REFUSALS)
