"""What Open Badges 2.0 assertions lead to: badge classes, the issuer, its RSA keys and its list of revoked ones."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.errors import IssuingError, NotFoundError
from lti_tool.models import (
    Achievement,
    AchievementState,
    AchievementVersion,
    Award,
    Credential,
    HostedAssertion,
    IssuerProfile,
)
from lti_tool.openbadges import jws, v2
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.services import jws_keys
from lti_tool.services.achievement_cards import achievement_card
from lti_tool.services.issuers import get_issuer, issuer_value
from lti_tool.services.second_face import revoked_ids

OPEN = (AchievementState.LIVE, AchievementState.RETIRED)


def badge_class(session: Session, public_id: str, number: int, kid: str | None = None) -> JsonObject:
    """Return one version of a badge, as assertions signed with ``kid`` name it if given; raises ``NotFoundError``.

    A version that was awarded answers for ever. Of the others only the current one of a published badge does: an
    earlier one may be a draft that nobody was meant to see.
    """
    found = session.execute(
        select(Achievement, AchievementVersion)
        .join(AchievementVersion, AchievementVersion.achievement_id == Achievement.id)
        .where(Achievement.public_id == public_id, AchievementVersion.number == number)
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such badge.")
    achievement, version = found[0], found[1]
    is_current = achievement.state in OPEN and achievement.current_version_id == version.id
    if not is_current and not _was_awarded(session, version.id):
        raise NotFoundError("There is no such badge.")
    profile = achievement.issuer_profile
    _require_key(session, profile, kid)
    return v2.compose_badge_class(achievement_card(session, achievement, version), number, issuer_value(profile), kid)


def _require_key(session: Session, profile: IssuerProfile, kid: str | None) -> None:
    if kid is not None:
        jws_keys.get_jwk(session, profile.id, kid)


def _was_awarded(session: Session, version_id: int) -> bool:
    found = select(Credential.id).join(Award, Award.id == Credential.award_id)
    return session.scalar(found.where(Award.achievement_version_id == version_id).limit(1)) is not None


def issuer_profile(session: Session, public_id: str, kid: str | None = None) -> JsonObject:
    """Return the issuer, with the key ``kid`` if given.

    Raises ``NotFoundError``, also for an issuer that 2.0 does not take (no e-mail or web address).
    """
    profile = get_issuer(session, public_id)
    _require_key(session, profile, kid)
    try:
        return v2.compose_profile(issuer_value(profile), kid)
    except IssuingError as error:
        raise NotFoundError("This issuer has no Open Badges 2.0 profile.") from error


def key(session: Session, public_id: str, kid: str) -> JsonObject:
    """Return one RSA key of the issuer; raises ``NotFoundError``."""
    profile = get_issuer(session, public_id)
    jwk = jws_keys.get_jwk(session, profile.id, kid)
    return v2.compose_key(profile.url_id, kid, jws.public_pem(jwk))


def revocation_list(session: Session, public_id: str) -> JsonObject:
    """Return which signed assertions of the issuer do not hold any more; raises ``NotFoundError``."""
    profile = get_issuer(session, public_id)
    found = session.scalars(
        select(HostedAssertion)
        .join(Credential, Credential.id == HostedAssertion.credential_id)
        .join(Award, Award.id == Credential.award_id)
        .join(Achievement, Achievement.id == Award.achievement_id)
        .where(
            Achievement.issuer_profile_id == profile.id,
            or_(HostedAssertion.withdrawn.is_not(None), Award.state == AwardState.REVOKED),
        )
        .order_by(HostedAssertion.id)
    )
    revoked = [one for hosted in found for one in revoked_ids(hosted)]
    return v2.compose_revocation_list(profile.url_id, revoked)
