"""Installing by one link, over HTTP: the admin of every kind of platform pastes it, looks, registers, and launches.

The platform is stricter than life about what it is sent; what can go wrong there goes wrong here, and nothing of it is
half-stored.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from platforms import journeys
from platforms.journeys import Browser, JourneyError, School
from platforms.quirks import CANVAS, MOODLE, PROFILES, STANDARD, Quirks
from platforms.registration_mishaps import Mishap
from platforms.registration_profiles import PROFILES as REGISTRATION_PROFILES
from platforms.strict import StrictPlatform
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from lti_tool.demo.browser import Form
from lti_tool.models import (
    Context,
    Deployment,
    DeploymentState,
    Organization,
    PlatformInvite,
    Registration,
    User,
)
from lti_tool.services import platform_invites
from lti_tool.services.connection_check import check_connection
from lti_tool.services.platform_page import find_health

NAME = "Lakeside"


@contextmanager
def bare_school(live: Any, database_url: str, quirks: Quirks, **settings: Any) -> Iterator[School]:
    """A platform that this tool does not know yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journeys, "register", lambda *_, **__: None)
        with journeys.school_on(live, database_url, quirks, **settings) as school:
            yield school


@pytest.fixture
def school(live: Any, migrated_sqlite_url: str) -> Iterator[School]:
    """The standard's platform, unknown yet; it is not waited for long."""
    with bare_school(live, migrated_sqlite_url, STANDARD, http_timeout="2,1") as school:
        school.platform.slowness = 1.5
        yield school


def recover(school: School, mishap: Mishap) -> None:
    """The platform works again; a slow one first ends what it does."""
    school.platform.configuration_mishap = school.platform.registration_mishap = None
    time.sleep(school.platform.slowness if mishap is Mishap.SLOW else 0)


def invite(school: School, name: str = NAME, *, renews: bool = False) -> str:
    """Make a link."""
    with school.services.database.write() as session:
        token = platform_invites.invite_platform(
            session, name, product=None, renews=renews, actor="cli", now=school.watch()
        )
    return f"{school.url}/lti/register?invite={token}"


def open_link(school: School, link: str, client: Any = None) -> Browser:
    """What the platform's frame shows when its admin pasted the link."""
    browser = Browser()
    browser.url = f"{school.platform.base_url}/admin"
    browser.open(school.platform.registration_address(link, client))
    return browser


def register(school: School, link: str, client: Any = None, **choices: str) -> Browser:
    """Paste, look, press the button."""
    browser = open_link(school, link, client)
    assert browser.status == 200, browser.text
    browser.post(browser.form("/lti/register"), **choices)
    return browser


def rows(school: School, table: Any) -> list[Any]:
    with school.services.database.read() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def code_of(browser: Browser) -> str:
    """The code for support."""
    found = re.search(r'For support:\s*<span class="code">([a-z_]+)</span>', browser.text)
    assert found, browser.text
    return found[1]


# -- every kind of platform -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quirks", PROFILES.values(), ids=PROFILES)
def test_from_the_link_to_the_first_launch(live: Any, migrated_sqlite_url: str, quirks: Quirks) -> None:
    with bare_school(live, migrated_sqlite_url, quirks) as school:
        link = invite(school)
        browser = register(school, link)
        assert browser.status == 200, browser.text
        assert "“Lakeside” is registered" in browser.text
        assert school.platform.registrations == [(200, [])], "what was sent is right to the letter"
        client = school.platform.client()
        (registration,) = rows(school, Registration)
        assert (registration.name, registration.issuer) == (NAME, school.platform.issuer)
        assert registration.client_id == client.client_id
        assert registration.product == quirks.product
        assert registration.audience == quirks.token_audience
        assert set(registration.scopes) == client.scopes
        deployments = [(one.deployment_id, one.state) for one in rows(school, Deployment)]
        assert deployments == [(one, DeploymentState.ACTIVE) for one in client.deployment_ids]
        assert registration.accepts_first_deployment is not bool(deployments)

        if not client.is_active:
            school.platform.activate(client)
        if not client.deployment_ids:
            school.platform.install(client)
        school.platform.use(client)
        assert "/courses/" in school.launch("teacher").url
        assert [one.state for one in rows(school, Deployment)] == [DeploymentState.ACTIVE]
        assert [one.name for one in rows(school, Organization)] == [NAME]
        assert open_link(school, link).status == 409


