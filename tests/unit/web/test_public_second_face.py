"""Open Badges 2.0 at addresses of its own: always JSON to whoever asks, gone with a body when revoked."""

import json
from collections.abc import Iterator

import jwt
import pytest
from claims import TOOL, Wallets, wallets_on
from flask.testing import FlaskClient

from lti_tool.models import Credential, HostedAssertion, IssuerJwsKey, IssuerProfile
from lti_tool.openbadges import baking
from lti_tool.openbadges.v3_model import identity_hash
from lti_tool.services import achievements, issuers, jws_keys, revoking, second_face

BADGR = {"Accept": "application/ld+json, application/json, image/png, image/svg+xml"}
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
LINKED = "application/ld+json"


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered, by an issuer that 2.0 takes."""
    with wallets_on(migrated_sqlite_url) as wallets:
        with wallets.services.database.write() as session:
            profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
            profile.url, profile.email = "https://lakeside.example", "badges@lakeside.example"
        yield wallets


@pytest.fixture
def anyone(wallets: Wallets) -> FlaskClient:
    """A program that never launched."""
    return wallets.app.test_client()


@pytest.fixture
def address(wallets: Wallets) -> str:
    """The path of Ada's hosted assertion."""
    return hosted(wallets, wallets.claim())


def hosted(wallets: Wallets, credential_id: int) -> str:
    with wallets.services.database.write() as session:
        credential = session.get_one(Credential, credential_id)
        return path_of(second_face.ensure_hosted(session, credential, None, wallets.course.now))


def path_of(url: str) -> str:
    assert url.startswith(TOOL)
    return url.removeprefix(TOOL)


def revoke(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (BADGR, LINKED),
        (BROWSER, LINKED),
        ({}, LINKED),
        ({"Accept": "image/png"}, LINKED),
        ({"Accept": "application/json"}, "application/json"),
    ],
)
def test_whoever_asks_gets_json(
    wallets: Wallets, anyone: FlaskClient, address: str, accept: dict[str, str], media_type: str
) -> None:
    answer = anyone.get(address, headers=accept)
    assert (answer.status_code, answer.mimetype) == (200, media_type)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    document = json.loads(answer.text)
    assert (document["type"], document["id"]) == ("Assertion", TOOL + address)
    for part in (document["badge"], json.loads(anyone.get(path_of(document["badge"])).text)["issuer"]):
        assert anyone.get(path_of(part), headers=accept).mimetype == media_type


