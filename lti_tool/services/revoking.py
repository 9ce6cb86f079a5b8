"""Taking a badge back: the award ends, and every signed copy is marked in its status list, in one transaction."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.lifecycle import AwardAction, AwardState, advance
from lti_tool.errors import InvalidInputError, NotFoundError
from lti_tool.models import Award, Credential
from lti_tool.services import audit, status

BY_A_PERSON = "revoked_by_person"
LONGEST_REASON = 1000


def find_credential(session: Session, name: str) -> Credential:
    """Return a credential by its public id or its address; raises ``NotFoundError``."""
    public_id = name.rstrip("/").rpartition("/")[2].partition(".")[0]
    credential = session.scalar(select(Credential).where(Credential.public_id == public_id))
    if credential is None:
        raise NotFoundError("There is no such credential.")
    return credential


def revoke(session: Session, credential: Credential, reason: str, actor: str, now: datetime) -> bool:
    """Revoke a credential for good, and remember why; ``False`` when it was revoked before.

    An evaluation never brings a revoked award back. Raises ``InvalidInputError`` (``reason_missing``,
    ``reason_too_long``) and ``ConflictError`` (``transition_refused``).
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInputError("Say why the badge is revoked.", code="reason_missing", field="reason")
    if len(reason) > LONGEST_REASON:
        raise InvalidInputError("The reason is too long.", code="reason_too_long", field="reason")
    # Locked, so that of two who revoke at once the second finds it done.
    award = session.get_one(Award, credential.award_id, populate_existing=True, with_for_update=True)
    if award.state is AwardState.REVOKED:
        return False
    target = advance(award.state, AwardAction.REVOKE)
    session.execute(
        update(Award).where(Award.id == award.id).values(state=target, reason_code=BY_A_PERSON, changed_at=now)
    )
    # A copy that waits for its signature is marked too: it must not come into the world valid.
    for version in credential.versions:
        status.revoke(session, version, now)
    audit.record(
        session,
        "award.revoked",
        actor=actor,
        subject=f"award:{award.id}",
        organization_id=award.achievement.issuer_profile.organization_id,
        payload={"reason": reason},
        now=now,
    )
    session.flush()
    session.expire(award)
    return True
