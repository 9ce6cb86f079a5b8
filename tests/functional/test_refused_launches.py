"""Launches that must not work, over HTTP: each refused with its own code, on a page that a person understands inside
the platform's frame, or as JSON for a program; and nothing of them is kept.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from platforms.journeys import LEARNED_FROM_LAUNCHES, Browser, School, school_on
from platforms.quirks import CANVAS
from platforms.strict import REMOVED

from lti_tool.demo.browser import Form
from lti_tool.lti.login_state import COOKIE_PREFIX
from lti_tool.lti.registration import disable_registration
from lti_tool.models import Context, StaffRole
from lti_tool.services import staff

KEPT = (*LEARNED_FROM_LAUNCHES, Context)
FOREIGN = "https://elsewhere.example/launch"
JSON = "application/json"
Prepare = Callable[[School, Browser], Form]
"""Brings a browser to the point of no return; returns the request that must be refused."""


@pytest.fixture
def school(live: Any, migrated_sqlite_url: str) -> Iterator[School]:
    """A school on a hosted platform: its issuer is not the host whose page frames the tool."""
    with school_on(live, migrated_sqlite_url, CANVAS) as school:
        yield school


# -- ways to go wrong -------------------------------------------------------------------------------------------------


def answer(school: School, fields: dict[str, str]) -> Form:
    return Form(f"{school.url}/lti/launch", "post", fields=fields)


def with_claims(**claims: Any) -> Prepare:
    def prepare(school: School, browser: Browser) -> Form:
        school.knock("learner", browser)
        state, nonce = school.asked()
        changed = {"nonce": nonce} | claims
        return answer(school, school.platform.launch_form("learner", state, changed.pop("nonce"), **changed))

    return prepare


def signed_with(algorithm: str) -> Prepare:
    def prepare(school: School, browser: Browser) -> Form:
        school.knock("learner", browser)
        state, nonce = school.asked()
        secret = school.platform.client_id.encode()
        token = school.platform.sign(school.platform.claims("learner", nonce), algorithm, secret)
        return answer(school, {"id_token": token, "state": state})

    return prepare


def replayed(school: School, browser: Browser) -> Form:
    form = school.knock("learner", browser).forms[0]
    browser.post(form)
    assert "/courses/" in browser.url
    return form


def to_foreign_target(school: School, browser: Browser) -> Form:
    return Form(f"{school.url}/lti/login", "post", fields=school.platform.login_form("learner", FOREIGN))


def in_another_browser(school: School, browser: Browser) -> Form:
    """Somebody is made to end a login that another began."""
    school.knock("learner", browser)
    return school.knock("teacher").forms[0]


def with_another_cookie(school: School, browser: Browser) -> Form:
    form = school.knock("learner", browser).forms[0]
    (cookie,) = (one for one in browser.cookies if one.name.startswith(COOKIE_PREFIX))
    cookie.value = "another-browser"
    return form


def too_late(school: School, browser: Browser) -> Form:
    school.knock("learner", browser)
    state, nonce = school.asked()
    school.watch.forward(minutes=10, seconds=1)
    return answer(school, school.platform.launch_form("learner", state, nonce))


def refused_by_the_platform(school: School, browser: Browser) -> Form:
    form = school.knock("stranger", browser).forms[0]
    assert form.fields["error"] == "access_denied"
    return form


def from_a_disabled_platform(school: School, browser: Browser) -> Form:
    disable(school)
    return Form(f"{school.url}/lti/login", "post", fields=school.platform.login_form("learner"))


def disabled_meanwhile(school: School, browser: Browser) -> Form:
    form = school.knock("learner", browser).forms[0]
    disable(school)
    return form


def disable(school: School) -> None:
    with school.services.database.write() as session:
        disable_registration(session, school.platform.registration()["name"], school.watch())


WAYS: dict[str, tuple[Prepare, str]] = {
    "the same launch again": (replayed, "launch_replayed"),
    "a nonce nobody gave out": (with_claims(nonce="made-up"), "nonce_mismatch"),
    "no exp": (with_claims(exp=REMOVED), "token_claim_exp"),
    "for another tool": (with_claims(aud="another-client"), "token_audience"),
    "another authorised party": (with_claims(azp="another-client"), "token_party"),
    "unknown deployment": (with_claims(deployment_id="deployment-9"), "deployment_pending"),
    "unsigned": (signed_with("none"), "token_algorithm"),
    "signed with a shared secret": (signed_with("HS256"), "token_algorithm"),
    "launch to another host": (with_claims(target_link_uri=FOREIGN), "target_link_foreign"),
    "login to another host": (to_foreign_target, "target_link_foreign"),
    "another browser's login": (in_another_browser, "cookies_blocked"),
    "another browser's cookie": (with_another_cookie, "browser_mismatch"),
    "ten minutes late": (too_late, "state_expired"),
    "the platform says no": (refused_by_the_platform, "platform_refused_login"),
    "disabled platform": (from_a_disabled_platform, "platform_disabled"),
    "disabled meanwhile": (disabled_meanwhile, "platform_disabled"),
}


@pytest.mark.parametrize("accept", [None, JSON], ids=["page", "json"])
@pytest.mark.parametrize(("prepare", "code"), WAYS.values(), ids=WAYS)
def test_refused_and_nothing_kept(school: School, prepare: Prepare, code: str, accept: str | None) -> None:
    browser = Browser(accept=accept)
    form = prepare(school, browser)
    before = school.count(*KEPT)
    browser.post(form)
    assert school.count(*KEPT) == before
    assert 400 <= browser.status < 500
    if accept == JSON:
        assert_document(browser, code)
    else:
        assert_page(school, browser, code)


def assert_page(school: School, browser: Browser, code: str) -> None:
    """What happened, what to try and the code, inside the frame of the platform and nobody else's."""
    assert browser.headers["Content-Type"].startswith("text/html")
    assert re.search(r"<h1>[^<]{10,}</h1>", browser.text)
    assert re.search(r"<h2>[^<]+</h2>\s*<ul><li>[^<]{10,}</li>", browser.text)
    assert f">{code}<" in browser.text
    assert "Traceback" not in browser.text
    (framing,) = re.findall(r"frame-ancestors ([^;]+)", browser.headers["Content-Security-Policy"])
    assert school.platform.base_url in framing.split()
    assert not {"*", "'none'"} & set(framing.split())
    assert "X-Frame-Options" not in browser.headers
    assert browser.headers["Cache-Control"] == "no-store"


