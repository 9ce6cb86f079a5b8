"""Status lists as they are served: signed when somebody asks after a change, and kept."""

import json
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.errors import NotFoundError
from lti_tool.models import Award, Credential, CredentialVersion, IssuerProfile, StatusList
from lti_tool.openbadges import status_list
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.proof import Signer
from lti_tool.openbadges.report import Check, CheckOutcome, Verdict, VerificationReport, verdict_of
from lti_tool.services.issuers import active_key, signer
from lti_tool.vault import Vault


def get_list(session: Session, public_id: str) -> StatusList:
    """Return the list; raises ``NotFoundError``."""
    listed = session.scalar(select(StatusList).where(StatusList.public_id == public_id))
    if listed is None:
        raise NotFoundError("There is no such status list.")
    return listed


def sign_list(session: Session, listed: StatusList, vault: Vault) -> str:
    """Return the signed list as text, the same for the same bits."""
    document, key = _composed(session, listed, vault)
    signed = key.sign(document, listed.changed_at.replace(microsecond=0))
    return json.dumps(signed, ensure_ascii=False, separators=(",", ":"))


def sign_list_jwt(session: Session, listed: StatusList, vault: Vault) -> str:
    """Return the list as a signed JWT, for verifiers that read no embedded proof (openbadgeslib)."""
    document, key = _composed(session, listed, vault)
    return key.sign_jwt(document, listed.changed_at)


def _composed(session: Session, listed: StatusList, vault: Vault) -> tuple[JsonObject, Signer]:
    profile = session.get_one(IssuerProfile, listed.issuer_profile_id)
    url = f"{profile.base_url}/status/{listed.public_id}"
    valid_from = listed.changed_at.replace(microsecond=0)
    document = status_list.compose_status_list(url, profile.url_id, listed.bits, valid_from)
    return document, signer(active_key(session, profile.id), profile, vault)


def keep_signed(session: Session, listed: StatusList, text: str) -> None:
    """Keep the signed text unless the bits changed meanwhile."""
    session.execute(
        update(StatusList)
        .where(StatusList.id == listed.id, StatusList.changed_at == listed.changed_at)
        .values(document=text)
    )


def tell_suspended(session: Session, report: VerificationReport) -> VerificationReport:
    """Return a report about one of our own badges as it stands here: suspended, where a person put it on hold.

    Status lists of this tool have the purpose *revocation* alone, since that is the one entry every verifier of Open
    Badges 3.0 reads; so only this tool's own page and check can say that a badge is suspended.
    """
    url = report.credential.get("id") if report.credential is not None else None
    if not isinstance(url, str) or report.outcome not in (Verdict.VALID, Verdict.EXPIRED, Verdict.CANNOT_CHECK):
        return report
    found = (
        select(Award.state)
        .join(Credential, Credential.award_id == Award.id)
        .where(Credential.url_id == url, Award.state == AwardState.SUSPENDED)
    )
    if session.scalar(found) is None:
        return report
    told = Check("status", CheckOutcome.FAILED, "suspended")
    checks = tuple(told if check.code == "status" else check for check in report.checks)
    return VerificationReport(verdict_of(checks), checks, report.credential)


def revoke(session: Session, version: CredentialVersion, now: datetime) -> None:
    """Set the version's bit; revocation cannot be undone (Bitstring Status List 1.0, purpose ``revocation``)."""
    listed = session.get_one(StatusList, version.status_list_id, with_for_update=True)
    listed.bits = status_list.set_bit(listed.bits, version.status_index)
    listed.changed_at, listed.document = now, None
