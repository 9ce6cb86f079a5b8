"""The official validator of Open Badges 2.0 judges what a running tool serves: hosted, signed, baked, revoked, expired.

Verifying by hand, standards 2.0: *Hosted Verification*, *Signed Verification*, *Baking*.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from claims import Wallets
from served_tool import Front, served_wallets
from sqlalchemy import select
from witnesses.openbadges_check import validate

from lti_tool.models import Award, Credential, HostedAssertion, IssuerProfile
from lti_tool.openbadges import baking, jws
from lti_tool.services import jws_keys, revoking, second_face

RECIPIENT = "ada@lakeside.example"


@dataclass
class Site:
    """A running tool in which Ada's badge has its 2.0 face."""

    wallets: Wallets
    url: str
    assertion: str

    def get(self, ending: str) -> bytes:
        """What the address of the badge answers with another ending."""
        answer = requests.get(self.assertion.replace(".json", ending), timeout=30)
        assert answer.status_code == 200
        return answer.content

    @property
    def signed(self) -> str:
        """The signed form."""
        return self.get(".jws").decode()

    def revoke(self) -> None:
        """Revoke the award."""
        with self.wallets.services.database.write() as session:
            revoking.revoke_award(session, self.wallets.award_id(), "A mistake.", "staff:1", self.wallets.course.now)

    def sign(self, document: dict[str, Any], *, key: Any = None) -> str:
        """Sign another document, with the issuer's own key unless told."""
        with self.wallets.services.database.write() as session:
            profile = session.get_one(IssuerProfile, self.wallets.course.issuer_id)
            row = jws_keys.ensure_key(session, profile, self.wallets.services.vault, self.wallets.course.now)
            own = jws_keys.signer(row, profile, self.wallets.services.vault)
        return jws.JwsSigner(key or own.private_key, own.kid).sign(document)


@pytest.fixture
def site(migrated_sqlite_url: str, live: Callable[[Any], str]) -> Iterator[Site]:
    """Issued by an issuer that 2.0 takes."""
    with served_wallets(migrated_sqlite_url, live) as (wallets, url):
        credential_id = wallets.claim()
        with wallets.services.database.write() as session:
            credential = session.get_one(Credential, credential_id)
            assertion = second_face.ensure_hosted(session, credential, None, wallets.course.now)
        yield Site(wallets, url, assertion)


def claims_of(text: str) -> dict[str, Any]:
    payload = text.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def saved(folder: Path, name: str, content: bytes | str) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def everything(site: Site, folder: Path) -> list[str]:
    """The badge in every form of 2.0."""
    return [
        site.assertion,
        saved(folder, "badge.json", site.get(".json")),
        saved(folder, "badge.jws", site.signed),
        saved(folder, "badge.png", site.get(".png")),
        saved(folder, "badge.svg", site.get(".svg")),
        saved(folder, "signed.png", baking.bake_png(site.get(".png"), site.signed, baking.V2)),
        saved(folder, "signed.svg", baking.bake_svg(site.get(".svg").decode(), site.signed, baking.V2)),
        site.assertion.replace(".json", ".png"),
    ]


def test_every_form_is_valid_and_addressed_to_its_learner(site: Site, tmp_path: Path) -> None:
    given = everything(site, tmp_path)
    reports = validate(*(part for one in given for part in (one, f"recipient={RECIPIENT}")))
    assert [(report["valid"], report["messages"]) for report in reports] == [(True, [])] * len(given)


def test_a_revoked_badge_is_seen_as_revoked_in_every_form(site: Site, tmp_path: Path) -> None:
    given = everything(site, tmp_path)[:-1]
    site.revoke()
    reports = validate(*given)
    assert [report["valid"] for report in reports] == [False] * len(given)
    # Of a hosted one it says what is missing from what is left; of a signed one that the issuer's list has it.
    signed = [report["messages"] for one, report in zip(given, reports, strict=True) if "signed" in one or "jws" in one]
    assert len(signed) == 3
    for (message,) in signed:
        assert "has been revoked in RevocationList" in message
    assert requests.get(site.assertion, timeout=30).status_code == 410


