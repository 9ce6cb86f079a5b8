"""Sessions of launches and of staff: reading them by their secret, keeping what pages store, handing them over.

Secrets exist in the browser only; rows hold their hash. A session ends after thirty minutes without a request, and at
once when its deployment, registration or staff user is disabled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.errors import ForbiddenError, SessionExpiredError
from lti_tool.lti.claims import is_instructor_role, is_learner_role
from lti_tool.models import (
    Context,
    Deployment,
    DeploymentState,
    LaunchSession,
    Registration,
    StaffRole,
    StaffSession,
    StaffUser,
    Ticket,
)
from lti_tool.services.landing import LANDING
from lti_tool.services.launching import ENTER, IDLE
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.tickets import spend_ticket

SEEN_EVERY = timedelta(minutes=1)
"""``seen_at`` is written at most this often."""
KEPT = timedelta(days=1)
"""How long an ended session's row stays, so that its page can say that it ended."""


@dataclass(frozen=True, slots=True)
class LaunchView:
    """One launch session as pages see it (``g.launch``): who, with which roles, in which course of which tenant."""

    session_id: int
    user_id: int | None
    context_id: int | None
    context_title: str | None
    organization_id: int
    deployment_row_id: int
    roles: frozenset[str]
    is_instructor: bool
    is_learner: bool
    is_test_user: bool
    locale: str | None
    frame_ancestors: tuple[str, ...]
    seen_at: datetime
    expires_at: datetime

    @property
    def is_anonymous(self) -> bool:
        """The launch named nobody: pages are read-only."""
        return self.user_id is None

    @property
    def actor(self) -> str:
        """Who acts, for the audit trail."""
        return "anonymous" if self.user_id is None else f"user:{self.user_id}"


@dataclass(frozen=True, slots=True)
class StaffView:
    """One staff session as pages see it (``g.staff``)."""

    session_id: int
    staff_user_id: int
    email: str
    role: StaffRole
    seen_at: datetime
    expires_at: datetime

    @property
    def actor(self) -> str:
        """Who acts, for the audit trail."""
        return f"staff:{self.staff_user_id}"


View = LaunchView | StaffView


def find_launch_session(session: Session, secret: str) -> tuple[LaunchView, dict[str, Any]] | None:
    """Return a launch session and what its pages stored; compare ``expires_at``: one that ended is still found."""
    found = session.execute(
        select(LaunchSession, Deployment.organization_id, Context.title)
        .join(Deployment, Deployment.id == LaunchSession.deployment_id)
        .join(Registration, Registration.id == Deployment.registration_id)
        .outerjoin(Context, Context.id == LaunchSession.context_id)
        .where(
            LaunchSession.secret_hash == secret_hash(secret),
            Deployment.state == DeploymentState.ACTIVE,
            Registration.disabled_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        return None
    row, organization_id, title = found
    view = LaunchView(
        session_id=row.id,
        user_id=row.user_id,
        context_id=row.context_id,
        context_title=title,
        organization_id=organization_id,
        deployment_row_id=row.deployment_id,
        roles=frozenset(row.roles),
        is_instructor=is_instructor_role(row.roles),
        is_learner=is_learner_role(row.roles),
        is_test_user=row.is_test_user,
        locale=row.locale,
        frame_ancestors=tuple(row.frame_ancestors),
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )
    return view, dict(row.data)


def find_staff_session(session: Session, secret: str) -> tuple[StaffView, dict[str, Any]] | None:
    """Return a staff session and what its pages stored; compare ``expires_at``: one that ended is still found."""
    found = session.execute(
        select(StaffSession, StaffUser)
        .join(StaffUser, StaffUser.id == StaffSession.staff_user_id)
        .where(StaffSession.secret_hash == secret_hash(secret), StaffUser.disabled_at.is_(None))
    ).one_or_none()
    if found is None:
        return None
    row, user = found
    view = StaffView(row.id, user.id, user.email, user.role, row.seen_at, row.expires_at)
    return view, dict(row.data)


def keep(
    session: Session,
    view: View,
    now: datetime,
    *,
    changed: Mapping[str, Any] | None = None,
    removed: Iterable[str] = (),
) -> None:
    """Note that a session was used, and store what its page changed.

    Only the keys that changed are written, so that two tabs of one session do not undo each other.
    """
    row: LaunchSession | StaffSession | None
    if isinstance(view, LaunchView):
        row = session.get(LaunchSession, view.session_id, with_for_update=True)
    else:
        row = session.get(StaffSession, view.session_id, with_for_update=True)
    if row is None:  # signed out by another request meanwhile
        return
    row.seen_at, row.expires_at = now, now + IDLE
    gone = set(removed)
    if changed or gone:
        row.data = {key: value for key, value in row.data.items() if key not in gone} | dict(changed or {})


def take(session: Session, view: LaunchView, key: str) -> bool:
    """Remove a key from a launch session's data; of two requests at the same time one gets ``True``."""
    row = session.get(LaunchSession, view.session_id, with_for_update=True, populate_existing=True)
    if row is None or key not in row.data:
        return False
    row.data = {name: value for name, value in row.data.items() if name != key}
    return True


@dataclass(frozen=True, slots=True)
class Entered:
    """Where a launch goes on: the course, and a new secret for the path when the cookie did not come back."""

    context_id: int | None
    path_secret: str | None
    landing: Mapping[str, Any] = field(default_factory=dict)
    """Which page the launch is for (``services.landing``); empty for the course's first page."""


def enter(session: Session, ticket: str, cookie_secret: str | None, now: datetime) -> Entered:
    """Go on after a launch with the one-time ticket of ``receive_launch``, spent here by one statement.

    With the session's cookie nothing else changes, and the page may be loaded again. Without it the session gets a
    new secret, which travels in the path; whoever still holds the old one has nothing.
    Raises ``SessionExpiredError`` when the ticket is unknown, old or used and no cookie names its session.
    """
    is_fresh = _spend(session, ticket, now)
    details = session.scalars(
        select(Ticket.details).where(Ticket.token_hash == secret_hash(ticket), Ticket.purpose == ENTER)
    ).one_or_none()
    row = session.get(LaunchSession, details["launch_session_id"]) if details else None
    if row is None or row.expires_at <= now:
        raise SessionExpiredError("The launch session ended.")
    if cookie_secret and row.secret_hash == secret_hash(cookie_secret):
        return Entered(row.context_id, None, row.data.get(LANDING, {}))
    if not is_fresh:
        raise SessionExpiredError("The ticket was used before, or is too old.")
    secret = new_secret()
    row.secret_hash = secret_hash(secret)
    return Entered(row.context_id, secret, row.data.get(LANDING, {}))


def _spend(session: Session, ticket: str, now: datetime) -> bool:
    try:
        spend_ticket(session, ticket, ENTER, now)
    except ForbiddenError:
        return False
    return True


def sweep(session: Session, now: datetime) -> None:
    """Forget sessions that ended more than a day ago: they say who was where when, and nobody needs that."""
    for table in (LaunchSession, StaffSession):
        session.execute(delete(table).where(table.expires_at < now - KEPT))
