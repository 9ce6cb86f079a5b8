"""Consents on a platform and the grants that come of them: begun, completed, given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lti_tool.errors import ConsentError, NotFoundError
from lti_tool.evidence.grants import GrantTokens, place_of
from lti_tool.models import (
    INSTITUTION,
    ApiConsent,
    ApiGrant,
    Context,
    GrantState,
    PlatformApi,
)
from lti_tool.services import audit, course_sync
from lti_tool.services.secrets import secret_hash
from lti_tool.services.upsert import insert_once
from lti_tool.vault import Vault

CONSENT_LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Given:
    """What a platform gave: ``scopes`` and ``account`` are ``None`` where it does not say."""

    tokens: GrantTokens
    scopes: list[str] | None
    account: str | None


def begin_consent(
    session: Session,
    api: PlatformApi,
    place: str,
    *,
    state: str,
    browser_secret: str,
    user_id: int | None,
    staff_user_id: int | None,
    now: datetime,
) -> None:
    """Remember a consent that begins: its state is bound to the browser's first-party cookie and to who began it."""
    session.execute(delete(ApiConsent).where(ApiConsent.expires_at < now - timedelta(days=1)))
    session.add(
        ApiConsent(
            state_hash=secret_hash(state),
            browser_hash=secret_hash(browser_secret),
            platform_api_id=api.id,
            place=place,
            user_id=user_id,
            staff_user_id=staff_user_id,
            created_at=now,
            expires_at=now + CONSENT_LIFE,
        )
    )


def consume_consent(session: Session, state: str, browser_secret: str | None, now: datetime) -> ApiConsent:
    """Spend the state that the platform's redirect brought back, by one statement.

    Raises ``ConsentError`` (``consent_state_mismatch``) when it is unknown, too old, spent, or was begun in another
    browser; nothing is spent in the last case.
    """
    consumed = session.execute(
        update(ApiConsent)
        .where(
            ApiConsent.state_hash == secret_hash(state),
            ApiConsent.browser_hash == secret_hash(browser_secret or ""),
            ApiConsent.consumed_at.is_(None),
            ApiConsent.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(ApiConsent.state_hash)
    ).scalar()
    if consumed is None:
        raise ConsentError("The consent was not begun in this browser, or is too old.", code="consent_state_mismatch")
    return session.get_one(ApiConsent, consumed, populate_existing=True)


def save_grant(
    session: Session,
    api: PlatformApi,
    place: str,
    given: Given,
    *,
    user_id: int | None,
    actor: str,
    vault: Vault,
    now: datetime,
) -> ApiGrant:
    """Store a grant, new or renewed, and ask for a reading of the courses that waited for it."""
    grant = _grant_at(session, api.id, place)
    if grant is None:
        insert_once(
            session,
            ApiGrant,
            ["platform_api_id", "place"],
            platform_api_id=api.id,
            place=place,
            state=GrantState.ACTIVE,
            created_at=now,
            changed_at=now,
        )
        grant = session.scalars(
            select(ApiGrant).where(ApiGrant.platform_api_id == api.id, ApiGrant.place == place)
        ).one()
    grant.state, grant.error_code, grant.user_id = GrantState.ACTIVE, None, user_id
    grant.tokens, grant.scopes, grant.account = given.tokens.locked(vault), given.scopes, given.account
    grant.changed_at = now
    _note(session, grant, api, "api_grant.given", actor, now)
    _read_soon(session, place, now)
    return grant


def grant_of_course(session: Session, api_id: int, context_id: int) -> ApiGrant | None:
    """Return a course's own grant, also one that has to be made anew; ``None`` when there is none."""
    return _grant_at(session, api_id, place_of(context_id), but_ended=True)


def grant_of_institution(session: Session, api_id: int) -> ApiGrant | None:
    """Return the institution's grant, also one that has to be made anew; ``None`` when there is none."""
    return _grant_at(session, api_id, INSTITUTION, but_ended=True)


def give_up(session: Session, grant_id: int, *, actor: str, now: datetime) -> None:
    """End a grant on our side; its tokens are gone, what was read stays."""
    grant = session.get(ApiGrant, grant_id)
    if grant is None:
        raise NotFoundError("There is no such grant.")
    grant.state, grant.tokens, grant.error_code, grant.account = GrantState.ENDED, None, None, None
    grant.changed_at = now
    _note(session, grant, grant.platform_api, "api_grant.given_up", actor, now)


def _grant_at(session: Session, api_id: int, place: str, *, but_ended: bool = False) -> ApiGrant | None:
    found = session.scalar(select(ApiGrant).where(ApiGrant.platform_api_id == api_id, ApiGrant.place == place))
    return None if found is not None and but_ended and found.state is GrantState.ENDED else found


def _read_soon(session: Session, place: str, now: datetime) -> None:
    """Ask for a reading of the course of the grant; those of an institution's come by their schedule."""
    if place == INSTITUTION:
        return
    context = session.get(Context, int(place.removeprefix("context:")))
    if context is not None:
        course_sync.request_sync(session, context, "button", now)


def _note(session: Session, grant: ApiGrant, api: PlatformApi, action: str, actor: str, now: datetime) -> None:
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"api_grant:{grant.id}",
        organization_id=api.organization_id,
        payload={"source": api.source, "place": grant.place, "scopes": grant.scopes},
        now=now,
    )