@pytest.mark.parametrize("quirks", [MOODLE, CANVAS], ids=["moodle", "canvas"])
def test_the_page_says_what_will_not_work_there(live: Any, migrated_sqlite_url: str, quirks: Quirks) -> None:
    with bare_school(live, migrated_sqlite_url, quirks) as school:
        school.platform.scopes_removed_by_admin = {
            "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
        }
        browser = register(school, invite(school))
        assert "What will not work" in browser.text
        assert "only knows people who have opened it" in browser.text
        if quirks is MOODLE:
            assert "press “Activate”" in browser.text
            assert "Badges have no entry in the course's menu" in browser.text
        else:
            assert "names its deployment in a launch" in browser.text
            assert "Lakeside College" in open_link(school, invite(school, "Other")).text


def test_older_moodle_names_its_messages_in_texts(live: Any, migrated_sqlite_url: str) -> None:
    with bare_school(live, migrated_sqlite_url, MOODLE) as school:
        school.platform.profile = REGISTRATION_PROFILES["moodle-old"]
        register(school, invite(school))
        (sent,) = (client.document for client in school.platform.clients.values())
        (registration,) = rows(school, Registration)
        assert registration.details["messages"] == {"LtiDeepLinkingRequest": []}
        assert sent["scope"]


# -- choices ----------------------------------------------------------------------------------------------------------


def test_what_was_unticked_is_not_asked_for(live: Any, migrated_sqlite_url: str) -> None:
    with bare_school(live, migrated_sqlite_url, CANVAS) as school:
        browser = open_link(school, invite(school))
        form = browser.form("/lti/register")
        kept = {name: value for name, value in form.fields.items() if name == "exchange"}
        browser.post(
            Form(form.action, "post", fields=kept | {"placement": "course_navigation", "in_every_course": "yes"})
        )
        document = school.platform.client().document
        tool = document["https://purl.imsglobal.org/spec/lti-tool-configuration"]
        assert set(document["scope"].split()) == {
            f"https://purl.imsglobal.org/spec/lti-ags/scope/{name}" for name in ("lineitem.readonly", "result.readonly")
        }
        assert tool["claims"] == ["iss", "sub"]
        assert tool["https://canvas.instructure.com/lti/privacy_level"] == "anonymous"
        (message,) = tool["messages"]
        assert message["placements"] == ["course_navigation"]
        assert message["custom_parameters"] == {"badges_page": "course"}
        assert message["https://canvas.instructure.com/lti/course_navigation/default_enabled"] is True
        assert tool["custom_parameters"]["context_history"] == "$Context.id.history"
        assert "course_ends_at" not in tool["custom_parameters"], "Canvas did not list its variable"


# -- the frame, and secrets -------------------------------------------------------------------------------------------


def test_the_platform_alone_may_frame_it_and_nothing_is_kept_of_its_address(
    school: School, capfd: pytest.CaptureFixture[str]
) -> None:
    link = invite(school)
    browser = open_link(school, link)
    policy = browser.headers["Content-Security-Policy"]
    assert f"frame-ancestors 'self' {school.platform.base_url}" in policy
    assert browser.headers["Cache-Control"] == "no-store"
    assert browser.headers["Referrer-Policy"] == "no-referrer"
    token = next(iter(school.platform._tokens))
    assert token not in browser.text
    browser.post(browser.form("/lti/register"))
    assert f"frame-ancestors 'self' {school.platform.base_url}" in browser.headers["Content-Security-Policy"]
    logged = "".join(capfd.readouterr())
    assert "path=/lti/register" in logged
    assert token not in logged
    assert link.partition("invite=")[2] not in logged


def test_the_link_alone_says_what_to_do_with_it(school: School) -> None:
    browser = Browser()
    browser.open(invite(school))
    assert browser.status == 200
    assert "This link is for your learning platform" in browser.text
    assert "paste it into your platform" in browser.text


# -- what goes wrong --------------------------------------------------------------------------------------------------

