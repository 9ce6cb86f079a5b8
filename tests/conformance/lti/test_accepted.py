"""Each launch of ``accepted`` through the real tool: where it ends, and what is known of person and course then."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance.lti.accepted import ACCEPTED, Accepted
from conformance.lti.launch_world import LaunchWorld, launch_world
from conformance.lti.platform_shapes import SHAPES, Shape
from platforms.names import LTI, REMOVED, full_name
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_tool.lti.registration import add_registration
from lti_tool.models import Context, LaunchSession, ResourceLink, User

PAGES = {
    "instructor": "/skills",
    "learner": "<h1>My badges in this course</h1>",
    "anonymous": "<h1>Badges in this course</h1>",
    "visitor": "<h1>You are only visiting this course</h1>",
    "content": "<h1>Add to the course</h1>",
    "mine": "<h1>My badges everywhere</h1>",
    "admins": "<h1>The admin pages need a sign-in of their own</h1>",
    "no course": "<h1>This was opened outside a course</h1>",
}
"""What each page has and the others have not."""


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaunchWorld]:
    """One tool for all platforms: each is another registration."""
    path = tmp_path_factory.mktemp("accepted") / "lti-badges.db"
    shutil.copyfile(sqlite_template, path)
    with launch_world(f"sqlite:///{path}") as world:
        common = world.platform.registration() | {"audience": None}
        del common["deployment_id"]
        with world.services.database.write() as session:
            for name, shape in SHAPES.items():
                about = {"name": name, "issuer": shape.issuer, "client_id": shape.client_id, "product": name}
                deployments = (shape.deployment_id,)
                add_registration(
                    session,
                    **common | about,
                    deployment_ids=deployments,
                    now=world.now[0],
                    settings=world.services.settings,
                )
        yield world


def sent_claims(world: LaunchWorld, shape: Shape, case: Accepted, nonce: str) -> dict[str, Any]:
    """The shape's claims with what this launch settles, and what is special about the case."""
    now = world.now[0].timestamp()
    claims = shape.claims | {
        "iss": shape.issuer,
        "aud": shape.client_id,
        "iat": int(now),
        "exp": int(now) + 60,
        "nonce": nonce,
        LTI + "deployment_id": shape.deployment_id,
        LTI + "target_link_uri": world.platform.redirect_uris[0],
    }
    claims |= {full_name(name): value for name, value in case.claims.items()}
    claims |= {name: now + offset for name, offset in case.times.items()}
    return {name: value for name, value in claims.items() if value is not REMOVED}


def launch(world: LaunchWorld, case: Accepted) -> tuple[dict[str, Any], TestResponse]:
    """Go through login and launch; returns the claims and the first page."""
    shape = SHAPES[case.platform]
    attempt = world.attempt()
    own = {name: REMOVED for name in ("client_id", "lti_deployment_id", "lti_message_hint")}
    response = attempt.login(method=case.method, **own | {"iss": shape.issuer} | shape.login | case.login)
    assert attempt.state, response.text
    hint = (shape.login | case.login).get("lti_message_hint")
    assert attempt.query.get("lti_message_hint") == (None if hint is REMOVED else hint)
    assert attempt.query["client_id"] == shape.client_id
    claims = sent_claims(world, shape, case, attempt.nonce)
    response = attempt.launch(world.platform.sign(claims), **case.fields)
    assert response.status_code == 303, response.text
    return claims, attempt.enter(response)


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda one: one.what)
def test_accepted(world: LaunchWorld, case: Accepted) -> None:
    claims, page = launch(world, case)
    expected = case.outcome
    words = page.text.partition("<main")[2]
    assert [name for name, mark in PAGES.items() if mark in words] == [expected.page]
    assert page.status_code == (409 if expected.page == "no course" else 200)
    assert "Traceback" not in page.text
    assert "<script>alert" not in page.text
    with world.services.database.read() as session:
        opened = session.scalars(select(LaunchSession).order_by(LaunchSession.id.desc())).first()
        assert opened is not None
        assert opened.is_test_user == expected.is_test_user
        assert set(opened.roles) <= {one for one in claims[LTI + "roles"] if one.isprintable()}
        if expected.locale is not None:
            assert opened.locale == expected.locale
        assert_person(session.get(User, opened.user_id) if opened.user_id else None, case, claims)
        context = session.get(Context, opened.context_id) if opened.context_id else None
        assert_course(context, case, claims)
        if context is not None and LTI + "resource_link" in claims:
            sent = claims[LTI + "resource_link"]["id"]
            links = select(ResourceLink).where(ResourceLink.context_id == context.id)
            assert sent in {one.platform_id for one in session.scalars(links)}


def assert_person(user: User | None, case: Accepted, claims: dict[str, Any]) -> None:
    if case.outcome.user_id is None:
        assert user is None
        return
    assert user is not None
    assert user.platform_user_id == claims["sub"]
    # what an earlier launch of the same person said is kept when a later one says nothing
    if case.outcome.name is not None:
        assert user.name == case.outcome.name
    if case.outcome.email is not None:
        assert user.email == case.outcome.email


def assert_course(context: Context | None, case: Accepted, claims: dict[str, Any]) -> None:
    if case.outcome.title is None:
        assert context is None
        return
    assert context is not None
    assert context.platform_id == claims[LTI + "context"]["id"]
    assert (context.title or "") == case.outcome.title
    assert (context.line_items_url is not None) >= case.outcome.has_gradebook
    assert (context.memberships_url is not None) >= case.outcome.has_roster


def test_there_are_many_kinds_on_all_platforms() -> None:
    assert len({one.what for one in ACCEPTED}) == len(ACCEPTED) >= 32
    assert {one.platform for one in ACCEPTED} == set(SHAPES)
    assert all(one.ground for one in ACCEPTED)
