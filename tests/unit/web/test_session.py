"""Sessions are rows: read lazily, kept by key, idle after thirty minutes, in a cookie or in the path."""

import re

from flask.testing import FlaskClient
from sqlalchemy import event, update
from web_world import LEARNER, SAME_ORIGIN, World

from lti_tool.models import Deployment, DeploymentState, LaunchSession
from lti_tool.services.launching import OpenedLaunch
from lti_tool.services.secrets import secret_hash
from lti_tool.web.session import LAUNCH_COOKIE


def row(world: World, opened: OpenedLaunch) -> LaunchSession:
    with world.services.database.read() as session:
        return session.get_one(LaunchSession, opened.launch_session_id)


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def test_the_cookie_opens_the_course(client: FlaskClient, opened: OpenedLaunch) -> None:
    answer = client.get(f"/courses/{opened.context_id}/probe")
    assert answer.json == {"user_id": opened.user_id, "context_id": opened.context_id, "note": None}
    assert "Set-Cookie" not in answer.headers


def test_the_path_opens_the_course_and_links_keep_it(world: World, client: FlaskClient) -> None:
    opened = world.open()
    page = client.get(f"/s/{opened.secret}/courses/{opened.context_id}/probe/page").text
    assert f'action="/s/{opened.secret}/courses/{opened.context_id}/probe"' in page


def test_links_for_anyone_and_files_never_carry_the_secret(world: World, client: FlaskClient) -> None:
    opened = world.open()
    page = client.get(f"/s/{opened.secret}/courses/{opened.context_id}/probe/page").text
    assert '<a href="/probe/anyone">' in page
    assert 'href="/static/tool.css"' in page
    assert page.count(opened.secret) == 1  # the form's address


def test_the_secret_is_stored_hashed_only(world: World) -> None:
    opened = world.open()
    stored = row(world, opened)
    assert stored.secret_hash == secret_hash(opened.secret)
    assert opened.secret not in repr({c.name: getattr(stored, c.name) for c in stored.__table__.columns})


def test_a_form_keeps_something_in_the_session(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    base = f"/courses/{opened.context_id}/probe"
    form = {"csrf_token": token(client.get(f"{base}/page").text), "note": "half a form"}
    assert client.post(base, data=form, headers=SAME_ORIGIN).json == {"done": True}
    assert client.get(base).json["note"] == "half a form"
    assert "Kept." in client.get(f"{base}/page").text
    assert "Kept." not in client.get(f"{base}/page").text
    assert set(row(world, opened).data) == {"note"}


def test_a_form_works_in_a_path_session(world: World, client: FlaskClient) -> None:
    opened = world.open()
    base = f"/s/{opened.secret}/courses/{opened.context_id}/probe"
    form = {"csrf_token": token(client.get(f"{base}/page").text), "note": "no cookie"}
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    assert client.post(base, data=form, headers=headers).status_code == 200
    assert client.get(base).json["note"] == "no cookie"


def test_two_tabs_do_not_undo_each_other(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    base = f"/courses/{opened.context_id}/probe"
    first, second = (token(client.get(f"{base}/page").text) for _ in range(2))
    with world.services.database.write() as session:
        session.get_one(LaunchSession, opened.launch_session_id).data = {"other_tab": 1}
    for one in (first, second):
        assert client.post(base, data={"csrf_token": one, "note": "n"}, headers=SAME_ORIGIN).status_code == 200
    data = row(world, opened).data
    assert data["other_tab"] == 1
    assert data["note"] == "n"


def test_a_token_of_another_session_is_refused(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    other = world.open(LEARNER, sub="eve")
    foreign = token(client.get(f"/s/{other.secret}/courses/{other.context_id}/probe/page").text)
    answer = client.post(
        f"/courses/{opened.context_id}/probe", data={"csrf_token": foreign, "note": "x"}, headers=SAME_ORIGIN
    )
    assert answer.status_code == 400
    assert "form_expired" in answer.text
    assert row(world, opened).data == {}


def test_a_session_slides_and_is_written_once_a_minute(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    base = f"/courses/{opened.context_id}/probe"
    begun = row(world, opened).seen_at
    world.later(seconds=59)
    client.get(base)
    assert row(world, opened).seen_at == begun
    world.later(seconds=1)
    client.get(base)
    assert row(world, opened).seen_at == world.now[0]
    for _ in range(3):
        world.later(minutes=29)
        assert client.get(base).status_code == 200


def test_half_an_hour_of_silence_ends_it(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    world.later(minutes=30)
    answer = client.get(f"/courses/{opened.context_id}/probe/page")
    assert answer.status_code == 401
    assert "session_expired" in answer.text
    assert "from there again" in answer.text
    assert "https://lms.example" in answer.headers["Content-Security-Policy"]  # visible in the platform's frame
    assert row(world, opened).expires_at == world.now[0]  # and looking at it revives nothing


def test_disabling_the_deployment_ends_its_sessions(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    with world.services.database.write() as session:
        session.execute(update(Deployment).values(state=DeploymentState.DISABLED))
    assert client.get(f"/courses/{opened.context_id}/probe").status_code == 401


def test_an_unknown_secret_is_no_session(client: FlaskClient, opened: OpenedLaunch) -> None:
    client.set_cookie(LAUNCH_COOKIE, "x" * 43)
    answer = client.get(f"/courses/{opened.context_id}/probe")
    assert answer.status_code == 401
    assert (
        "frame-ancestors 'self' *"
        in client.get(f"/courses/{opened.context_id}/probe/page").headers["Content-Security-Policy"]
    )


def test_the_path_wins_over_the_cookie(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    other = world.open(sub="bob")
    answer = client.get(f"/s/{other.secret}/courses/{other.context_id}/probe")
    assert answer.json["user_id"] == other.user_id != opened.user_id


def test_public_pages_ask_the_database_nothing(world: World, client: FlaskClient, opened: OpenedLaunch) -> None:
    statements: list[str] = []
    event.listen(world.services.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    answer = client.get("/probe/anyone")
    assert answer.status_code == 200
    assert statements == []
    assert "Set-Cookie" not in answer.headers
    client.get(f"/courses/{opened.context_id}/probe")
    assert statements  # the listener works


def test_a_staff_path_takes_no_launch_session(world: World, client: FlaskClient) -> None:
    opened = world.open()
    assert client.get(f"/s/{opened.secret}/admin/").status_code == 401
    client.set_cookie(LAUNCH_COOKIE, world.staff_secret())
    assert client.get("/admin/").status_code == 401