BROKEN_CONFIGURATIONS = {
    Mishap.HTML: "configuration_malformed",
    Mishap.NO_JSON: "configuration_malformed",
    Mishap.HUGE: "configuration_malformed",
    Mishap.OTHER_ISSUER: "configuration_foreign",
    Mishap.REDIRECT: "configuration_redirected",
    Mishap.SLOW: "configuration_unavailable",
    Mishap.REFUSES: "configuration_refused",
    Mishap.FAILS: "configuration_unavailable",
}


@pytest.mark.parametrize(("mishap", "code"), BROKEN_CONFIGURATIONS.items())
def test_a_configuration_that_cannot_be_used(school: School, mishap: Mishap, code: str) -> None:
    link = invite(school)
    school.platform.configuration_mishap = mishap
    browser = open_link(school, link)
    assert (browser.status, code_of(browser)) == (400, code)
    assert school.platform.base_url in browser.headers["Content-Security-Policy"]
    (noted,) = rows(school, PlatformInvite)
    assert (noted.error_code, noted.used_at) == (code, None)
    assert noted.opened_at is not None
    recover(school, mishap)
    assert "is registered" in register(school, link).text


BROKEN_REGISTRATIONS = {
    Mishap.HTML: "registration_answer_invalid",
    Mishap.NO_JSON: "registration_answer_invalid",
    Mishap.REDIRECT: "registration_answer_invalid",
    Mishap.NO_CLIENT_ID: "registration_answer_invalid",
    Mishap.HUGE: "registration_unanswered",
    Mishap.SLOW: "registration_unanswered",
    Mishap.FAILS: "registration_unanswered",
    Mishap.FAILS_AFTER_CREATING: "registration_unanswered",
    Mishap.REFUSES: "registration_rejected",
}


@pytest.mark.parametrize(("mishap", "code"), BROKEN_REGISTRATIONS.items())
def test_a_registration_that_fails_leaves_nothing_and_can_be_tried_again(
    school: School, mishap: Mishap, code: str
) -> None:
    link = invite(school)
    school.platform.registration_mishap = mishap
    browser = register(school, link)
    assert (browser.status, code_of(browser)) == (502, code)
    assert "secret detail" not in browser.text
    assert rows(school, Registration) == rows(school, Organization) == []
    recover(school, mishap)
    assert "is registered" in register(school, link).text
    assert len(rows(school, Registration)) == 1


def test_a_used_registration_token_is_the_platforms_refusal(school: School) -> None:
    link = invite(school)
    browser = open_link(school, link)
    form = browser.form("/lti/register")
    school.platform.registration_mishap = Mishap.FAILS_AFTER_CREATING
    browser.post(form)
    school.platform.registration_mishap = None
    browser.post(form)
    assert code_of(browser) == "registration_rejected"
    assert "invalid_token" in browser.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", "not an address"),
        ("authorization_endpoint", None),
        ("registration_endpoint", "http://192.0.2.1/register"),
        ("jwks_uri", "ftp://x"),
        ("token_endpoint", 5),
        ("scopes_supported", None),
        ("https://purl.imsglobal.org/spec/lti-platform-configuration", None),
    ],
)
def test_what_is_missing_in_the_configuration_is_named(school: School, field: str, value: Any) -> None:
    link = invite(school)
    school.platform.configuration_changes = {field: value}
    browser = open_link(school, link)
    assert code_of(browser) == "configuration_invalid"
    assert field in browser.text


def test_no_way_of_signing_in_common(school: School) -> None:
    school.platform.configuration_changes = {"id_token_signing_alg_values_supported": ["ES256"]}
    browser = open_link(school, invite(school))
    assert code_of(browser) == "configuration_unsupported"


# -- invites ----------------------------------------------------------------------------------------------------------


def test_a_link_ends_after_seven_days_and_at_a_newer_one(school: School) -> None:
    old, new = invite(school), invite(school)
    assert code_of(open_link(school, old)) == "platform_invite_expired"
    form = open_link(school, new).form("/lti/register")
    school.watch.forward(days=7)
    assert code_of(open_link(school, new)) == "platform_invite_expired"
    browser = Browser()
    browser.url = school.url
    browser.post(form)
    assert code_of(browser) == "registration_form_expired"
    unknown = f"{school.url}/lti/register?invite=nobody"
    assert code_of(open_link(school, unknown)) == "platform_invite_unknown"
    assert school.platform.registrations == []


