"""Launches whose every check passed but that no cookie tied to this browser: they wait for another proof (ADR 0008).

1EdTech Security Framework 1.0, section 5.1.1, wants the browser that ends a login to be the one that began it. The
state was used up when the launch arrived; what waits here is found by a ticket of its own, for two minutes, for five
wrong proofs, once. Only hashes are stored, and the launch's values are deleted with the ticket's spending.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from lti_tool.errors import (
    LaunchError,
    LaunchTicketExpiredError,
    LaunchTicketSpentError,
    ProofAttemptsError,
    ProofMissingError,
    ProofWrongError,
)
from lti_tool.lti.login_state import hash_of, proofs_among
from lti_tool.lti.platform_storage import AGAIN, PlatformStorage, storage_of
from lti_tool.lti.verified_launch import VerifiedLaunch
from lti_tool.lti.written_launch import read_back
from lti_tool.models import LoginState, PendingLaunch, Registration

LIFETIME = timedelta(minutes=2)
MOST_ATTEMPTS = 5
VALUES = "values"
"""The one key of the stored document: the values as text, since PostgreSQL's JSON does not keep every character."""


@dataclass(frozen=True, slots=True)
class PendingTicket:
    """What the page gets that looks for a proof; the ticket's hash alone is stored.

    ``storage`` is where the platform keeps the login's secret, if it does; ``is_second_try`` says that the login was
    begun again in this frame before.
    """

    ticket: str
    storage: PlatformStorage | None
    is_second_try: bool


def begin(session: Session, state: str, waiting: str, now: datetime) -> PendingTicket:
    """Let a launch wait: ``waiting`` is its text, as ``CookiesBlockedError`` carries it.

    ``state`` must be the one that was just used up; the database refuses a second launch for it.
    """
    ticket = secrets.token_urlsafe(32)
    state_hash = hash_of(state)
    session.add(
        PendingLaunch(
            ticket_hash=hash_of(ticket),
            state_hash=state_hash,
            launch={VALUES: waiting},
            attempts=0,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    parameters, auth_login_url = session.execute(
        select(LoginState.login_parameters, Registration.auth_login_url)
        .join(Registration, Registration.id == LoginState.registration_id)
        .where(LoginState.state_hash == state_hash)
    ).one()
    return PendingTicket(ticket, storage_of(parameters, auth_login_url, state), AGAIN in parameters)


def prove(
    session: Session, ticket: str, now: datetime, *, cookies: Mapping[str, str], value: str | None = None
) -> VerifiedLaunch | LaunchError:
    """Spend a ticket with the proof that came: the login's cookies, or the ``value`` that the platform kept.

    All that is shown must be right. A refusal is returned, not raised, because the attempt that it counts must be
    committed: ``ProofMissingError``, ``ProofWrongError``, ``ProofAttemptsError``, ``LaunchTicketExpiredError`` or
    ``LaunchTicketSpentError``.
    """
    found = session.execute(
        select(PendingLaunch, LoginState.browser_hash)
        .join(LoginState, LoginState.state_hash == PendingLaunch.state_hash)
        .where(PendingLaunch.ticket_hash == hash_of(ticket))
        .with_for_update(of=PendingLaunch)
        .execution_options(populate_existing=True)
    ).one_or_none()
    refusal = _usable(found, now)
    if found is None or refusal is not None:
        return refusal or LaunchTicketExpiredError("No launch waits under this ticket.")
    row, browser_hash = found
    shown = [*proofs_among(cookies, row.state_hash), *([value] if value else [])]
    if not shown:
        return ProofMissingError("Neither a cookie nor a value came along.")
    if browser_hash is None or not all([hmac.compare_digest(hash_of(one), browser_hash) for one in shown]):
        return _wrong(session, row)
    text = row.launch[VALUES]
    return read_back(text) if _spend(session, row.id, now) else LaunchTicketSpentError("Another request was first.")


def _usable(found: Row[PendingLaunch, str | None] | None, now: datetime) -> LaunchError | None:
    if found is None:
        return None
    row = found[0]
    if row.spent_at is not None:
        return LaunchTicketSpentError("The launch was proven before.")
    if row.expires_at <= now:
        return LaunchTicketExpiredError("The launch waited longer than two minutes.")
    if row.attempts >= MOST_ATTEMPTS:
        return ProofAttemptsError("Five wrong proofs were shown.")
    return None


def _wrong(session: Session, row: PendingLaunch) -> LaunchError:
    """Count the attempt in the database, where others may count at the same time."""
    attempts = session.execute(
        update(PendingLaunch)
        .where(PendingLaunch.id == row.id)
        .values(attempts=PendingLaunch.attempts + 1)
        .returning(PendingLaunch.attempts)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    if attempts >= MOST_ATTEMPTS:
        return ProofAttemptsError("The fifth wrong proof was shown.")
    return ProofWrongError("What was shown is not what this login gave out.")


def _spend(session: Session, row_id: int, now: datetime) -> bool:
    """Spend by one statement, and forget the values with it."""
    spent = session.execute(
        update(PendingLaunch)
        .where(
            PendingLaunch.id == row_id,
            PendingLaunch.spent_at.is_(None),
            PendingLaunch.expires_at > now,
            PendingLaunch.attempts < MOST_ATTEMPTS,
        )
        .values(spent_at=now, launch={})
        .returning(PendingLaunch.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return spent is not None
