"""No request needs the process that served the one before: instances share nothing but the database.

And no page needs a cookie: where a browser keeps none inside the platform's frame, the session goes on in the path.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from platforms.journeys import (
    Browser,
    School,
    add_skill,
    claim,
    go_home,
    let_count,
    make_badge,
    publish,
    school_on,
)

from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import Credential, CredentialVersion
from lti_tool.web.session import LAUNCH_COOKIE

PATH_SESSION = re.compile(r"/s/[A-Za-z0-9_-]{43}/")


def fill(school: School) -> None:
    """Ada has 80 of 100."""
    school.enrol("Ada", "ada@school.example")
    school.platform.add_line_item("Water log", {school.platform.personas["ada"]: Decimal(80)})


def whole_chain(school: School, teacher: Browser, learner: Browser) -> Browser:
    """From the first launch to a claimed badge; returns the learner's browser on the badge's page."""
    school.launch("teacher", teacher)
    school.work()
    add_skill(teacher, "Balance the water chemistry")
    let_count(teacher, school.column_id("Water log"), "70")
    make_badge(teacher, "Water Keeper", "Keeps the water in balance.", "A water log.")
    publish(teacher)
    assert teacher.status == 200
    school.work()
    school.launch("ada", learner)
    document = claim(learner)
    assert document.startswith(f"{school.url}/credentials/")
    award = school.award("ada")
    assert award is not None
    assert award.state is AwardState.CLAIMED
    assert school.count(Credential, CredentialVersion) == [1, 1]
    return learner


def test_instances_take_turns(live: Any, any_database: str) -> None:
    with school_on(live, any_database, instances=2) as school:
        fill(school)
        teacher = school.knock("teacher")
        school.door.answered.clear()
        teacher.submit_until("/courses/")
        assert teacher.status == 200
        assert school.door.answered == [("/lti/launch", 1), ("/lti/enter", 0), ("/courses/1/", 1)]
        whole_chain(school, teacher, Browser())
        served = [number for _, number in school.door.answered]
        assert abs(served.count(0) - served.count(1)) <= 1


def test_every_request_finds_a_tool_that_was_just_restarted(live: Any, migrated_sqlite_url: str) -> None:
    with school_on(live, migrated_sqlite_url) as school:
        fill(school)
        school.door.open(enumerate(restarted(school)))
        whole_chain(school, Browser(), Browser())
        numbers = [number for _, number in school.door.answered]
        assert numbers == list(range(len(numbers))), "each request had an instance of its own"
        assert len(numbers) > 20


def restarted(school: School) -> Iterator[Flask]:
    """A new instance for each request; the one before is gone."""
    while True:
        for gone in school.instances[:-1]:
            gone.database.engine.dispose()
        yield school.new_instance()


@pytest.mark.parametrize("instances", [1, 2])
def test_the_whole_chain_without_a_cookie(live: Any, migrated_sqlite_url: str, instances: int) -> None:
    with school_on(live, migrated_sqlite_url, instances=instances) as school:
        fill(school)
        teacher, learner = Browser(refusing=LAUNCH_COOKIE), Browser(refusing=LAUNCH_COOKIE)
        whole_chain(school, teacher, learner)
        for browser in (teacher, learner):
            pages = [path for path in browser.paths if "/courses/" in path]
            assert len(pages) >= 3
            assert len({one[0] for path in pages if (one := PATH_SESSION.match(path))}) == 1, "one session"
            assert all(PATH_SESSION.match(path) for path in pages)
            assert LAUNCH_COOKIE not in browser.cookies
            assert browser.headers["Referrer-Policy"] == "no-referrer"
            assert browser.headers["Cache-Control"] == "no-store"


def test_addresses_for_others_hold_no_session(live: Any, migrated_sqlite_url: str) -> None:
    with school_on(live, migrated_sqlite_url) as school:
        fill(school)
        learner = whole_chain(school, Browser(), Browser(refusing=LAUNCH_COOKIE))
        secret = PATH_SESSION.search(learner.url)
        assert secret is not None
        learner.send(learner.form("/share"))
        shared = [link for link in learner.links if "/credentials/" in link]
        assert len(shared) >= 3
        assert not [link for link in shared if "/s/" in link]
        anybody = Browser()
        anybody.open(learner.link("/credentials/"))
        assert anybody.status == 200


def test_the_path_of_one_course_opens_no_other_page(live: Any, migrated_sqlite_url: str) -> None:
    """The secret in the path is the session: with it a page opens, with a guessed one it does not."""
    with school_on(live, migrated_sqlite_url) as school:
        fill(school)
        teacher = school.launch("teacher", Browser(refusing=LAUNCH_COOKIE))
        other = Browser()
        other.open(PATH_SESSION.sub("/s/" + "A" * 43 + "/", teacher.url))
        assert other.status == 401
        assert ">session_expired<" in other.text
        other.open(teacher.url.replace("/courses/1/", "/courses/2/"))
        assert other.status == 403
        assert ">other_course<" in other.text
        go_home(teacher)
        assert teacher.status == 200