def test_two_at_the_same_time_register_once_here(school: School) -> None:
    link = invite(school)
    first, second = open_link(school, link), open_link(school, link)
    first.post(first.form("/lti/register"))
    second.post(second.form("/lti/register"))
    assert code_of(second) == "platform_invite_used"
    assert len(rows(school, Registration)) == 1


def test_a_forged_form_is_refused(school: School) -> None:
    browser = Browser()
    browser.url = school.url
    for forged in ("", "gAAAAA", "☃", school.services.vault.lock("{}"), school.services.vault.lock("text")):
        browser.post(Form(f"{school.url}/lti/register", "post", fields={"exchange": forged}))
        assert code_of(browser) == "registration_form_expired"


# -- renewal ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quirks", [MOODLE, CANVAS], ids=["moodle", "canvas"])
@pytest.mark.parametrize("is_same_client", [True, False], ids=["same-client", "new-client"])
def test_registering_again_keeps_people_and_courses(
    live: Any, migrated_sqlite_url: str, quirks: Quirks, is_same_client: bool
) -> None:
    with bare_school(live, migrated_sqlite_url, quirks) as school:
        platform = school.platform
        register(school, invite(school))
        first = platform.client()
        platform.activate(first)
        if not first.deployment_ids:
            platform.install(first)
        platform.use(first)
        school.launch("teacher")
        (before,) = rows(school, Registration)

        assert "is up to date" in register(school, invite(school, renews=True), first if is_same_client else None).text
        (after,) = rows(school, Registration)
        assert after.id == before.id
        again = platform.client()
        assert after.client_id == again.client_id
        assert (again.client_id == first.client_id) is is_same_client
        platform.activate(again)
        if not again.deployment_ids:
            platform.install(again)
        platform.use(again)
        school.watch.forward(seconds=6)  # a process remembers a registration for five seconds
        school.launch("teacher")
        assert len(rows(school, User)) == len(rows(school, Context)) == len(rows(school, Deployment)) == 1
        assert [one.name for one in rows(school, Organization)] == [NAME]


@pytest.mark.parametrize("quirks", [MOODLE, CANVAS], ids=["moodle", "canvas"])
@pytest.mark.parametrize("is_same_client", [True, False], ids=["same-client", "new-client"])
def test_registering_again_serves_no_deployment_that_an_admin_refused(
    live: Any, migrated_sqlite_url: str, quirks: Quirks, is_same_client: bool
) -> None:
    with bare_school(live, migrated_sqlite_url, quirks) as school:
        platform = school.platform
        register(school, invite(school))
        first = platform.client()
        platform.activate(first)
        if not first.deployment_ids:
            platform.install(first)
        platform.use(first)
        school.launch("teacher")
        with school.services.database.write() as session:
            session.execute(update(Deployment).values(state=DeploymentState.DISABLED))
        register(school, invite(school, renews=True), first if is_same_client else None)
        again = platform.client()
        platform.activate(again)
        if not again.deployment_ids:
            platform.install(again)
        platform.use(again)
        school.watch.forward(seconds=6)
        with pytest.raises(JourneyError, match="403"):
            school.launch("teacher")
        assert [one.state for one in rows(school, Deployment)] == [DeploymentState.DISABLED]


def test_another_platform_cannot_take_the_place_of_the_first(live: Any, migrated_sqlite_url: str) -> None:
    with bare_school(live, migrated_sqlite_url, STANDARD) as school:
        register(school, invite(school))
        link = invite(school, renews=True)
        other = StrictPlatform(STANDARD, clock=lambda: school.watch().timestamp())
        with other:
            first, school.platform = school.platform, other
            browser = register(school, link)
            school.platform = first
        assert code_of(browser) == "renewal_other_platform"
        assert "made an entry with this client id" in browser.text
        (registration,) = rows(school, Registration)
        assert urlsplit(registration.issuer).netloc == urlsplit(first.issuer).netloc
        assert rows(school, PlatformInvite)[-1].used_at is None


def test_the_same_client_again_is_brought_up_to_date_whatever_the_link_says(school: School) -> None:
    register(school, invite(school))
    first = school.platform.client()
    assert "“Lakeside” is up to date" in register(school, invite(school, "Other"), first).text
    (registration,) = rows(school, Registration)
    assert registration.name == NAME
    assert [one.name for one in rows(school, Organization)] == [NAME]


