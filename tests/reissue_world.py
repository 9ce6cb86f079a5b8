"""A learner with a signed badge that is issued again, and what came of it."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from claims import Wallets, wallets_on

from lti_tool.jobs import signing
from lti_tool.models import Credential, CredentialVersion, IssuerProfile, StatusList, User
from lti_tool.openbadges import proof, status_list
from lti_tool.services import reissuing, second_face, second_face_parts
from lti_tool.services.reissuing import SubjectChoice


@contextmanager
def claimed_on(database_url: str) -> Iterator[Wallets]:
    """Ada claimed her badge, without her name; a minute passed. The issuer has an e-mail and a web address."""
    with wallets_on(database_url) as wallets:
        with wallets.services.database.write() as session:
            profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
            profile.url, profile.email = "https://lakeside.example", "badges@lakeside.example"
        wallets.claim()
        wallets.course.later(minutes=1)
        yield wallets


def again(
    wallets: Wallets,
    choice: SubjectChoice = SubjectChoice.KEEP,
    *,
    show_name: bool = False,
    replaces: bool = False,
    sign: bool = True,
) -> int:
    """Have the badge issued again; returns the copy."""
    with wallets.services.database.write() as session:
        credential = session.get_one(Credential, 1)
        version_id = reissuing.reissue(
            session,
            credential,
            choice,
            show_name=show_name,
            replaces=replaces,
            actor="user:1",
            now=wallets.course.now,
        ).id
    if sign:
        signing.issue(wallets.services, version_id)
    return version_id


def change(wallets: Wallets, **values: Any) -> None:
    """What the platform says of Ada from now on."""
    with wallets.services.database.write() as session:
        ada = session.get_one(User, wallets.ada)
        for name, value in values.items():
            setattr(ada, name, value)


def copies(wallets: Wallets) -> list[CredentialVersion]:
    """Every copy, the first one first."""
    with wallets.services.database.read() as session:
        return list(session.get_one(Credential, 1).versions)


def documents(wallets: Wallets) -> list[dict[str, Any]]:
    """Their documents."""
    return [json.loads(one.document or "null") for one in copies(wallets)]


def is_revoked(wallets: Wallets, copy: CredentialVersion) -> bool:
    """Whether the status list says so."""
    with wallets.services.database.read() as session:
        return status_list.get_bit(session.get_one(StatusList, copy.status_list_id).bits, copy.status_index)


def ensure_hosted(wallets: Wallets, email: str | None = None) -> str:
    """Ask for the 2.0 face."""
    with wallets.services.database.write() as session:
        return second_face.ensure_hosted(session, session.get_one(Credential, 1), email, wallets.course.now)


def signed_form(wallets: Wallets) -> str:
    """Its signed form."""
    with wallets.services.database.write() as session:
        public_id = session.get_one(Credential, 1).public_id
        return second_face.signed_form(session, public_id, wallets.services.vault, wallets.course.now)


def revoked_ids(wallets: Wallets) -> list[str]:
    """What the 2.0 revocation list names, without the entry that names nothing."""
    with wallets.services.database.read() as session:
        public_id = session.get_one(IssuerProfile, wallets.course.issuer_id).public_id
        listed = second_face_parts.revocation_list(session, public_id)["revokedAssertions"]
        return [one["id"] for one in listed][:-1]


def hosted_document(wallets: Wallets) -> dict[str, Any]:
    """What the hosted address answers."""
    with wallets.services.database.read() as session:
        public_id = session.get_one(Credential, 1).public_id
        document: dict[str, Any] = json.loads(second_face.hosted_document(session, public_id).text)
        return document


def signed_claims(wallets: Wallets) -> dict[str, Any]:
    """What the signed form says."""
    part = signed_form(wallets).split(".")[1]
    return proof.read_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
