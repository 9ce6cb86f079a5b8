"""Verifiers nobody here wrote judge every form of Open Badges 3.0 that a running tool serves, before and after.

``@digitalbazaar/vc`` and ``verifier-core`` (npm) read documents with an embedded proof; ``openbadgeslib`` (PyPI) those,
VC-JWT and baked pictures. Each sees a revoked badge as revoked.
"""

import base64
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from claims import Wallets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from openbadgeslib.ob3.status import check_credential_status
from openbadgeslib.ob3.verifier import OB3VerificationError, OB3Verifier
from served_tool import served_wallets
from witnesses import npm
from witnesses.openbadgeslib_check import check, pinned_key

from lti_tool.jobs import signing
from lti_tool.models import Award, Credential, IssuerProfile
from lti_tool.openbadges import jws, v3, vc_jwt
from lti_tool.openbadges.proof import Signer
from lti_tool.openbadges.status_list import compose_status_list, new_bits
from lti_tool.services import issuers, jws_keys, reissuing, revoking
from lti_tool.services.reissuing import SubjectChoice

DID = "did:key:z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi"
ISSUER = "https://badges.example/issuers/4"
WHEN = datetime(2026, 3, 1, 9, tzinfo=UTC)


@dataclass
class Site:
    """A running tool in which Ada has claimed a badge."""

    wallets: Wallets
    url: str

    def get(self, ending: str = "", accept: str = "") -> requests.Response:
        """What the badge's address answers."""
        address = f"{self.url}/credentials/{self.wallets.public_id(1)}{ending}"
        answer = requests.get(address, headers={"Accept": accept} if accept else {}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer

    def issuer_document(self) -> dict[str, Any]:
        """What the issuer's address answers."""
        document = self.get(".json").json()
        answer: dict[str, Any] = requests.get(document["issuer"]["id"], timeout=30).json()
        return answer

    def status_list(self, url: str) -> bytes:
        """The status list as a JWT."""
        return requests.get(url, headers={"Accept": "application/vc+jwt"}, timeout=30).content

    def again(self, choice: SubjectChoice) -> None:
        """Have the badge issued again."""
        self.wallets.course.later(minutes=1)
        with self.wallets.services.database.write() as session:
            credential, now = session.get_one(Credential, 1), self.wallets.course.now
            version_id = reissuing.reissue(
                session, credential, choice, show_name=False, replaces=False, actor="user:1", now=now
            ).id
        signing.issue(self.wallets.services, version_id)

    def bind(self) -> None:
        """Have the badge issued to a wallet."""
        self.wallets.course.later(minutes=1)
        with self.wallets.services.database.write() as session:
            credential, now = session.get_one(Credential, 1), self.wallets.course.now
            version_id = reissuing.bind_wallet(session, credential, DID, "user:1", now).id
        signing.issue(self.wallets.services, version_id)

    def revoke(self) -> None:
        """Revoke the award."""
        with self.wallets.services.database.write() as session:
            revoking.revoke_award(session, self.wallets.award_id(), "A mistake.", "staff:1", self.wallets.course.now)

    def rotate(self) -> None:
        """Make new keys."""
        with self.wallets.services.database.write() as session:
            profile = session.get_one(IssuerProfile, self.wallets.course.issuer_id)
            issuers.add_key(session, profile, self.wallets.services.vault, self.wallets.course.now)
            jws_keys.rotate_key(session, profile, self.wallets.services.vault, self.wallets.course.now)


@pytest.fixture
def site(migrated_sqlite_url: str, live: Callable[[Any], str]) -> Iterator[Site]:
    """Ada claimed: the subject is her hashed address."""
    with served_wallets(migrated_sqlite_url, live) as (wallets, url):
        wallets.claim()
        yield Site(wallets, url)


def documents(site: Site) -> dict[str, dict[str, Any]]:
    """The signed document in every form that holds it."""
    return {
        "json": site.get(".json").json(),
        "json-ld": site.get(accept="application/ld+json").json(),
        "png": json.loads(OB3Verifier.extract_token_from_png(site.get(".png").content)),
        "svg": json.loads(OB3Verifier.extract_token_from_svg(site.get(".svg").content)),
    }


def library_says(site: Site, document: dict[str, Any]) -> bool:
    """Whether openbadgeslib takes a document with its status."""
    url = document["credentialStatus"]["statusListCredential"]
    try:
        return check(document, site.issuer_document(), {url: site.status_list(url)})
    except OB3VerificationError:
        return False


def test_every_form_with_an_embedded_proof_verifies_until_it_is_revoked(site: Site) -> None:
    forms = documents(site)
    site.bind()
    forms |= {f"{name} to a wallet": document for name, document in documents(site).items()}
    for verdicts in npm.verify(list(forms.values())):
        for library in npm.LIBRARIES:
            assert verdicts[library] == {"verified": True, "errors": [], "status": {"revocation": False}}
    assert {name: library_says(site, document) for name, document in forms.items()} == dict.fromkeys(forms, True)
    site.revoke()
    for verdicts in npm.verify(list(forms.values())):
        for library in npm.LIBRARIES:
            assert verdicts[library] == {"verified": False, "errors": [], "status": {"revocation": True}}
    assert {name: library_says(site, document) for name, document in forms.items()} == dict.fromkeys(forms, False)


def test_earlier_copies_and_keys_go_on_verifying(site: Site) -> None:
    first = site.get(".json").json()
    site.again(SubjectChoice.NONE)
    token = site.get(".jwt").text
    site.rotate()
    site.again(SubjectChoice.EMAIL)
    newest = site.get(".json").json()
    assert newest["proof"]["verificationMethod"] != first["proof"]["verificationMethod"]
    for verdicts in npm.verify([first, newest]):
        assert [verdicts[library]["verified"] for library in npm.LIBRARIES] == [True, True]
    assert library_says(site, newest)
    # It checks list and badge with one key, and the list is signed with the newest; so the badge alone.
    assert check(first, site.issuer_document())
    assert OB3Verifier(pubkey_pem=_pem_of(token)).verify(token).id == first["id"]


def test_altered_foreign_and_expired_are_told_apart(site: Site) -> None:
    good = site.get(".json").json()
    renamed, moved = copy.deepcopy(good), copy.deepcopy(good)
    renamed["credentialSubject"]["achievement"]["name"] = "Doctor"
    moved["credentialStatus"]["statusListIndex"] = "1"
    owner = copy.deepcopy(good)
    owner["issuer"]["id"] = f"{site.url}/issuers/nobody"
    refused = [renamed, moved, owner]
    for verdicts in npm.verify(refused):
        for library in npm.LIBRARIES:
            assert not verdicts[library]["verified"]
            assert verdicts[library]["errors"]
    for document in (renamed, moved):
        assert not library_says(site, document)


def test_an_expired_badge_is_seen_as_expired(migrated_sqlite_url: str, live: Callable[[Any], str]) -> None:
    with served_wallets(migrated_sqlite_url, live) as (wallets, url):
        site = Site(wallets, url)
        credential_id = wallets.claim(sign=False)
        with wallets.services.database.write() as session:
            award = session.get_one(Award, wallets.award_id())
            award.valid_until = wallets.course.now + timedelta(seconds=1)
            version_id = session.get_one(Credential, credential_id).versions[0].id
        assert wallets.course.now < datetime.now(UTC)
        signing.issue(wallets.services, version_id)
        document = site.get(".json").json()
        (verdicts,) = npm.verify([document])
        assert [verdicts[library]["verified"] for library in npm.LIBRARIES] == [False, False]
        with pytest.raises(OB3VerificationError, match="expired"):
            check(document, site.issuer_document())


# -- VC-JWT -----------------------------------------------------------------------------------------------------------


def _pem_of(token: str) -> bytes:
    """The key that the token names, from the address that is its ``kid``."""
    jwk = requests.get(jwt.get_unverified_header(token)["kid"], timeout=30).json()
    return jws.public_pem(jwk).encode()


def test_a_jwt_verifies_with_its_status_until_it_is_revoked(site: Site) -> None:
    site.again(SubjectChoice.NONE)
    token = site.get(".jwt").text
    credential = OB3Verifier(pubkey_pem=_pem_of(token)).verify(token)
    assert credential.id == site.get(".json").json()["id"]
    list_key = pinned_key(site.issuer_document(), site.get(".json").json()["proof"]["verificationMethod"])

    def status() -> None:
        check_credential_status(credential, download=site.status_list, verify_list=True, list_pubkey_pem=list_key)

    status()
    site.revoke()
    with pytest.raises(OB3VerificationError, match="status 'revocation' is set"):
        status()


def test_a_jwt_that_was_altered_or_signed_by_another_key_is_refused(site: Site) -> None:
    site.bind()
    token = site.get(".jwt").text
    pem = _pem_of(token)
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["sub"] == DID
    changed = base64.urlsafe_b64encode(json.dumps({**claims, "name": "Doctor"}).encode()).rstrip(b"=").decode()
    foreign = jws.JwsSigner(jws.new_rsa_key(), jwt.get_unverified_header(token)["kid"]).sign(claims, typ="JWT")
    for refused in (f"{header}.{changed}.{signature}", f"{header}.{payload}.{signature[::-1]}", foreign):
        with pytest.raises(OB3VerificationError):
            OB3Verifier(pubkey_pem=pem).verify(refused)
    with pytest.raises(OB3VerificationError, match="Recipient mismatch"):
        OB3Verifier(pubkey_pem=pem).verify(token, expected_recipient="did:key:z6MkOther")
    assert OB3Verifier(pubkey_pem=pem).verify(token, expected_recipient=DID).recipient_id == DID


@pytest.mark.parametrize("form", ["https", "did:web"])
def test_a_jwt_of_each_kind_of_issuer(form: str) -> None:
    """A did:web issuer's key is found by the library itself, in the document this tool serves for the alias."""
    issuer_id = ISSUER if form == "https" else v3.did_web_of(ISSUER)
    private_key = jws.new_rsa_key()
    jwk = jws.public_jwk(private_key.public_key())
    signer = jws.JwsSigner(
        private_key, f"{issuer_id}#{jwk['kid']}" if form == "did:web" else f"{ISSUER}/keys/{jwk['kid']}"
    )
    credential = v3.compose_credential(
        credential_id="https://badges.example/credentials/7b1d",
        issuer=v3.Issuer(id=issuer_id, name="Example College"),
        achievement=v3.AchievementCard(
            id="https://badges.example/achievements/aq",
            name="Aquaponics",
            description="Keeps fish alive.",
            criteria_narrative="All units.",
        ),
        subject=v3.Subject(id="urn:uuid:1"),
        valid_from=WHEN,
        awarded_at=WHEN,
    )
    token = vc_jwt.sign_vc_jwt(credential, signer)
    if form == "https":
        assert OB3Verifier(pubkey_pem=jws.public_pem(jwk).encode()).verify(token).issuer.id == ISSUER
        return
    ed25519 = Ed25519PrivateKey.generate().public_key()
    document = v3.compose_did_document(ISSUER, [ed25519], [jwk])

    def download(url: str, *_arguments: Any, **_options: Any) -> bytes:
        assert url == f"{ISSUER}/did.json"
        return json.dumps(document).encode()

    verifier = OB3Verifier.for_issuer_did(issuer_id, download=download)
    assert verifier.verify(token).issuer.id == issuer_id
    expired = vc_jwt.sign_vc_jwt({**credential, "validUntil": "2026-03-02T00:00:00Z"}, signer)
    with pytest.raises(OB3VerificationError, match="expired"):
        verifier.verify(expired)


def test_a_document_with_rsa_keys_still_verifies_what_ed25519_signed() -> None:
    """JSON-LD readers meet ``JsonWebKey`` in the issuer document and pass it by."""
    key = Ed25519PrivateKey.generate()
    signer = Signer(key, ISSUER)
    jwk = jws.public_jwk(jws.new_rsa_key().public_key())
    profile = v3.Issuer(id=ISSUER, name="Example College")
    listed = signer.sign(compose_status_list("https://badges.example/status/3", ISSUER, new_bits(), WHEN), WHEN)
    document = v3.compose_credential(
        credential_id="https://badges.example/credentials/7b1d",
        issuer=profile,
        achievement=v3.AchievementCard(
            id="https://badges.example/achievements/aq",
            name="Aquaponics",
            description="Keeps fish alive.",
            criteria_narrative="All units.",
        ),
        subject=v3.Subject(id="urn:uuid:1"),
        valid_from=WHEN,
        awarded_at=WHEN,
        status=v3.StatusEntry(list_url="https://badges.example/status/3", index=7),
    )
    known = {
        ISSUER: v3.compose_issuer_document(profile, [key.public_key()], [jwk]),
        signer.verification_method: v3.compose_key_document(ISSUER, key.public_key()),
        "https://badges.example/status/3": listed,
    }
    (verdicts,) = npm.verify([signer.sign(document, WHEN)], known)
    assert [verdicts[library]["verified"] for library in npm.LIBRARIES] == [True, True]
