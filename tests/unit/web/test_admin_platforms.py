"""A platform's page: the checklist with what to click, how it fares, and what an admin can do about it."""

import re
from typing import Any

import pytest
from admin_pages import send
from flask.testing import FlaskClient
from sqlalchemy import select, update
from web_world import START, World

from lti_tool.errors import ConflictError
from lti_tool.lti.tool_configuration import SCOPES
from lti_tool.models import AuditEvent, Context, Registration, ToolKey
from lti_tool.services import registrations
from lti_tool.web.platform_words import FAILURES, failure_words
from lti_tool.web.session import STAFF_COOKIE

PAGE = "/admin/platforms/1"
NAMES = ("registered", "activated", "launched", "grades", "roster", "deep_linking")


@pytest.fixture
def admin(world: World, client: FlaskClient) -> FlaskClient:
    """A browser in which an admin is signed in."""
    client.set_cookie(STAFF_COOKIE, world.staff_secret())
    return client


def verdicts(browser: FlaskClient) -> dict[str, str]:
    """The checklist as it stands."""
    return dict(zip(NAMES, re.findall(r'data-verdict="(\w+)"', browser.get(PAGE).text), strict=True))


def change(world: World, **values: Any) -> None:
    with world.services.database.write() as session:
        session.execute(update(Registration).where(Registration.id == 1).values(**values))


def actions(world: World) -> list[str]:
    with world.services.database.read() as session:
        return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


# -- the checklist ----------------------------------------------------------------------------------------------------


def test_by_hand_and_never_opened(admin: FlaskClient) -> None:
    assert verdicts(admin) == {
        "registered": "met",
        "activated": "met",
        "launched": "not_met",
        "grades": "unknown",
        "roster": "unknown",
        "deep_linking": "unknown",
    }
    assert "The platform has not told yet" in admin.get(PAGE).text


def test_everything_was_granted(world: World, admin: FlaskClient) -> None:
    change(
        world,
        scopes=[SCOPES[name] for name in ("lineitem", "result.readonly", "contextmembership.readonly")],
        details={"messages": {"LtiDeepLinkingRequest": []}},
    )
    world.open()
    assert set(verdicts(admin).values()) == {"met"}


def test_a_red_line_says_what_it_costs_and_what_to_click_in_that_lms(world: World, admin: FlaskClient) -> None:
    change(world, product="desire2learn", scopes=[SCOPES["lineitem"]], details={"messages": {}})
    found = verdicts(admin)
    assert (found["grades"], found["roster"], found["deep_linking"]) == ("not_met", "not_met", "not_met")
    page = admin.get(PAGE).text
    assert "The tool cannot read grades" in page
    assert "The tool does not see its columns" not in page, "the larger scope holds the smaller one"
    assert "only knows people who have opened it" in page
    assert "in the registration under Manage Extensibility" in page
    assert "switch the extension Deep Linking on" in page
    assert "renewal link" in page


def test_what_the_newest_launch_says_counts_more(world: World, admin: FlaskClient) -> None:
    change(world, scopes=[SCOPES["lineitem"], SCOPES["result.readonly"]])
    assert verdicts(admin)["grades"] == "met"
    world.open(line_items_url="https://lms.example/items", ags_scopes=(SCOPES["lineitem"],))
    assert verdicts(admin)["grades"] == "not_met"
    world.later(minutes=1)
    all_read = (SCOPES["lineitem.readonly"], SCOPES["result.readonly"])
    world.open(course="course-2", line_items_url="https://lms.example/items", ags_scopes=all_read)
    assert verdicts(admin)["grades"] == "met"


def test_a_roster_address_in_a_launch_is_enough(world: World, admin: FlaskClient) -> None:
    world.open()
    assert verdicts(admin)["roster"] == "not_met"
    with world.services.database.write() as session:
        session.execute(update(Context).values(memberships_url="https://lms.example/members"))
    assert verdicts(admin)["roster"] == "met"


def test_no_deployment_is_accepted_yet(world: World, admin: FlaskClient) -> None:
    with world.services.database.write() as session:
        address = "https://new.example/x"
        session.add(
            Registration(
                name="New",
                issuer="https://new.example",
                client_id="1",
                auth_login_url=address,
                auth_token_url=address,
                key_set_url=address,
                accepts_first_deployment=True,
                created_at=START,
            )
        )
    page = admin.get("/admin/platforms/2").text
    assert "The first that opens the tool is accepted." in page
    assert re.findall(r'data-verdict="(\w+)"', page)[1] == "not_met"


def test_a_decision_made_here_leads_back_here(world: World, admin: FlaskClient) -> None:
    row_id = world.add_deployment("new-one")
    assert "new-one" in admin.get(PAGE).text
    answer = send(admin, f"/admin/deployments/{row_id}/accept", PAGE, platform="1")
    assert answer.headers["Location"] == PAGE
    assert "Deployment new-one is accepted." in admin.get(PAGE).text
    answer = send(admin, f"/admin/deployments/{row_id}/accept", PAGE, platform="//elsewhere.example")
    assert answer.status_code == 409


