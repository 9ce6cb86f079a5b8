"""What anybody gets: the page only while it is shared, the signed document to whoever holds the id, by ``Accept``."""

import json
from collections.abc import Iterator

import pytest
from claims import TOOL, Wallets, wallets_on
from flask.testing import FlaskClient

from lti_tool.models import AchievementState, CredentialVersion, IssuerProfile, StatusList
from lti_tool.openbadges.baking import unbake_png
from lti_tool.openbadges.proof import decode_multikey, verify_proof
from lti_tool.services import achievements, issuers, status, wallet

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
JSON = {"Accept": "application/json"}


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


@pytest.fixture
def anyone(wallets: Wallets) -> FlaskClient:
    """A browser that never launched."""
    return wallets.app.test_client()


@pytest.fixture
def address(wallets: Wallets) -> str:
    """The path of Ada's signed badge."""
    return f"/credentials/{wallets.public_id(wallets.claim())}"


def share(wallets: Wallets, credential_id: int = 1) -> None:
    with wallets.services.database.write() as session:
        credential = wallet.get_credential(session, wallets.course.context_id, wallets.ada, credential_id)
        wallet.share(session, credential, "user:1", wallets.course.now)


def path_of(url: str) -> str:
    assert url.startswith(TOOL)
    return url.removeprefix(TOOL)


# -- credentials ------------------------------------------------------------------------------------------------------


def test_the_page_is_closed_until_shared(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    assert anyone.get(address, headers=HTML).status_code == 404
    share(wallets)
    page = anyone.get(address, headers=HTML)
    assert page.status_code == 200
    assert page.headers["X-Robots-Tag"].startswith("noindex")
    assert "Accept" in page.headers["Vary"]
    assert "Set-Cookie" not in page.headers


def test_the_page_says_it_in_the_order_admissions_officers_read(
    wallets: Wallets, anyone: FlaskClient, address: str
) -> None:
    share(wallets)
    page = anyone.get(address, headers=HTML).text
    parts = ["<h1>Writer", "Lakeside College</a>", "Issued to", "Skill of Writer", "How it was assessed", "Earned on"]
    places = [page.index(part) for part in [*parts, "Not revoked", "Verify this badge"]]
    assert places == sorted(places)
    assert f'<meta property="og:image" content="{TOOL}/pictures/' in page
    assert "Ada" not in page
    assert "lakeside.example" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_names_the_holder_who_chose_that(wallets: Wallets, anyone: FlaskClient) -> None:
    credential_id = wallets.claim(show_name=True)
    share(wallets, credential_id)
    page = anyone.get(f"/credentials/{wallets.public_id(credential_id)}", headers=HTML).text
    assert "Ada Okafor" in page


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/vc+ld+json", "application/vc+ld+json"),
        ("application/ld+json", "application/ld+json"),
        ("application/json", "application/json"),
        ("application/vc", "application/vc"),
        ("application/json;q=0.5, application/ld+json", "application/ld+json"),
        (None, "application/vc+ld+json"),
    ],
)
def test_the_document_answers_by_accept_byte_for_byte(
    wallets: Wallets, anyone: FlaskClient, address: str, accept: str | None, media_type: str
) -> None:
    answer = anyone.get(address, headers={"Accept": accept} if accept else {})
    assert answer.status_code == 200
    assert answer.content_type == media_type
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    with wallets.services.database.read() as session:
        assert answer.text == session.get_one(CredentialVersion, 1).document


def test_the_suffix_asks_for_the_document_whatever_accept_says(anyone: FlaskClient, address: str) -> None:
    assert anyone.get(f"{address}.json", headers=HTML).json == anyone.get(address, headers=JSON).json