def test_it_says_what_the_award_says(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    assertion = json.loads(anyone.get(address).text)
    credential = wallets.document(1)
    assert assertion["issuedOn"] == credential["awardedDate"]
    recipient = assertion["recipient"]
    assert recipient["identity"] == identity_hash("ada@lakeside.example", recipient["salt"])
    assert recipient["salt"] != credential["credentialSubject"]["identifier"][0]["salt"]
    badge = json.loads(anyone.get(path_of(assertion["badge"])).text)
    achievement = credential["credentialSubject"]["achievement"]
    assert (badge["name"], badge["criteria"]) == (achievement["name"], achievement["criteria"])
    assert badge["image"]["id"] == achievement["image"]["id"]
    assert badge["alignment"][0]["targetName"] == achievement["alignment"][0]["targetName"]
    issuer = json.loads(anyone.get(path_of(badge["issuer"])).text)
    assert (issuer["url"], issuer["email"]) == ("https://lakeside.example", "badges@lakeside.example")


def test_there_is_nothing_until_it_is_asked_for(wallets: Wallets, anyone: FlaskClient) -> None:
    public_id = wallets.public_id(wallets.claim())
    for ending in ("json", "png", "svg", "jws"):
        assert anyone.get(f"/credentials/{public_id}.ob2.{ending}").status_code == 404
        assert anyone.get(f"/credentials/unknown.ob2.{ending}").status_code == 404
    assert wallets.count(HostedAssertion) == wallets.count(IssuerJwsKey) == 0


def test_a_revoked_assertion_is_gone_and_says_so(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    before = anyone.get(address)
    anyone.get(address.replace(".json", ".jws"))
    revoke(wallets)
    for path in (address, address.replace(".json", ".png"), address.replace(".json", ".svg")):
        gone = anyone.get(path, headers=BADGR | {"If-None-Match": before.headers["ETag"]})
        assert (gone.status_code, gone.mimetype) == (410, LINKED)
        assert json.loads(gone.text) == {
            "@context": "https://w3id.org/openbadges/v2",
            "type": "Assertion",
            "id": TOOL + address,
            "revoked": True,
        }
        assert gone.headers["Access-Control-Allow-Origin"] == "*"
        again = anyone.get(path, headers={"If-None-Match": gone.headers["ETag"]})
        assert again.status_code == 410
    assert anyone.get(address.replace(".json", ".jws")).status_code == 200


def test_a_signed_form_leads_to_its_key_and_the_revocation_list(
    wallets: Wallets, anyone: FlaskClient, address: str
) -> None:
    text = anyone.get(address.replace(".json", ".jws")).text
    assert anyone.get(address.replace(".json", ".jws")).text == text
    claims = jwt.decode(text, options={"verify_signature": False})
    assert claims["verification"]["type"] == "SignedBadge"
    key = json.loads(anyone.get(path_of(claims["verification"]["creator"])).text)
    jwt.PyJWS().decode(text, key["publicKeyPem"], algorithms=["RS256"])
    issuer = json.loads(anyone.get(path_of(key["owner"])).text)
    assert issuer["publicKey"] == key["id"]
    badge = json.loads(anyone.get(path_of(claims["badge"])).text)
    assert (badge["id"], badge["issuer"]) == (claims["badge"], issuer["id"])
    listed = path_of(issuer["revocationList"])
    assert json.loads(anyone.get(listed).text)["revokedAssertions"] == []
    revoke(wallets)
    revoked, nothing = json.loads(anyone.get(listed).text)["revokedAssertions"]
    assert revoked == {"id": claims["id"], "revoked": True}
    assert nothing["id"] != claims["id"]


def test_pictures_carry_the_assertion(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    text = anyone.get(address).text
    png, svg = (anyone.get(address.replace(".json", ending), headers=BADGR) for ending in (".png", ".svg"))
    assert (png.mimetype, svg.mimetype) == ("image/png", "image/svg+xml")
    assert baking.unbake_png(png.data, baking.V2) == baking.unbake_svg(svg.data, baking.V2) == text
    assert f'verify="{TOOL}{address}"' in svg.text
    assert json.loads(text)["image"] == TOOL + address.replace(".json", ".png")


def test_a_version_that_was_awarded_answers_for_ever(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    badge = path_of(json.loads(anyone.get(address).text)["badge"])
    assert badge.endswith("/versions/1.ob2.json")
    before = anyone.get(badge).text
    with wallets.services.database.write() as session:
        achievement = achievements.get_achievement(session, wallets.course.context_id, wallets.achievement_id)
        version = achievement.current_version
        assert version is not None
        content = achievements.Content(
            name="Author",
            description="Another",
            criteria_narrative="Harder",
            picture_sha256=version.picture_sha256,
            language="en",
        )
        achievements.write_content(session, achievement, content, wallets.course.now)
    assert anyone.get(badge).text == before
    assert json.loads(anyone.get(badge.replace("/1.", "/2.")).text)["name"] == "Author"
    for number in (0, 7):
        assert anyone.get(badge.replace("/1.", f"/{number}.")).status_code == 404


def test_a_version_nobody_has_is_shown_only_when_published(wallets: Wallets, anyone: FlaskClient) -> None:
    with wallets.services.database.read() as session:
        achievement = achievements.get_achievement(session, wallets.course.context_id, wallets.achievement_id)
        path = f"/achievements/{achievement.public_id}/versions/1.ob2.json"
    assert anyone.get(path).status_code == 200
    with wallets.services.database.write() as session:
        achievement = achievements.get_achievement(session, wallets.course.context_id, wallets.achievement_id)
        achievement.state = type(achievement.state).REVIEW
    assert anyone.get(path).status_code == 404


def test_an_issuer_without_an_address_has_no_profile(wallets: Wallets, anyone: FlaskClient) -> None:
    with wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
        profile.email, path = None, path_of(profile.url_id)
    assert anyone.get(f"{path}.ob2.json").status_code == 404
    assert anyone.get(path).status_code == 200


def test_keys_stay_listed_after_a_rotation(wallets: Wallets, anyone: FlaskClient, address: str) -> None:
    text = anyone.get(address.replace(".json", ".jws")).text
    with wallets.services.database.write() as session:
        profile = issuers.get_issuer(session, session.get_one(IssuerProfile, wallets.course.issuer_id).public_id)
        path = path_of(profile.url_id)
        jws_keys.rotate_key(session, profile, wallets.services.vault, wallets.course.now)
    assert anyone.get(address.replace(".json", ".jws")).text == text
    claims = jwt.decode(text, options={"verify_signature": False})
    badge = json.loads(anyone.get(path_of(claims["badge"])).text)
    assert json.loads(anyone.get(path_of(badge["issuer"])).text)["publicKey"] == claims["verification"]["creator"]
    assert "publicKey" not in json.loads(anyone.get(f"{path}.ob2.json").text)
    methods = json.loads(anyone.get(path).text)["verificationMethod"]
    assert [one["type"] for one in methods] == ["Multikey", "JsonWebKey", "JsonWebKey"]
    for method in methods[1:]:
        document = json.loads(anyone.get(path_of(method["id"])).text)
        assert document["controller"] == TOOL + path
        assert {name: document[name] for name in method["publicKeyJwk"]} == method["publicKeyJwk"]
    for unknown in ("x", "x.ob2.json", "x/profile.ob2.json"):
        assert anyone.get(f"{path}/keys/{unknown}").status_code == 404
    creator = claims["verification"]["creator"].rpartition("/")[2]
    assert anyone.get(path_of(claims["badge"]).replace(creator, "x.ob2.json")).status_code == 404