# -- how it fares -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (3, "The clocks agree."),
        (-30, "The clocks agree."),
        (45, "45 seconds ahead of this server"),
        (-100, "100 seconds behind this server"),
    ],
)
def test_clocks(world: World, admin: FlaskClient, skew: int, words: str) -> None:
    with world.services.database.write() as session:
        registrations.note_launch(session, 1, skew, START)
    world.later(minutes=5)
    page = admin.get(PAGE).text
    assert words in page
    assert "5 minutes ago" in page


def test_a_failure_is_said_in_words_until_something_works_again(world: World, admin: FlaskClient) -> None:
    with world.services.database.write() as session:
        registrations.note_failure(session, 1, "token_refused", START)
    page = admin.get(PAGE).text
    assert page.count("key or client id. Check that") == 2, "as a notice, and as the last failure"
    assert "token_refused" in page
    world.later(minutes=5)
    with world.services.database.write() as session:
        registrations.note_token(session, 1, ["https://scope.example"], world.now[0])
    page = admin.get(PAGE).text
    assert page.count("key or client id. Check that") == 1
    assert "https://scope.example" in page


def test_every_code_has_words(world: World) -> None:
    with world.app.test_request_context():
        assert failure_words("context_missing").startswith("Badges belong to courses")
        assert "no words" in failure_words("never_heard_of")
        assert all(failure_words(code).endswith(".") for code in FAILURES)


# -- switching off, rotating ------------------------------------------------------------------------------------------


def test_switching_off_is_asked_first_and_can_be_taken_back(world: World, admin: FlaskClient) -> None:
    assert "Switch off Lakeside?" in admin.get(f"{PAGE}/disable").text
    assert send(admin, f"{PAGE}/disable").headers["Location"] == PAGE
    page = admin.get(PAGE).text
    assert "is switched off." in page
    assert "Switched off since" in page
    assert f"{PAGE}/enable" in page
    send(admin, f"{PAGE}/enable")
    assert "Switched off since" not in admin.get(PAGE).text
    assert actions(world)[-2:] == ["registration.disabled", "registration.enabled"]
    assert admin.get(f"{PAGE}/explode").status_code == 404


def test_keys_are_rotated(world: World, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "none yet" in admin.get(PAGE).text
    assert "signs now" in admin.get("/admin/keys/rotate").text
    with world.services.database.read() as session:
        before = session.scalars(select(ToolKey.kid).where(ToolKey.state == "active")).one()
    world.later(minutes=20)
    assert send(admin, "/admin/keys/rotate").status_code == 303
    page = admin.get("/admin/keys/rotate").text
    assert "The next key signs from now on" in page
    assert re.search(rf"{before}.*?retired, still published", page, re.DOTALL)
    assert "made 20 minutes ago" in admin.get(PAGE).text, "the key that signs now was published before"
    assert actions(world)[-1] == "tool_key.rotated"

    def busy() -> None:
        raise ConflictError("no", code="key_rotation_conflict")

    monkeypatch.setattr(type(world.services.tool_keys), "rotate", lambda _self: busy())
    send(admin, "/admin/keys/rotate")
    assert "Somebody else is rotating" in admin.get("/admin/keys/rotate").text


# -- adopt ------------------------------------------------------------------------------------------------------------


def test_taking_over_is_previewed_and_confirmed(world: World, admin: FlaskClient) -> None:
    world.open(sub="ada")
    with world.services.database.write() as session:
        registrations.add_by_hand(
            session,
            actor="cli",
            now=START,
            settings=world.services.settings,
            name="Lakeside anew",
            issuer="https://lms.example",
            client_id="client-2",
            auth_login_url="https://lms.example/auth",
            auth_token_url="https://lms.example/token",
            key_set_url="https://lms.example/jwks",
            deployment_ids=["2"],
        )
    world.open(registration_id=2, deployment_row_id=2, organization_id=2, sub="ada")
    address = "/admin/platforms/2/adopt"
    assert "What should Lakeside anew take over?" in admin.get(address).text
    assert f"{address}/1" in admin.get(address).text
    preview = admin.get(f"{address}/1").text
    assert re.search(r"<dt>1</dt><dd>people known to both become one", preview)
    assert re.search(r"<dt>1</dt><dd>courses known to both become one", preview)
    figures = re.search(r'name="figures" value="([\d-]+)"', preview)
    assert figures
    assert send(admin, f"{address}/1", figures="0").status_code == 409
    assert send(admin, f"{address}/1", figures=figures[1]).headers["Location"] == "/admin/platforms/2"
    assert "took over from “Lakeside”" in admin.get("/admin/platforms/2").text
    assert "Took over from" in admin.get("/admin/platforms/2").text
    old = admin.get(PAGE).text
    assert "“Lakeside anew” took over from this registration" in old
    assert "/renew" not in old
    assert "There is no other registration" in admin.get("/admin/platforms/2/adopt").text