def test_what_was_revoked_of_others_does_not_matter(site: Site, tmp_path: Path) -> None:
    with site.wallets.services.database.write() as session:
        session.scalars(select(HostedAssertion)).one().withdrawn = f"urn:uuid:{uuid4()}"
    (report,) = validate(saved(tmp_path, "badge.jws", site.signed))
    assert (report["valid"], report["messages"]) == (True, [])


def test_somebody_elses_badge_is_not_theirs(site: Site, tmp_path: Path) -> None:
    given = everything(site, tmp_path)
    reports = validate(*(part for one in given for part in (one, "recipient=ben@lakeside.example")))
    assert not any(report["valid"] for report in reports)


def test_an_expired_badge_is_not_valid(site: Site, tmp_path: Path) -> None:
    assert validate(site.assertion)[0]["valid"]
    with site.wallets.services.database.write() as session:
        award = session.get_one(Award, site.wallets.award_id())
        award.valid_until = datetime.now(UTC) - timedelta(days=1)
    reports = validate(site.assertion, saved(tmp_path, "badge.jws", site.signed))
    assert [report["valid"] for report in reports] == [False, False]


def test_what_was_altered_or_signed_by_another_key_is_refused(site: Site, tmp_path: Path) -> None:
    header, payload, signature = site.signed.split(".")
    altered = json.dumps({**claims_of(site.signed), "issuedOn": "2020-01-01T00:00:00Z"}).encode()
    changed = base64.urlsafe_b64encode(altered).rstrip(b"=").decode()
    foreign = site.sign(claims_of(site.signed), key=jws.new_rsa_key())
    given = (f"{header}.{changed}.{signature}", f"{header}.{payload}.{signature[::-1]}", foreign)
    reports = validate(*(saved(tmp_path, f"{number}.jws", text) for number, text in enumerate(given)))
    assert not any(report["valid"] for report in reports)


def test_a_key_that_the_badges_issuer_does_not_list_is_refused(site: Site, tmp_path: Path) -> None:
    """``verification.creator`` must be among the keys of the issuer that the badge leads to, and answer."""
    claims = claims_of(site.signed)
    good = site.sign(claims)
    creator = claims["verification"]["creator"]
    with site.wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, site.wallets.course.issuer_id)
        added = jws_keys.rotate_key(session, profile, site.wallets.services.vault, site.wallets.course.now)
        assert added is not None
        other = creator.replace(creator.rpartition("/")[2], f"{added.kid}.ob2.json")
    answer = requests.get(other, timeout=30)
    assert answer.status_code == 200
    refused = [{**claims, "verification": {"type": "SignedBadge", "creator": one}} for one in (other, f"{other}x")]
    given = [saved(tmp_path, f"{number}.jws", site.sign(one)) for number, one in enumerate(refused)]
    reports = validate(saved(tmp_path, "good.jws", good), *given)
    assert [report["valid"] for report in reports] == [True, False, False]


def test_a_badge_at_an_address_out_of_scope_is_refused(site: Site, live: Callable[[Any], str], tmp_path: Path) -> None:
    """An assertion may not be hosted elsewhere than where its issuer says (``allowedOrigins``, ``startsWith``)."""
    copy: dict[str, Any] = json.loads(site.get(".json"))
    elsewhere = Front()
    copy["id"] = f"{live(elsewhere)}/copy.json"

    def app(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/ld+json")])
        return [json.dumps(copy).encode()]

    elsewhere.app = app
    (report,) = validate(copy["id"])
    assert not report["valid"]


def test_keys_of_before_a_rotation_go_on_verifying(site: Site, tmp_path: Path) -> None:
    before = site.signed
    with site.wallets.services.database.write() as session:
        profile = session.get_one(IssuerProfile, site.wallets.course.issuer_id)
        jws_keys.rotate_key(session, profile, site.wallets.services.vault, site.wallets.course.now)
        hosted = session.scalars(select(HostedAssertion)).one()
        hosted.jws = None  # as if it were first asked for now
    after = site.signed
    assert claims_of(after)["verification"] != claims_of(before)["verification"]
    given = (saved(tmp_path, "before.jws", before), saved(tmp_path, "now.jws", after), site.assertion)
    assert [report["valid"] for report in validate(*given)] == [True, True, True]
