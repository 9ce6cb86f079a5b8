"""What a verified launch leaves behind: a user, a context, a membership, an open session, an audit event."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.lti.launch import VerifiedLaunch
from lti_tool.models import Context, LaunchSession, Membership, MembershipStatus, ResourceLink, User
from lti_tool.services import audit
from lti_tool.services.course_sync import request_sync
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.tickets import make_ticket
from lti_tool.services.upsert import insert_once

IDLE = timedelta(minutes=30)
ENTER = "enter"
SYNC_AFTER = timedelta(minutes=2)
"""A launch asks for a fresh reading of the course when the last one is older than this."""


@dataclass(frozen=True, slots=True)
class OpenedLaunch:
    """A session that was opened; ``secret`` and ``ticket`` exist here only, hashes are stored."""

    launch_session_id: int
    secret: str
    ticket: str
    context_id: int | None
    user_id: int | None
    sync_run_id: int | None


def receive_launch(session: Session, launch: VerifiedLaunch, now: datetime) -> OpenedLaunch:
    """Store what the launch says and open a session for it."""
    # One flush for all of it: a flush before each of the look-ups costs more than the look-ups.
    with session.no_autoflush:
        return _receive(session, launch, now)


def _receive(session: Session, launch: VerifiedLaunch, now: datetime) -> OpenedLaunch:
    user = _ensure_user(session, launch, now)
    context = _ensure_context(session, launch, now)
    run_id = None
    if context is not None:
        _ensure_resource_link(session, context, launch)
        if user is not None:
            _ensure_membership(session, context, user, launch, now)
        run_id = request_sync(session, context, "launch", now, unless_read_since=now - SYNC_AFTER)
    secret = new_secret()
    opened = LaunchSession(
        secret_hash=secret_hash(secret),
        deployment_id=launch.deployment_row_id,
        context_id=context.id if context else None,
        user_id=user.id if user else None,
        roles=sorted(launch.roles),
        is_test_user=launch.is_test_user,
        locale=launch.locale,
        frame_ancestors=list(launch.frame_ancestors),
        data={},
        created_at=now,
        seen_at=now,
        expires_at=now + IDLE,
    )
    session.add(opened)
    session.flush()
    ticket = make_ticket(session, ENTER, opened.user_id, {"launch_session_id": opened.id}, now)
    audit.record(
        session,
        "launch.accepted",
        actor=f"user:{user.id}" if user else "anonymous",
        subject=f"context:{context.id}" if context else f"deployment:{launch.deployment_row_id}",
        organization_id=launch.organization_id,
        now=now,
    )
    return OpenedLaunch(opened.id, secret, ticket, opened.context_id, opened.user_id, run_id)


def _ensure_user(session: Session, launch: VerifiedLaunch, now: datetime) -> User | None:
    if launch.platform_user_id is None:
        return None
    return ensure_user(
        session, launch.registration_id, launch.platform_user_id, now, name=launch.name, email=launch.email
    )


def ensure_user(
    session: Session, registration_id: int, platform_user_id: str, now: datetime, *, name: str | None, email: str | None
) -> User:
    """Return the user with this ``sub``, created or brought up to date. What the platform leaves out is kept."""
    found = select(User).where(User.registration_id == registration_id, User.platform_user_id == platform_user_id)
    user = session.scalar(found)
    if user is None:
        insert_once(
            session,
            User,
            ["registration_id", "platform_user_id"],
            registration_id=registration_id,
            platform_user_id=platform_user_id,
            created_at=now,
        )
        user = session.scalars(found).one()
    user.name = name or user.name
    user.email = email or user.email
    return user


def _ensure_context(session: Session, launch: VerifiedLaunch, now: datetime) -> Context | None:
    if launch.context is None:
        return None
    found = select(Context).where(
        Context.deployment_id == launch.deployment_row_id, Context.platform_id == launch.context.platform_id
    )
    context = session.scalar(found)
    if context is None:
        insert_once(
            session,
            Context,
            ["deployment_id", "platform_id"],
            deployment_id=launch.deployment_row_id,
            organization_id=launch.organization_id,
            platform_id=launch.context.platform_id,
            ags_scopes=[],
            evaluation_wanted=0,
            evaluation_done=0,
            created_at=now,
            launched_at=now,
        )
        context = session.scalars(found).one()
    context.title = launch.context.title or context.title
    context.label = launch.context.label or context.label
    if launch.line_items_url is not None:
        context.line_items_url = launch.line_items_url
        context.ags_scopes = sorted(launch.ags_scopes)
    context.memberships_url = launch.memberships_url or context.memberships_url
    context.launched_at = now
    return context


def _ensure_resource_link(session: Session, context: Context, launch: VerifiedLaunch) -> None:
    if launch.resource_link is None:
        return
    platform_id, title = launch.resource_link
    found = select(ResourceLink).where(ResourceLink.context_id == context.id, ResourceLink.platform_id == platform_id)
    link = session.scalar(found)
    if link is None:
        insert_once(
            session, ResourceLink, ["context_id", "platform_id"], context_id=context.id, platform_id=platform_id
        )
        link = session.scalars(found).one()
    link.title = title or link.title
    link.line_item_url = launch.line_item_url or link.line_item_url


def _ensure_membership(session: Session, context: Context, user: User, launch: VerifiedLaunch, now: datetime) -> None:
    ensure_membership(
        session,
        context.id,
        user.id,
        now,
        roles=sorted(launch.roles),
        is_learner=launch.is_learner,
        is_test_user=launch.is_test_user,
        status=MembershipStatus.ACTIVE,
    )


def ensure_membership(
    session: Session,
    context_id: int,
    user_id: int,
    now: datetime,
    *,
    roles: list[str],
    is_learner: bool,
    is_test_user: bool,
    status: MembershipStatus,
) -> Membership:
    """Return the membership, created or brought up to date."""
    found = select(Membership).where(Membership.context_id == context_id, Membership.user_id == user_id)
    membership = session.scalar(found)
    if membership is None:
        insert_once(
            session,
            Membership,
            ["context_id", "user_id"],
            context_id=context_id,
            user_id=user_id,
            roles=roles,
            is_learner=is_learner,
            is_test_user=is_test_user,
            status=status,
            seen_at=now,
        )
        return session.scalars(found).one()
    membership.roles, membership.is_learner = roles, is_learner
    # Once a test user, always one: a roster may leave the marker out that a launch carried.
    membership.is_test_user = membership.is_test_user or is_test_user
    membership.status, membership.seen_at = status, now
    return membership
