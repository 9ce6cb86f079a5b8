"""Another backpack collects in a real browser, a badge's new copy, and the page that checks badges.

The learner's pages are in a learning platform's frame; the backpack is another origin, and passes its visitor on to a
third one as Badgr does. In English and French, wide and narrow.
"""

import base64
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from claims import LEARNER, Wallets, wallets_on
from conftest import served
from looks import Window, both_windows, opened_browser
from playwright.sync_api import Browser, FrameLocator, expect
from served_tool import Front
from werkzeug.wrappers import Request, Response

from lti_tool.jobs import signing
from lti_tool.models import Credential, IssuerProfile, LaunchSession, SubjectKind
from lti_tool.services import second_face
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.sessions import IDLE
from lti_tool.web.rates import limiter

LONG_NAME = "Portfolio and Comprehensive Lifelong Learner Record of the Hillside Consortium of Community Colleges"
SCOPES = "https://purl.imsglobal.org/spec/ob/v3p0/scope/"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).rstrip(b"=").decode()


class Site:
    """Somebody else's site: the platform that frames the tool, or the backpack that collects and passes people on."""

    def __init__(self) -> None:
        self.framed = ""
        self.onward = ""
        self.arrived: list[dict[str, list[str]]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        if request.path == "/callback":
            self.arrived.append(parse_qs(request.query_string.decode()))
            return Response("", 302, {"Location": f"{self.onward}/done"})(environ, start_response)
        frame = f'<iframe title="Badges" src="{self.framed}" width="100%" height="900"></iframe>' if self.framed else ""
        page = f'<!doctype html><html lang="en"><title>Elsewhere</title><h1>Elsewhere</h1>{frame}'
        return Response(page, content_type="text/html")(environ, start_response)


class School:
    """The tool at an address, Ada's badge, a learning platform and a backpack."""

    def __init__(self, wallets: Wallets, base: str, site: Site, platform_url: str, backpack_url: str) -> None:
        self.wallets, self.base, self.site = wallets, base, site
        self.platform_url, self.backpack_url = platform_url, backpack_url
        self.now = wallets.course.now

    def enter(self, language: str) -> str:
        """Return the address of the tool's pages as Ada launched them in her platform's frame."""
        secret, course = new_secret(), self.wallets.course
        with self.wallets.services.database.write() as session:
            session.add(
                LaunchSession(
                    secret_hash=secret_hash(secret),
                    user_id=self.wallets.ada,
                    context_id=course.context_id,
                    deployment_id=course.deployment_id,
                    roles=[LEARNER],
                    is_test_user=False,
                    locale=language,
                    frame_ancestors=[self.platform_url],
                    data={},
                    created_at=course.now,
                    seen_at=course.now,
                    expires_at=course.now + IDLE,
                )
            )
        return f"{self.base}/s/{secret}"

    def register(self, name: str) -> str:
        """Register the backpack by a name; returns the address at which it asks for consent."""
        document = {
            "client_name": name,
            "client_uri": self.backpack_url,
            "tos_uri": f"{self.backpack_url}/terms",
            "policy_uri": f"{self.backpack_url}/privacy",
            "redirect_uris": [f"{self.backpack_url}/callback"],
            "scope": f"{SCOPES}credential.readonly {SCOPES}profile.readonly",
        }
        answer = requests.post(f"{self.base}/ims/ob/oauth/register", json=document, timeout=5)
        assert answer.status_code == 201, answer.text
        query = {
            "response_type": "code",
            "client_id": answer.json()["client_id"],
            "redirect_uri": f"{self.backpack_url}/callback",
            "scope": document["scope"],
            "state": "st4te",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{self.base}/ims/ob/oauth/authorize?{urlencode(query)}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def school(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    path = tmp_path_factory.mktemp("collecting") / "lti-badges.db"
    shutil.copyfile(sqlite_template, path)
    front, site = Front(), Site()
    with served(front) as tool_url, served(site) as platform_url, served(site) as backpack_url:
        base = tool_url.replace("127.0.0.1", "localhost")
        site.onward = platform_url.replace("127.0.0.1", "localhost")
        with wallets_on(f"sqlite:///{path}", public_url=base) as wallets:
            front.app = wallets.app
            limiter.reset()
            with wallets.services.database.write() as session:
                profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
                profile.url, profile.email = "https://lakeside.example", "badges@lakeside.example"
            yield School(wallets, base, site, platform_url, backpack_url)


@pytest.fixture(scope="module", autouse=True)
def claimed(school: School) -> str:
    """Ada's badge, claimed, with its 2.0 face; its address."""
    credential_id = school.wallets.claim()
    with school.wallets.services.database.write() as session:
        credential = session.get_one(Credential, credential_id)
        second_face.ensure_hosted(session, credential, None, school.wallets.course.now)
        return credential.url_id


@pytest.fixture
def windows(browser: Browser) -> Iterator[dict[str, Window]]:
    with both_windows(browser, "collecting") as windows:
        yield windows


def test_a_backpack_is_let_in_with_a_code_from_the_frame(school: School, windows: dict[str, Window]) -> None:
    ask = {"en": school.register("Satchel"), "fr": school.register(LONG_NAME)}
    for language, window in windows.items():
        page, place = window.page, school.enter(language)
        page.goto(f"{place}/mine/collecting")
        window.look("nobody")
        school.site.framed = f"{place}/mine/collecting"
        page.goto(school.platform_url)
        code = make_code(page.frame_locator("iframe"))
        page.goto(ask[language])
        window.look("consent")
        page.locator("#pairing_code").fill("ABCDE-FGHJK")
        page.locator("button[value=allow]").click()
        page.locator("[data-takes-focus]:focus").wait_for()
        window.look("consent-wrong-code")
        page.locator("#pairing_code").fill(code.lower())
        school.site.framed = ""
        page.locator("button[value=allow]").click()
        page.wait_for_url(f"{school.site.onward}/done")
        assert set(school.site.arrived[-1]) >= {"code", "state"}
        page.goto(f"{place}/mine/collecting")
        expect(page.locator("form[action$='/end']")).not_to_have_count(0)
        page.locator("form[action$='/code'] button").click()
        window.look("somebody")
        page.locator("form[action$='/end'] button").first.click()
        window.look("ended")


def make_code(frame: FrameLocator) -> str:
    """Make a code in the frame."""
    frame.locator("form[action$='/code'] button").click()
    shown = frame.locator("#code")
    expect(shown).to_have_text(re.compile(r"^[A-Z0-9]{5}-[A-Z0-9]{5}$"))
    return shown.inner_text()


def test_a_no_goes_back_and_gives_nothing(school: School, windows: dict[str, Window]) -> None:
    for window in windows.values():
        window.page.goto(school.register("Satchel"))
        window.page.locator("button[value=deny]").click()
        window.page.wait_for_url(f"{school.site.onward}/done")
        assert school.site.arrived[-1]["error"] == ["access_denied"]
        assert "code" not in school.site.arrived[-1]
        window.page.goto(f"{school.base}/ims/ob/oauth/authorize?client_id=nobody&redirect_uri=https://x.example")
        window.look("unknown")


def test_a_new_copy_of_a_badge(school: School, windows: dict[str, Window]) -> None:
    for language, window in windows.items():
        window.page.goto(f"{school.enter(language)}{school.wallets.mine('/badges/1')}")
        window.look("badge")
        window.page.locator("a[href$='/copy']").first.click()
        window.look("copy")


def test_badges_of_other_forms_are_checked(school: School, windows: dict[str, Window], claimed: str) -> None:
    forms = {"hosted": {"url": f"{claimed}.ob2.json"}, "jwt": {"document": bound_jwt(school)}}
    for window in windows.values():
        window.page.goto(f"{school.base}/verify")
        window.look("verify")
        for name, fields in forms.items():
            window.page.goto(f"{school.base}/verify")
            for field, value in fields.items():
                window.page.locator(f"#{field}").fill(value)
            window.page.locator("form[enctype] button").click()
            window.page.locator("[data-outcome=valid]").wait_for()
            window.look(f"verify-{name}")


def bound_jwt(school: School) -> str:
    """The JWT of a badge of somebody who has a number of their own."""
    wallets = school.wallets
    ben = wallets.course.person("ben")
    wallets.course.grade(wallets.essay, ben, "90")
    wallets.course.evaluate()
    credential_id = wallets.claim(ben, sign=False)
    with wallets.services.database.write() as session:
        (version,) = session.get_one(Credential, credential_id).versions
        version.subject_kind, version.subject = SubjectKind.DID, "did:example:ben"
        version_id, address = version.id, version.credential.url_id
    signing.issue(wallets.services, version_id)
    assert urlsplit(address).netloc == urlsplit(school.base).netloc
    return requests.get(f"{address}.jwt", timeout=5).text
