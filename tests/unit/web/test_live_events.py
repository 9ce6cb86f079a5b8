"""A stream of signed events: it wakes the reading of its course, and nothing else it says is believed."""

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from admin_pages import send
from flask.testing import FlaskClient
from instructor_world import make_course
from jwt.algorithms import RSAAlgorithm
from platforms.signing import rsa_key
from sqlalchemy import delete, select
from web_world import World

from lti_tool.models import Context, Fact, PlatformApi, SyncRun, SyncState
from lti_tool.services import course_sync, live_events, platform_apis
from lti_tool.web.session import STAFF_COOKIE

KEY = rsa_key("live-events")
CLAIMS: dict[str, Any] = {
    "metadata": {"event_name": "grade_change", "context_type": "Course", "context_id": "21070000000004201"},
    "body": {"student_id": "21070000000009001", "score": 40},
}


def jwk(kid: str = "stream-1") -> dict[str, Any]:
    """The public key as a key set has it."""
    return RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": kid}


def signed(claims: dict[str, Any] = CLAIMS, key: Any = KEY, kid: str = "stream-1") -> str:
    """An event as the stream sends it."""
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})


@pytest.fixture
def stream(world: World) -> str:
    """The address of a stream; the course is known by its number, and nothing waits to be read."""
    course = make_course(world)
    with world.services.database.write() as session:
        api = PlatformApi(
            registration_id=world.registration_id,
            organization_id=world.organization_id,
            source="canvas",
            address="https://school.example",
            client_id="1",
            created_at=world.now[0],
        )
        session.add(api)
        session.flush()
        live_events.save_key_set(session, api, {"keys": [jwk()]}, actor="staff:1", now=world.now[0])
        session.get_one(Context, course.context_id).service_ids = {"canvas": "4201"}
        session.execute(delete(SyncRun))
        return f"/events/{api.public_id}"


def runs(world: World) -> list[str]:
    with world.services.database.read() as session:
        return list(session.scalars(select(SyncRun.reason)))


@pytest.mark.parametrize("as_json", [False, True])
def test_an_event_wakes_the_reading_of_its_course(
    world: World, client: FlaskClient, stream: str, as_json: bool
) -> None:
    world.queue.woken.clear()
    body = json.dumps(signed()) if as_json else signed()
    answer = client.post(stream, data=body)
    assert (answer.status_code, answer.json) == (200, {"event": "grade_change", "woken": 1})
    assert runs(world) == ["event"]
    assert [name for name, _ in world.queue.woken] == ["read_course"]
    with world.services.database.read() as session:
        assert session.scalars(select(Fact)).all() == []  # the score in the event is not believed


def test_a_replay_asks_for_nothing_more(world: World, client: FlaskClient, stream: str) -> None:
    token = signed()
    for _ in range(3):
        assert client.post(stream, data=token).status_code == 200
    assert runs(world) == ["event"]


def test_events_that_follow_each_other_do_not_read_a_course_without_end(
    world: World, client: FlaskClient, stream: str
) -> None:
    """Whoever grades two hundred learners makes two hundred events: the course rests between its readings."""
    with world.services.database.write() as session:
        course_id = session.scalars(select(Context.id)).one()
        done = {"state": SyncState.DONE, "attempts": 1, "counts": {}, "priority": 0, "due_at": world.now[0]}
        session.add(SyncRun(context_id=course_id, reason="event", finished_at=world.now[0], **done))
    world.now[0] += timedelta(seconds=5)
    world.queue.woken.clear()
    answer = client.post(stream, data=signed())
    assert answer.json == {"event": "grade_change", "woken": 0}
    assert world.queue.woken == []
    with world.services.database.read() as session:
        assert course_sync.due_runs(session, world.now[0]) == []
        (run_id,) = course_sync.due_runs(session, world.now[0] + live_events.PAUSE)
    with world.services.database.write() as session:  # a person who asks does not wait
        course = session.get_one(Context, course_id)
        assert course_sync.request_sync(session, course, "button", world.now[0]) == run_id


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "event_malformed"),
        ("{}", "event_malformed"),
        (json.dumps(CLAIMS), "event_malformed"),
        (jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": "stream-1"}), "event_signature"),
        (jwt.encode(CLAIMS, "x" * 64, algorithm="HS256", headers={"kid": "stream-1"}), "event_signature"),
        (signed(key=rsa_key("another")), "event_signature"),
        (signed(kid="another"), "event_key_unknown"),
        (signed(CLAIMS | {"exp": 1}), "event_signature"),
    ],
)
def test_what_is_not_soundly_signed_is_refused(
    world: World, client: FlaskClient, stream: str, body: str, code: str
) -> None:
    answer = client.post(stream, data=body)
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["error"] == code
    assert runs(world) == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"event_name": "logged_in", "context_type": "Course", "context_id": "4201"},
        {"event_name": "grade_change", "context_type": "Account", "context_id": "4201"},
        {"event_name": "grade_change", "context_type": "Course", "context_id": "4202"},
        {"event_name": "grade_change", "context_type": "Course", "context_id": "-4201"},
        {"event_name": 7},
    ],
)
def test_other_events_and_other_courses_wake_nobody(
    world: World, client: FlaskClient, stream: str, metadata: dict[str, Any]
) -> None:
    answer = client.post(stream, data=signed({"metadata": metadata}))
    assert (answer.status_code, runs(world)) == (200, [])


def test_progress_names_its_course_in_the_body(world: World, client: FlaskClient, stream: str) -> None:
    claims = {"metadata": {"event_name": "course_progress"}, "body": {"course": {"id": "4201"}}}
    client.post(stream, data=signed(claims))
    assert runs(world) == ["event"]


def test_a_stream_that_is_unknown_switched_off_or_ended_is_not_found(
    world: World, client: FlaskClient, stream: str
) -> None:
    assert client.post("/events/unknown", data=signed()).status_code == 404
    with world.services.database.write() as session:
        platform_apis.set_disabled(session, 1, True, actor="staff:1", now=world.now[0])
    assert client.post(stream, data=signed()).status_code == 404


def test_an_admin_stores_the_key_set_and_ends_the_stream(world: World, client: FlaskClient, stream: str) -> None:

    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    page, form = "/admin/platforms/1/sources", "/admin/platforms/1/sources/canvas/1/events"
    assert stream in client.get(page).text
    wrong = send(client, form, page, key_set='{"keys": [{"kty": "oct", "kid": "1", "k": "x"}]}')
    assert wrong.status_code == 422
    assert "This is no key set with an RSA key" in wrong.text
    assert send(client, form, page, key_set=json.dumps({"keys": [jwk("stream-2")]})).status_code == 303
    assert client.post(stream, data=signed(kid="stream-2")).status_code == 200
    assert client.post(stream, data=signed()).status_code == 401
    assert send(client, form, page, key_set="").status_code == 303
    assert client.post(stream, data=signed(kid="stream-2")).status_code == 404