def test_one_who_has_the_document_gets_304(anyone: FlaskClient, address: str) -> None:
    first = anyone.get(address, headers=JSON)
    again = anyone.get(address, headers={**JSON, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "Accept" in again.headers["Vary"]
    other = anyone.get(address, headers={"Accept": "application/ld+json", "If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_the_picture_holds_the_document(anyone: FlaskClient, address: str) -> None:
    answer = anyone.get(f"{address}.png")
    assert answer.content_type == "image/png"
    assert unbake_png(answer.data) == anyone.get(f"{address}.json").text


def test_the_jwt_form_is_refused_with_its_code(anyone: FlaskClient, address: str) -> None:
    answer = anyone.get(f"{address}.jwt", headers=JSON)
    assert answer.status_code == 409
    assert answer.json is not None
    assert answer.json["error"] == "subject_not_bound"


def test_nothing_answers_until_it_is_signed(wallets: Wallets, anyone: FlaskClient) -> None:
    credential_id = wallets.claim(sign=False)
    share(wallets, credential_id)
    address = f"/credentials/{wallets.public_id(credential_id)}"
    for path in (address, f"{address}.json", f"{address}.png", f"{address}.jwt"):
        assert anyone.get(path, headers=HTML).status_code == 404


@pytest.mark.parametrize("path", ["/credentials/unknown", "/achievements/unknown", "/issuers/unknown", "/status/x"])
def test_what_is_not_there_is_404_in_the_askers_form(anyone: FlaskClient, path: str) -> None:
    page = anyone.get(path, headers=HTML)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    for accept in ("application/json", "application/vc+ld+json", "application/ld+json"):
        answer = anyone.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (404, "application/json")
        assert answer.json is not None
        assert answer.json["error"] == "not_found"


def test_a_revoked_badge_says_so_on_its_page(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    share(wallets)
    with wallets.services.database.write() as session:
        status.revoke(session, session.get_one(CredentialVersion, 1), wallets.course.now)
    page = anyone.get(address, headers=HTML)
    assert page.status_code == 200
    assert "This badge was revoked" in page.text
    assert "Not revoked" not in page.text


# -- what a credential names ------------------------------------------------------------------------------------------


def test_every_address_in_the_document_answers(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    document = wallets.document(1)
    achievement = document["credentialSubject"]["achievement"]
    assert anyone.get(path_of(achievement["id"])).json["name"] == "Writer"  # type: ignore[index]
    assert anyone.get(path_of(achievement["image"]["id"])).content_type == "image/png"
    target = anyone.get(path_of(achievement["alignment"][0]["targetUrl"])).json
    assert target is not None
    assert target["fullStatement"] == "Skill of Writer"
    method = anyone.get(path_of(document["proof"]["verificationMethod"])).json
    assert method is not None
    verify_proof(document, decode_multikey(method["publicKeyMultibase"]))


def test_the_issuer_lists_every_key_the_newest_first(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    url = wallets.document(1)["issuer"]["id"]
    before = anyone.get(path_of(url)).json
    with wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        issuers.add_key(session, profile, wallets.course.vault, wallets.course.now)
    after = anyone.get(path_of(url)).json
    assert before is not None
    assert after is not None
    assert after["assertionMethod"][1:] == before["assertionMethod"]
    assert len(after["assertionMethod"]) == 2


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, "application/ld+json"),
        ("*/*", "application/ld+json"),
        ("application/json", "application/json"),
        (HTML["Accept"], "text/html"),
    ],
)
def test_an_issuer_is_a_document_unless_a_page_is_preferred(
    wallets: Wallets, anyone: FlaskClient, address: str, accept: str | None, mimetype: str
) -> None:
    path = path_of(wallets.document(1)["issuer"]["id"])
    assert anyone.get(path, headers={"Accept": accept} if accept else {}).mimetype == mimetype


def test_did_web_is_an_alias_for_https_issuers_only(wallets: Wallets, anyone: FlaskClient) -> None:
    with wallets.services.database.write() as session:
        public_id = session.get_one(IssuerProfile, wallets.course.issuer_id).public_id
    assert anyone.get(f"/issuers/{public_id}/did.json").status_code == 404
    with wallets.services.database.write() as session:
        session.get_one(IssuerProfile, wallets.course.issuer_id).base_url = "https://badges.example"
    document = anyone.get(f"/issuers/{public_id}/did.json").json
    assert document is not None
    assert document["id"] == f"did:web:badges.example:issuers:{public_id}"
    assert document["alsoKnownAs"] == [f"https://badges.example/issuers/{public_id}"]


def test_a_key_of_another_issuer_is_not_there(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    method = path_of(wallets.document(1)["proof"]["verificationMethod"])
    assert anyone.get(method).status_code == 200
    assert anyone.get(method[:-1] + ("a" if method[-1] != "a" else "b")).status_code == 404


def test_the_status_list_is_signed_once_and_again_after_a_change(
    wallets: Wallets, anyone: FlaskClient, address: str
) -> None:
    path = path_of(wallets.document(1)["credentialStatus"]["statusListCredential"])
    first = anyone.get(path)
    assert first.content_type == "application/vc+ld+json"
    assert first.json is not None
    with wallets.services.database.read() as session:
        key = decode_multikey(issuers.public_keys(session, wallets.course.issuer_id)[0])
        assert session.get_one(StatusList, 1).document == first.text
    verify_proof(first.json, key)
    assert anyone.get(path).text == first.text
    wallets.course.later(minutes=5)
    with wallets.services.database.write() as session:
        status.revoke(session, session.get_one(CredentialVersion, 1), wallets.course.now)
    changed = anyone.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.json is not None
    verify_proof(changed.json, key)
    assert changed.json["credentialSubject"]["encodedList"] != first.json["credentialSubject"]["encodedList"]


def test_the_status_list_is_a_jwt_for_one_who_reads_no_other(
    wallets: Wallets, anyone: FlaskClient, address: str
) -> None:
    path = path_of(wallets.document(1)["credentialStatus"]["statusListCredential"])
    answer = anyone.get(path, headers={"Accept": "application/vc+jwt, application/jwt"})
    assert answer.content_type == "application/vc+jwt"
    assert answer.text.count(".") == 2


def test_pictures_may_be_kept_for_ever(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    url = wallets.document(1)["credentialSubject"]["achievement"]["image"]["id"]
    answer = anyone.get(path_of(url))
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert anyone.get("/pictures/" + "0" * 64 + ".png").status_code == 404


@pytest.mark.parametrize("state", [AchievementState.DRAFT, AchievementState.REVIEW])
def test_a_badge_that_is_not_published_is_not_there(
    wallets: Wallets, anyone: FlaskClient, address: str, state: AchievementState
) -> None:
    achievement = wallets.document(1)["credentialSubject"]["achievement"]
    paths = [path_of(achievement["id"]), path_of(achievement["alignment"][0]["targetUrl"])]
    assert [anyone.get(path, headers=HTML).status_code for path in paths] == [200, 200]
    with wallets.services.database.write() as session:
        found = achievements.get_achievement(session, wallets.course.context_id, wallets.achievement_id)
        found.state = state
    assert [anyone.get(path, headers=HTML).status_code for path in paths] == [404, 404]


@pytest.mark.parametrize("path", ["/", "/about/terms", "/about/privacy", "/verify"])
def test_open_pages_need_nothing_and_set_nothing(anyone: FlaskClient, path: str) -> None:
    page = anyone.get(path)
    assert page.status_code == 200
    assert "<h1>" in page.text
    assert "Set-Cookie" not in page.headers


def test_the_logo_that_backpacks_show_is_there(anyone: FlaskClient) -> None:
    with anyone.get("/static/logo.png") as answer:
        assert answer.data.startswith(b"\x89PNG")


def test_the_document_is_json_that_says_its_own_address(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    assert json.loads(anyone.get(f"{address}.json").text)["id"] == f"{TOOL}{address}"
