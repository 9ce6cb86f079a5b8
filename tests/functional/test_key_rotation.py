"""Keys change while people work: the platform's, which sign launches, and the tool's, which sign for its services."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from platforms.journeys import School, school_on
from platforms.quirks import BRIGHTSPACE, STANDARD
from sqlalchemy import select

from lti_tool.models import LaunchSession, LoginState, SyncRun, SyncState


@pytest.fixture
def school(live: Any, migrated_sqlite_url: str) -> Iterator[School]:
    """A school whose tool runs as two instances, like web server and worker."""
    with school_on(live, migrated_sqlite_url, STANDARD, instances=2) as school:
        yield school


# -- the platform's keys ----------------------------------------------------------------------------------------------


def test_a_new_platform_key_costs_one_request(school: School) -> None:
    school.launch("learner")
    assert school.platform.counts["jwks"] == 1
    school.watch.forward(minutes=1)
    learner = school.knock("learner")
    state, nonce = school.asked()
    school.platform.rotate_keys()  # between the login and its answer
    school.answer(learner, school.platform.launch_form("learner", state, nonce))
    assert "/courses/" in learner.url
    assert school.platform.counts["jwks"] == 2
    for persona in ("teacher", "learner"):
        school.launch(persona)
    assert school.platform.counts["jwks"] == 2, "the other instance learns the key from the database"


def test_a_withdrawn_platform_key_signs_nothing_after_an_hour(school: School) -> None:
    school.launch("learner")
    school.launch("learner")  # the other instance has the key in memory, too
    platform = school.platform
    (old,) = platform.keys
    platform.rotate_keys(keep_old=False)
    school.watch.forward(hours=1)
    refused_by = set()
    for _ in school.instances:
        learner = school.knock("learner")
        state, nonce = school.asked()
        token = platform.sign(platform.claims("learner", nonce), key=old.private_key, headers={"kid": old.kid})
        school.answer(learner, {"id_token": token, "state": state})
        assert learner.status == 403
        assert ">token_key_unknown<" in learner.text
        refused_by.add(school.door.answered[-1])
        assert school.launch("learner").status == 200
    assert refused_by == {("/lti/launch", 0), ("/lti/launch", 1)}


def test_made_up_keys_do_not_hammer_the_platform(school: School) -> None:
    school.launch("learner")
    school.watch.forward(minutes=1)
    platform = school.platform
    for number in range(6):
        learner = school.knock("learner")
        state, nonce = school.asked()
        token = platform.sign(platform.claims("learner", nonce), headers={"kid": f"made-up-{number}"})
        school.answer(learner, {"id_token": token, "state": state})
        assert ">token_key_unknown<" in learner.text
    assert platform.counts["jwks"] <= 6, "one request of all, and two to spare an instance, until they may ask again"
    assert school.launch("learner").status == 200, "the keys at hand still serve"


def test_two_new_platform_keys_in_a_row_refuse_nobody(school: School) -> None:
    school.launch("learner")
    for persona in ("teacher", "learner"):
        school.platform.rotate_keys(keep_old=False)
        assert school.launch(persona).status == 200


# -- the tool's keys --------------------------------------------------------------------------------------------------


def last_run(school: School) -> tuple[SyncState, str | None]:
    with school.services.database.read() as session:
        run = session.scalars(select(SyncRun).order_by(SyncRun.id.desc()).limit(1)).one()
        return run.state, run.error_code


def test_services_go_on_with_a_new_tool_key(school: School) -> None:
    platform, web = school.platform, school.services
    platform.add_line_item("Water log", {platform.personas["learner"]: Decimal(80)})
    school.launch("teacher")
    school.work()  # the last instance works
    assert last_run(school) == (SyncState.DONE, None)

    published = platform.tool_jwks_url
    for _ in range(2):
        before = web.tool_keys.active().kid
        after = web.tool_keys.rotate().kid  # the first instance rotates
        assert after != before
        school.watch.forward(hours=2)  # the tokens of before have ended
        asked = platform.counts["token"]
        school.launch("teacher")
        school.work()
        assert last_run(school) == (SyncState.DONE, None)
        assert platform.counts["token"] > asked
        assert platform.tool_jwks_url == published
        assert "/lti/jwks" in {path for path, _ in school.door.answered}
    assert len(web.tool_keys.public_jwks()["keys"]) == 4, "two retired, one active, one to come"


def test_it_is_the_new_key_that_signs(live: Any, migrated_sqlite_url: str) -> None:
    """A platform that forgets retired keys at once, and takes the next one for none, is still served."""
    with school_on(live, migrated_sqlite_url, BRIGHTSPACE) as school:
        keys = school.services.tool_keys

        def only_the_active_key() -> dict[str, Any]:
            return {"keys": [jwk for jwk in keys.public_jwks()["keys"] if jwk["kid"] == keys.active().kid]}

        school.platform.tool_keys = only_the_active_key
        school.launch("teacher")
        school.work()
        assert last_run(school) == (SyncState.DONE, None)
        keys.rotate()
        school.platform.end_tokens()
        school.watch.forward(minutes=3)
        school.launch("teacher")
        school.work()
        assert last_run(school) == (SyncState.DONE, None)
        assert set(school.platform.token_scopes.values()) == {2}


# -- both, while everybody launches -----------------------------------------------------------------------------------

LAUNCHING = 6
"""Browsers that launch again and again, at the same time."""


def test_keys_of_both_sides_change_in_mid_traffic_and_no_launch_is_lost(school: School) -> None:
    platform, keys = school.platform, school.services.tool_keys
    platform.add_line_item("Water log", {platform.personas["learner"]: Decimal(80)})
    school.launch("teacher")
    over = threading.Event()

    def launch_again_and_again(number: int) -> list[int]:
        persona, statuses = ("teacher", "learner")[number % 2], []
        while not over.is_set():
            statuses.append(school.launch(persona).status)
        return statuses

    rotated = [keys.active().kid]
    with ThreadPoolExecutor(LAUNCHING) as pool:
        launching = [pool.submit(launch_again_and_again, number) for number in range(LAUNCHING)]
        try:
            for _ in range(2):
                time.sleep(0.7)
                platform.rotate_keys()
                rotated.append(keys.rotate().kid)
                platform.end_tokens()
                school.watch.forward(minutes=1)
                school.work()
                assert last_run(school) == (SyncState.DONE, None)
        finally:
            over.set()
        statuses = [status for one in launching for status in one.result()]
    assert set(statuses) == {200}
    assert len(statuses) > 2 * LAUNCHING
    assert len(set(rotated)) == 3
    assert school.count(LaunchSession, LoginState) == [len(statuses) + 1] * 2
