"""Notices (Platform Notification Service 1.0): which are taken, once, and which are refused with nothing stored."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance.lti.launch_world import DISABLED_DEPLOYMENT, OTHER_CLIENT, START, TOOL, LaunchWorld, launch_world
from platforms.names import REMOVED
from platforms.strict import rsa_key
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from lti_tool.models import Deployment, DeploymentState
from lti_tool.web import notices as page


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaunchWorld]:
    """One tool for all cases: a refusal must leave it as it was."""
    path = tmp_path_factory.mktemp("notices") / "lti-badges.db"
    shutil.copyfile(sqlite_template, path)
    with launch_world(f"sqlite:///{path}") as world:
        with world.services.database.write() as session:
            known = session.scalars(select(Deployment).where(Deployment.deployment_id == "deployment-1")).one()
            session.add(
                Deployment(
                    registration_id=known.registration_id,
                    organization_id=known.organization_id,
                    deployment_id="waiting",
                    state=DeploymentState.PENDING,
                    created_at=START,
                )
            )
        yield world


def post(world: LaunchWorld, *tokens: Any, body: bytes | None = None) -> TestResponse:
    """Send notices as a platform does."""
    content = json.dumps({"notices": [{"jwt": one} for one in tokens]}).encode() if body is None else body
    return Client(world.app).post("/lti/notices", data=content, content_type="application/json", base_url=TOOL)


def claims(**changes: Any) -> Callable[[LaunchWorld], str]:
    """A soundly signed notice with other claims."""
    return lambda world: world.platform.sign(world.platform.notice_claims(**changes))


def times(**offsets: float) -> Callable[[LaunchWorld], str]:
    """A notice whose times lie so many seconds from now."""

    def make(world: LaunchWorld) -> str:
        now = world.now[0].timestamp()
        moved = {name: int(now + offset) for name, offset in offsets.items()}
        return world.platform.sign(world.platform.notice_claims(**moved))

    return make


def signed(alg: str = "RS256", key: Any = None, **headers: Any) -> Callable[[LaunchWorld], str]:
    """A notice signed in another way."""
    return lambda world: world.platform.sign(world.platform.notice_claims(), alg, key, headers)


COPY = {"context": {"id": "course-2"}, "origin_contexts": ["course-1"]}
NOTICE = {"id": "n-1", "timestamp": "2026-11-21T09:00:00Z", "type": "LtiContextCopyNotice"}

UNSOUND = {
    "not a JWT": (lambda world: "hello", "token_algorithm token_malformed"),
    "unsigned": (signed("none"), "token_algorithm"),
    "HS256": (signed("HS256", b"secret"), "token_algorithm"),
    "no kid": (signed(kid=REMOVED), "token_key_unnamed"),
    "unknown kid": (signed(kid="other"), "token_key_unknown"),
    "another key": (signed(key=rsa_key("evil")), "token_signature"),
    "no issuer": (claims(iss=REMOVED), "token_issuer"),
    "unknown issuer": (claims(iss="https://stranger.example"), "platform_unknown"),
    "unknown client": (claims(aud="somebody", azp="somebody"), "platform_unknown"),
    "no audience": (claims(aud=REMOVED), "token_audience"),
    "another client of this tool": (claims(aud=OTHER_CLIENT), "token_audience"),
    "audience of another client, own party": (claims(aud=[OTHER_CLIENT]), "token_audience"),
    "several audiences without a party": (claims(aud=["tool-client-1", "x"], azp=REMOVED), "platform_unknown"),
    "no exp": (claims(exp=REMOVED), "token_claim_exp"),
    "expired": (times(iat=-7200, exp=-3600), "token_expired"),
    "from the future": (times(iat=600, exp=4200), "token_time"),
    "two days old, exp valid": (times(iat=-2 * 86400, exp=3600), "token_old"),
    "no nonce": (claims(nonce=REMOVED), "token_claim_nonce"),
    "no deployment": (claims(deployment_id=REMOVED), "token_claim_deployment_id"),
    "unknown deployment": (claims(deployment_id="nobody's"), "deployment_unknown"),
    "deployment of another client": (claims(deployment_id="deployment-2"), "deployment_unknown"),
    "deployment that waits": (claims(deployment_id="waiting"), "deployment_pending"),
    "disabled deployment": (claims(deployment_id=DISABLED_DEPLOYMENT), "deployment_disabled"),
    "LTI 1.1": (claims(version="LTI-1p0"), "token_claim_version"),
    "no notice": (claims(notice=REMOVED), "token_claim_notice"),
    "notice without an id": (claims(notice={"type": "LtiHelloWorldNotice"}), "token_claim_notice"),
    "notice without a type": (claims(notice={"id": "n"}), "token_claim_notice"),
    "notice of a long type": (claims(notice={"id": "n", "type": "x" * 65}), "token_claim_notice"),
    "copy without a course": (claims(notice=NOTICE, origin_contexts=["c"]), "token_claim_context"),
    "copy without origins": (claims(notice=NOTICE, context={"id": "c"}), "token_claim_origin_contexts"),
    "copy with a number as origin": (claims(notice=NOTICE, **COPY | {"origin_contexts": [7]}),
                                     "token_claim_origin_contexts"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNSOUND)
def test_an_unsound_notice_is_refused_and_stores_nothing(world: LaunchWorld, what: str) -> None:
    make, codes = UNSOUND[what]
    before = world.rows()
    response = post(world, make(world))
    assert response.status_code == 400
    assert response.get_json()["error"] in codes.split()
    assert world.rows() == before


def test_a_sound_notice_beside_an_unsound_one_is_not_stored_either(world: LaunchWorld) -> None:
    before = world.rows()
    good, bad = claims()(world), claims(exp=REMOVED)(world)
    assert post(world, good, bad).status_code == 400
    assert world.rows() == before
    assert post(world, good).get_json() == {"received": 1, "new": 1}


def test_a_notice_counts_once_however_often_and_however_signed_it_comes(world: LaunchWorld) -> None:
    first = world.platform.notice_claims()
    again = first | {"nonce": "another", "iat": first["iat"] + 1}
    assert post(world, world.platform.sign(first)).get_json() == {"received": 1, "new": 1}
    stored = world.rows()
    for token in (world.platform.sign(first), world.platform.sign(again)):
        response = post(world, token, token)
        assert (response.status_code, response.get_json()) == (200, {"received": 2, "new": 0})
    assert world.rows() == stored


def test_a_type_nobody_asked_for_is_taken_without_effect(world: LaunchWorld) -> None:
    before = world.rows()
    response = post(world, claims(notice={"id": "future-1", "type": "LtiSomethingNewNotice"})(world))
    assert response.status_code == 200
    grown = {name for name, count in world.rows().items() if count != before[name]}
    assert grown == {"platform_notice", "audit_event", "audit_payload"}


def test_after_a_change_of_keys_notices_are_still_taken(world: LaunchWorld) -> None:
    world.later(minutes=6)
    world.platform.rotate_keys()
    assert post(world, claims()(world)).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "notices_invalid"),
        (b"[]", "notices_invalid"),
        (b'{"notices": []}', "notices_invalid"),
        (b'{"notices": [7]}', "notices_invalid"),
        (b'{"notices": [{"jwt": 7}]}', "notices_invalid"),
        (b'{"notices": ' + b"[" * 5000, "notices_invalid"),
        (b"\xff\xfe", "notices_invalid"),
        (json.dumps({"notices": [{"jwt": "x"}] * (page.MOST + 1)}).encode(), "notices_invalid"),
        (b" " * (page.LARGEST + 1), "notices_too_large"),
    ],
)
def test_a_body_without_notices_is_refused(world: LaunchWorld, body: bytes, code: str) -> None:
    response = post(world, body=body)
    assert (response.status_code, response.get_json()["error"]) == (400, code)
    assert "Set-Cookie" not in response.headers


def test_a_body_of_unsaid_length_is_not_read_to_its_end(world: LaunchWorld) -> None:
    response = Client(world.app).post(
        "/lti/notices",
        input_stream=io.BytesIO(b" " * page.LARGEST * 4),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
        base_url=TOOL,
    )
    assert (response.status_code, response.get_json()["error"]) == (400, "notices_too_large")