def assert_document(browser: Browser, code: str) -> None:
    assert browser.headers["Content-Type"] == JSON
    document = json.loads(browser.text)
    assert document["error"] == code
    assert document["title"]
    assert document["message"]
    assert document["remedies"]
    assert document["request_id"]


def test_a_refused_launch_is_used_up(school: School) -> None:
    """What was wrong can't be put right afterwards: the state is gone."""
    browser = Browser()
    browser.post(with_claims(nonce="made-up")(school, browser))
    state, nonce = school.asked()
    school.answer(browser, school.platform.launch_form("learner", state, nonce))
    assert browser.status == 403
    assert ">launch_replayed<" in browser.text


def test_blocked_cookies_have_a_way_out(school: School) -> None:
    """The page's link begins the same login again, in a window of its own, where cookies are kept."""
    framed = school.knock("learner", Browser(refusing=COOKIE_PREFIX))
    framed.post(framed.forms[0])
    assert framed.status == 403
    assert ">cookies_blocked<" in framed.text
    window = Browser()
    window.open(framed.link("/lti/login?"))
    window.submit_until("/courses/")
    assert window.status == 200


# -- an admin decides about deployments -------------------------------------------------------------------------------


def sign_in(school: School) -> Browser:
    """An admin who followed an invite."""
    with school.services.database.write() as session:
        token = staff.invite(session, "admin@school.example", StaffRole.ADMIN, school.watch())
    admin = Browser()
    admin.open(f"{school.url}/staff/join/{token}")
    admin.send(admin.form("/staff/join/"))
    assert admin.url == f"{school.url}/admin/"
    return admin


def test_an_unknown_deployment_waits_for_the_admin(school: School) -> None:
    admin = sign_in(school)
    assert "deployment-9" not in admin.text
    school.platform.deployment_id = "deployment-9"
    learner = school.knock("learner")
    learner.post(learner.forms[0])
    assert ">deployment_pending<" in learner.text

    admin.open("/admin/")
    assert "deployment-9" in admin.text
    admin.send(admin.form("/accept"))
    assert admin.status == 200
    assert school.launch("learner", learner).status == 200


def test_a_refused_deployment_stays_out_until_it_is_accepted(school: School) -> None:
    admin = sign_in(school)
    school.platform.deployment_id = "deployment-9"
    for code in ("deployment_pending", "deployment_disabled"):
        learner = school.knock("learner")
        learner.post(learner.forms[0])
        assert learner.status == 403
        assert f">{code}<" in learner.text
        admin.open("/admin/")
        if code == "deployment_pending":
            admin.send(admin.form("/refuse"))
    assert school.count(*KEPT) == [0] * len(KEPT)
    admin.send(admin.form("/accept"))
    assert school.launch("learner").status == 200


def test_without_a_named_deployment_the_first_one_is_accepted_and_the_second_waits(
    live: Any, migrated_sqlite_url: str
) -> None:
    with school_on(live, migrated_sqlite_url, CANVAS, names_deployment=False) as school:
        assert school.launch("learner").status == 200
        school.platform.deployment_id = "deployment-9"
        learner = school.knock("learner")
        learner.post(learner.forms[0])
        assert ">deployment_pending<" in learner.text
