"""A learner's badge in other forms: each with what it is for, the files of 2.0 when asked for, and new copies."""

import io
import json
import re
import zipfile
from collections.abc import Iterator

import jwt
import pytest
from claims import SAME_ORIGIN, Wallets, page_token, wallets_on
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_tool.models import Award, CredentialVersion, HostedAssertion, IssuerJwsKey, IssuerProfile, User
from lti_tool.openbadges import baking
from lti_tool.services import revoking

OLDER = "For older backpacks"


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada claimed her badge; a minute passed."""
    with wallets_on(migrated_sqlite_url) as wallets:
        with wallets.services.database.write() as session:
            profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
            profile.url, profile.email = "https://lakeside.example", "badges@lakeside.example"
        wallets.claim()
        wallets.course.later(minutes=1)
        yield wallets


@pytest.fixture
def ada(wallets: Wallets) -> FlaskClient:
    """Ada's browser."""
    return wallets.browser(wallets.ada)


def files_on(page: str) -> list[str]:
    """Endings of the files that a page offers."""
    return re.findall(r'download="[\w-]+\.([\w.]+)"', page)


def make(wallets: Wallets, browser: FlaskClient, **form: str) -> str:
    """Send the form for a new copy; returns the page after it."""
    page = browser.get(wallets.mine("/badges/1/copy")).text
    data = {"csrf_token": page_token(page), **form}
    answer = browser.post(wallets.mine("/badges/1/copy"), data=data, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    return browser.get(answer.location).text


def forget_address(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        session.get_one(User, wallets.ada).email = None


def newest(wallets: Wallets) -> CredentialVersion:
    with wallets.services.database.read() as session:
        return session.scalars(select(CredentialVersion).order_by(CredentialVersion.number.desc())).first()  # type: ignore[return-value]


# -- files ------------------------------------------------------------------------------------------------------------


def test_each_file_is_offered_and_answers(wallets: Wallets, ada: FlaskClient) -> None:
    page = ada.get(wallets.mine("/badges/1")).text
    assert files_on(page) == ["png", "svg", "json"]
    for path in re.findall(r'href="(/credentials/[^"]+)"', page):
        assert ada.get(path).status_code == 200
    assert "The signed badge is inside." in page
    assert wallets.count(HostedAssertion) == 0


def test_the_files_of_older_backpacks_come_when_asked_for(wallets: Wallets, ada: FlaskClient) -> None:
    assert "ada@lakeside.example, scrambled" in ada.get(wallets.mine("/badges/1")).text
    answer = wallets.press(ada, "/badges/1", "second-face")
    page = ada.get(answer.location).text
    assert files_on(page) == ["png", "svg", "json", "ob2.png", "ob2.svg", "ob2.json", "ob2.jws"]
    for path in re.findall(r'href="(/credentials/[^"]+)"', page):
        assert ada.get(path).status_code == 200
    with wallets.services.database.write() as session:
        revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)
    page = ada.get(wallets.mine("/badges/1")).text
    assert OLDER not in page


def test_why_there_are_no_such_files(wallets: Wallets, ada: FlaskClient) -> None:
    with wallets.services.database.write() as session:
        session.get_one(IssuerProfile, wallets.course.issuer_id).email = None
    page = ada.get(wallets.press(ada, "/badges/1", "second-face").location).text
    assert "has not said its e-mail and web address" in page
    assert wallets.count(HostedAssertion) == 0
    make(wallets, ada, subject="none")
    forget_address(wallets)
    page = ada.get(wallets.mine("/badges/1")).text
    assert "second-face" not in page
    assert "Your learning platform gives none of yours." in page


def test_a_badge_with_a_number_has_a_jwt(wallets: Wallets, ada: FlaskClient) -> None:
    path = f"/credentials/{wallets.public_id(1)}"
    refused = ada.get(f"{path}.jwt")
    assert (refused.status_code, "subject_not_bound" in refused.text) == (409, True)
    assert ada.get(path, headers={"Accept": "application/vc+jwt"}).status_code == 409
    assert wallets.count(IssuerJwsKey) == 0
    page = make(wallets, ada, subject="none")
    assert files_on(page) == ["png", "svg", "json", "jwt"]
    answers = [
        ada.get(f"{path}.jwt"),
        ada.get(f"{path}.jwt", headers={"Accept": "text/plain"}),
        ada.get(path, headers={"Accept": "application/vc+jwt"}),
    ]
    assert [one.mimetype for one in answers] == ["application/jwt", "text/plain", "application/vc+jwt"]
    assert len({one.text for one in answers}) == 1
    kid = jwt.get_unverified_header(answers[0].text)["kid"]
    jwk = json.loads(ada.get(kid.removeprefix("http://localhost:8000")).text)
    claims = jwt.decode(
        answers[0].text, jwt.PyJWK.from_dict(jwk).key, algorithms=["RS256"], options={"verify_exp": False}
    )
    document = json.loads(newest(wallets).document or "")
    assert claims["sub"] == claims["credentialSubject"]["id"] == document["credentialSubject"]["id"]
    assert claims["jti"] == document["id"]
    assert ada.get("/credentials/unknown.jwt").status_code == 404


def test_an_svg_carries_the_signed_document(wallets: Wallets, ada: FlaskClient) -> None:
    path = f"/credentials/{wallets.public_id(1)}"
    answer = ada.get(f"{path}.svg")
    assert (answer.mimetype, answer.headers["X-Robots-Tag"]) == ("image/svg+xml", "noindex, nofollow")
    assert "img-src data:" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert baking.unbake_svg(answer.data) == ada.get(f"{path}.json").text


# -- a new copy -------------------------------------------------------------------------------------------------------


def test_the_page_says_what_the_badge_carries_and_could(wallets: Wallets, ada: FlaskClient) -> None:
    page = ada.get(wallets.mine("/badges/1/copy")).text
    assert "ada@lakeside.example" in page
    assert re.findall(r'name="subject" value="(\w+)"', page) == ["keep", "none"]
    with wallets.services.database.write() as session:
        session.get_one(User, wallets.ada).email = "ada.new@lakeside.example"
    assert "another name or address of yours now" in ada.get(wallets.mine("/badges/1")).text
    page = ada.get(wallets.mine("/badges/1/copy")).text
    assert re.findall(r'name="subject" value="(\w+)"', page) == ["keep", "email", "none"]


def test_a_new_copy_is_made_and_signed_at_once(wallets: Wallets, ada: FlaskClient) -> None:
    page = make(wallets, ada, show_name="yes", subject="keep", replaces="yes")
    assert "Your badge has a new copy." in page
    assert "Ada Okafor" in page
    copy = newest(wallets)
    assert (copy.number, copy.replaces, copy.document is not None) == (2, True, True)


def test_nothing_changed_is_nothing_made(wallets: Wallets, ada: FlaskClient) -> None:
    page = make(wallets, ada, subject="keep")
    assert "would say the same" in page
    assert "Make a new copy with" in page
    assert newest(wallets).number == 1


def test_what_is_no_choice_is_refused(wallets: Wallets, ada: FlaskClient) -> None:
    data = {"csrf_token": page_token(ada.get(wallets.mine("/badges/1/copy")).text), "subject": "somebody"}
    assert ada.post(wallets.mine("/badges/1/copy"), data=data, headers=SAME_ORIGIN).status_code == 422


def test_a_badge_that_does_not_hold_gets_no_copy(wallets: Wallets, ada: FlaskClient) -> None:
    with wallets.services.database.write() as session:
        session.get_one(Award, wallets.award_id()).valid_until = wallets.course.now
    answer = ada.get(wallets.mine("/badges/1/copy"))
    assert answer.status_code == 303
    assert "This badge has expired" in ada.get(answer.location).text


def test_nobody_elses(wallets: Wallets) -> None:
    ben = wallets.browser(wallets.course.person("ben"))
    token = page_token(ben.get(wallets.mine()).text)
    assert ben.get(wallets.mine("/badges/1/copy")).status_code == 404
    for path in ("/badges/1/copy", "/badges/1/second-face"):
        answer = ben.post(wallets.mine(path), data={"csrf_token": token}, headers=SAME_ORIGIN)
        assert answer.status_code in (400, 403, 404)
    assert (newest(wallets).number, wallets.count(HostedAssertion)) == (1, 0)


# -- everything I have ------------------------------------------------------------------------------------------------


def test_the_archive_has_every_form_that_exists(wallets: Wallets, ada: FlaskClient) -> None:
    wallets.press(ada, "/badges/1", "second-face")
    path = f"/credentials/{wallets.public_id(1)}"
    signed = ada.get(f"{path}.ob2.jws").text
    make(wallets, ada, subject="none")
    token = ada.get(f"{path}.jwt").text
    answer = ada.get("/mine/badges.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archived:
        assert archived.testzip() is None
        files = {name: archived.read(name) for name in archived.namelist()}
    assert files["badges/01-writer.jwt"].decode() == token
    assert files["badges/01-writer.ob2.json"].decode() == ada.get(f"{path}.ob2.json").text
    assert files["badges/01-writer.ob2.jws"].decode() == signed
    assert baking.unbake_png(files["badges/01-writer.ob2.png"], baking.V2) == ada.get(f"{path}.ob2.json").text
    (badge,) = json.loads(files["index.json"])["badges"]
    named = {*badge["files"], *badge["openBadges2"], *(one for copy in badge["earlierCopies"] for one in copy)}
    assert named == {name for name in files if name.startswith("badges/")}
    assert badge["earlierCopies"] == [["badges/earlier/01-writer-copy-1.json", "badges/earlier/01-writer-copy-1.png"]]
    for name in named:
        assert f'href="{name}"' in files["index.html"].decode()
    with wallets.services.database.write() as session:
        revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)
    with zipfile.ZipFile(io.BytesIO(ada.get("/mine/badges.zip").data)) as archived:
        assert not [name for name in archived.namelist() if ".ob2." in name]