def test_a_known_client_id_at_other_addresses_is_refused(school: School) -> None:
    register(school, invite(school))
    with school.services.database.write() as session:
        session.execute(update(Registration).values(key_set_url="https://elsewhere.example/jwks"))
    browser = register(school, invite(school, "Other"), school.platform.client())
    assert (browser.status, code_of(browser)) == (409, "registration_exists")
    assert rows(school, Registration)[0].key_set_url == "https://elsewhere.example/jwks"


def test_a_name_taken_meanwhile(school: School) -> None:
    link = invite(school)
    form = open_link(school, link)
    register(school, invite(school, "Other"))
    with school.services.database.write() as session:
        session.execute(update(Registration).values(name=NAME, client_id="other"))
    form.post(form.form("/lti/register"))
    assert (form.status, code_of(form)) == (409, "registration_name_taken")
    assert "made an entry with this client id" in form.text
    noted = next(one for one in rows(school, PlatformInvite) if one.name == NAME)
    assert (noted.error_code, noted.used_at) == ("registration_name_taken", None)


def test_a_failure_of_our_own_database_is_said_and_nothing_is_half_stored(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = invite(school)

    def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("spend", {}, Exception("disk full"))

    with monkeypatch.context() as patch:
        patch.setattr(platform_invites, "spend", broken)
        browser = register(school, link)
    assert (browser.status, code_of(browser)) == (500, "registration_not_stored")
    assert school.platform.client().client_id in browser.text
    assert rows(school, Registration) == rows(school, Organization) == rows(school, Deployment) == []
    assert "is registered" in register(school, link).text


def test_on_postgresql(live: Any, pg_url: str) -> None:
    with bare_school(live, pg_url, CANVAS) as school:
        register(school, invite(school))
        school.platform.install(school.platform.client())
        school.platform.use(school.platform.client())
        school.launch("teacher")
        assert "is up to date" in register(school, invite(school, renews=True), school.platform.client()).text
        assert [one.state for one in rows(school, Deployment)] == [DeploymentState.ACTIVE]


# -- the connection, tested -------------------------------------------------------------------------------------------


def outcomes(school: School) -> list[tuple[str, str | None]]:
    parts = school.services
    found = check_connection(parts.database, parts.http, parts.vault, parts.tool_keys, parts.clock, 1)
    return [(one.check.value, one.code) for one in found]


def test_a_connection_is_tested_step_by_step(live: Any, migrated_sqlite_url: str) -> None:
    with bare_school(live, migrated_sqlite_url, MOODLE) as school:
        register(school, invite(school))
        client = school.platform.client()
        assert outcomes(school) == [("key_set", None), ("access", "token_refused")], "Moodle waits for its admin"
        school.platform.activate(client)
        school.platform.use(client)
        assert outcomes(school) == [("key_set", None), ("access", None)]
        school.platform.end_tokens()
        assert outcomes(school) == [("key_set", None), ("access", None)]
        assert school.platform.token_scopes.total() == 2, "each test asks anew"
        school.platform.remove_scopes(client, *client.scopes)
        assert outcomes(school) == [("key_set", None), ("access", "missing_scope")]
        with school.services.database.write() as session:
            session.execute(update(Registration).values(key_set_url=f"{school.platform.base_url}/nothing"))
        assert outcomes(school)[0] == ("key_set", "key_set_unavailable")
        with school.services.database.read() as session:
            health = find_health(session, 1)
        assert (health.failed_code, health.is_failing) == ("missing_scope", True)
        assert health.token_scopes == ("https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",)


# -- Canvas' developer key --------------------------------------------------------------------------------------------


def test_the_developer_key_document_is_public_and_kept_for_an_hour(school: School) -> None:
    address = f"{school.url}/lti/canvas-config.json"
    first = requests.get(address, timeout=10)
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert "Set-Cookie" not in first.headers
    assert requests.get(address, timeout=10).content == first.content
    assert first.json()["target_link_uri"] == f"{school.url}/lti/launch"
    private = requests.get(f"{address}?privacy=anonymous", timeout=10).json()
    assert private["extensions"][0]["privacy_level"] == "anonymous"
    assert requests.get(f"{address}?privacy=everything", timeout=10).status_code == 422
