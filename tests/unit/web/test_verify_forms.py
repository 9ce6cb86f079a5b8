"""Every form of one badge at its own address, checked by the page that checks anybody's badge."""

import io
from collections.abc import Iterator

import pytest
from claims import TOOL, Wallets, wallets_on
from flask.testing import FlaskClient

from lti_tool.jobs import signing
from lti_tool.models import Credential, CredentialVersion, IssuerProfile, SubjectKind
from lti_tool.services import revoking, second_face
from lti_tool.web.public_verify import limiter

JSON = {"Accept": "application/json"}
FORMS = (".json", ".png", ".svg", ".ob2.json", ".ob2.png", ".ob2.svg", ".ob2.jws")


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered, by an issuer that 2.0 takes."""
    with wallets_on(migrated_sqlite_url) as wallets:
        limiter.reset()
        with wallets.services.database.write() as session:
            profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
            profile.url, profile.email = "https://lakeside.example", "badges@lakeside.example"
        yield wallets


@pytest.fixture
def address(wallets: Wallets) -> str:
    """Ada's claimed badge, whose 2.0 face was asked for; the address of all its forms, without ending."""
    credential_id = wallets.claim()
    with wallets.services.database.write() as session:
        credential = session.get_one(Credential, credential_id)
        second_face.ensure_hosted(session, credential, None, wallets.course.now)
        second_face.signed_form(session, credential.public_id, wallets.services.vault, wallets.course.now)
        return credential.url_id


def outcome(client: FlaskClient, **form: object) -> str:
    answer = client.post("/verify", data=form, headers=JSON, content_type="multipart/form-data")
    assert answer.status_code == 200, answer.text
    found: str = answer.json["outcome"]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_by_address_and_as_a_file_with_its_owner(wallets: Wallets, address: str, form: str) -> None:
    client = wallets.app.test_client()
    assert outcome(client, url=address + form, email="ada@lakeside.example") == "valid"
    content = client.get((address + form).removeprefix(TOOL), headers={"Accept": "*/*"}).data
    assert outcome(client, file=(io.BytesIO(content), "badge"), email="ada@lakeside.example") == "valid"
    assert outcome(client, file=(io.BytesIO(content), "badge"), email="eve@lakeside.example") == "invalid"


@pytest.mark.parametrize("form", FORMS)
def test_a_revoked_one_is_revoked_in_every_form(wallets: Wallets, address: str, form: str) -> None:
    client = wallets.app.test_client()
    content = client.get((address + form).removeprefix(TOOL), headers={"Accept": "*/*"}).data
    with wallets.services.database.write() as session:
        revoking.revoke_award(session, wallets.award_id(), "A mistake.", "staff:1", wallets.course.now)
    assert outcome(client, file=(io.BytesIO(content), "badge")) == "revoked"
    assert outcome(client, url=address + form) == "revoked"


def test_a_jwt_of_a_bound_badge(wallets: Wallets) -> None:
    credential_id = wallets.claim(sign=False)
    with wallets.services.database.write() as session:
        (version,) = session.get_one(Credential, credential_id).versions
        version.subject_kind, version.subject = SubjectKind.DID, "did:example:ada"
        version_id = version.id
    signing.issue(wallets.services, version_id)
    client = wallets.app.test_client()
    with wallets.services.database.read() as session:
        url = session.get_one(CredentialVersion, version_id).credential.url_id
    text = client.get(f"{url.removeprefix(TOOL)}.jwt").data
    assert text.count(b".") == 2
    assert outcome(client, document=text.decode()) == "valid"
    assert outcome(client, url=f"{url}.jwt") == "valid"
    header, payload, signature = text.decode().split(".")
    assert outcome(client, document=f"{header}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}") == (
        "tampered"
    )


def test_the_page_says_in_words_what_a_hosted_badge_rests_on(wallets: Wallets, address: str) -> None:
    page = wallets.app.test_client().post("/verify", data={"url": f"{address}.ob2.json"}).text
    assert 'data-outcome="valid"' in page
    assert "It is kept at an address of its own." in page
