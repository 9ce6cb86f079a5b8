"""Platforms on which an institution also issues (Badgr, Canvas Credentials): its account there, and how it goes.

The account's tokens are kept, its password only where the platform gives no refresh token. An account that is refused
stops nothing but the sending: awards wait until an admin signs in again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.backpacks.base import Tokens
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.models import IssuingPlatform, IssuingState, MirroredAward, MirrorState, Organization
from lti_tool.services import audit
from lti_tool.vault import Vault

BADGR = "badgr"
PAUSE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Account:
    """An institution's account in use; ``password`` only where there is no refresh token."""

    email: str
    tokens: Tokens
    password: str | None = None


@dataclass(frozen=True, slots=True)
class PlatformEntry:
    """A platform as its page shows it; ``failures``: (error code, how many), most first."""

    id: int
    organization_id: int
    organization_name: str
    name: str
    address: str
    account_email: str
    state: IssuingState
    paused_until: datetime | None
    error_code: str | None
    last_success_at: datetime | None
    counts: Mapping[MirrorState, int]
    failures: tuple[tuple[str, int], ...]


def add_platform(
    session: Session,
    organization_id: int,
    address: str,
    name: str,
    account: Account,
    vault: Vault,
    actor: str,
    now: datetime,
) -> IssuingPlatform:
    """Use a platform from now on; raises ``NotFoundError``, ``ConflictError`` (``issuing_platform_exists``)."""
    if session.get(Organization, organization_id) is None:
        raise NotFoundError("There is no such institution.")
    found = select(IssuingPlatform).filter_by(organization_id=organization_id, address=address)
    if session.scalar(found) is not None:
        raise ConflictError("This institution uses this platform already.", code="issuing_platform_exists")
    platform = IssuingPlatform(
        organization_id=organization_id,
        protocol=BADGR,
        address=address,
        name=name,
        state=IssuingState.ACTIVE,
        account=_lock(account, vault),
        created_at=now,
        changed_at=now,
    )
    session.add(platform)
    session.flush()
    _record(session, platform, "added", actor, now)
    return platform


def get_platform(session: Session, platform_id: int) -> IssuingPlatform:
    """Return a platform; raises ``NotFoundError``."""
    platform = session.get(IssuingPlatform, platform_id)
    if platform is None:
        raise NotFoundError("There is no such platform.")
    return platform


def read_account(platform: IssuingPlatform, vault: Vault) -> Account:
    """Return the account in use; raises ``ConflictError`` (``issuing_account_refused``) when there is none."""
    if platform.account is None:
        raise ConflictError("The account has to sign in again.", code="issuing_account_refused")
    values: dict[str, Any] = json.loads(vault.open(platform.account))
    tokens = values["tokens"]
    return Account(
        email=values["email"],
        tokens=Tokens(**{**tokens, "expires_at": datetime.fromisoformat(tokens["expires_at"])}),
        password=values["password"],
    )


def save_account(
    session: Session, platform_id: int, account: Account, vault: Vault, now: datetime, *, actor: str | None = None
) -> None:
    """Store new tokens at once: the old refresh token is spent. With ``actor``, an admin signed in."""
    platform = get_platform(session, platform_id)
    platform.account, platform.changed_at = _lock(account, vault), now
    if actor is not None:
        platform.paused_until = platform.error_code = None
        if platform.state is IssuingState.REFUSED:
            platform.state = IssuingState.ACTIVE
        _record(session, platform, "signed_in", actor, now)


def refuse_account(session: Session, platform_id: int, now: datetime) -> None:
    """The platform does not accept the account any more: nothing is sent until an admin signs in again."""
    platform = get_platform(session, platform_id)
    if platform.state is IssuingState.ACTIVE:
        platform.state, platform.changed_at = IssuingState.REFUSED, now
        platform.error_code = "issuing_account_refused"
        _record(session, platform, "refused", "job", now)


def switch(session: Session, platform_id: int, *, on: bool, actor: str, now: datetime) -> None:
    """Use a platform, or not: what is awarded while it is off is not sent."""
    platform = get_platform(session, platform_id)
    platform.state = IssuingState.ACTIVE if on else IssuingState.DISABLED
    platform.changed_at, platform.paused_until, platform.error_code = now, None, None
    _record(session, platform, "switched_on" if on else "switched_off", actor, now)


def pause(session: Session, platform_id: int, actor: str, now: datetime) -> None:
    """Send nothing for a day; what is awarded meanwhile waits."""
    platform = get_platform(session, platform_id)
    platform.paused_until, platform.changed_at = now + PAUSE, now
    _record(session, platform, "paused", actor, now)


def resume(session: Session, platform_id: int, actor: str, now: datetime) -> None:
    """Send again."""
    platform = get_platform(session, platform_id)
    platform.paused_until, platform.changed_at, platform.error_code = None, now, None
    _record(session, platform, "resumed", actor, now)


def list_platforms(session: Session, vault: Vault) -> list[PlatformEntry]:
    """Return every platform, by institution and name."""
    rows = session.execute(
        select(IssuingPlatform, Organization.name)
        .join(Organization, Organization.id == IssuingPlatform.organization_id)
        .order_by(Organization.name, IssuingPlatform.name, IssuingPlatform.id)
    )
    return [_entry(session, platform, organization, vault) for platform, organization in rows]


def _entry(session: Session, platform: IssuingPlatform, organization: str, vault: Vault) -> PlatformEntry:
    own = MirroredAward.issuing_platform_id == platform.id
    counts = dict.fromkeys(MirrorState, 0)
    for state, number in session.execute(
        select(MirroredAward.state, func.count()).where(own).group_by(MirroredAward.state)
    ):
        counts[state] = number
    failed = session.execute(
        select(MirroredAward.error_code, func.count())
        .where(own, MirroredAward.state == MirrorState.FAILED)
        .group_by(MirroredAward.error_code)
        .order_by(func.count().desc())
    )
    return PlatformEntry(
        id=platform.id,
        organization_id=platform.organization_id,
        organization_name=organization,
        name=platform.name,
        address=platform.address,
        account_email=read_account(platform, vault).email if platform.account else "",
        state=platform.state,
        paused_until=platform.paused_until,
        error_code=platform.error_code,
        last_success_at=platform.last_success_at,
        counts=counts,
        failures=tuple((code or "", number) for code, number in failed),
    )


def _lock(account: Account, vault: Vault) -> str:
    kept = account.password if account.tokens.refresh_token is None else None
    values = {"email": account.email, "password": kept, "tokens": asdict(account.tokens)}
    return vault.lock(json.dumps(values, default=datetime.isoformat))


def _record(session: Session, platform: IssuingPlatform, what: str, actor: str, now: datetime) -> None:
    audit.record(
        session,
        f"issuing_platform.{what}",
        actor=actor,
        subject=f"issuing_platform:{platform.id}",
        organization_id=platform.organization_id,
        now=now,
    )
