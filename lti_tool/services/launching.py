"""What a verified launch leaves behind: a user, a context, a membership, an open session, an audit event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from lti_tool.lti import variables
from lti_tool.lti.launch import VerifiedLaunch
from lti_tool.models import Context, Deployment, LaunchSession, Membership, MembershipStatus, ResourceLink, User
from lti_tool.services import audit, copy_proposals, identities, landing, registrations
from lti_tool.services.course_sync import request_sync
from lti_tool.services.landing import Landing
from lti_tool.services.launch_lookup import Known, context_values, deployment_values, link_values, look_up, service_ids
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.tickets import make_ticket
from lti_tool.services.upsert import insert_once

IDLE = timedelta(minutes=30)
ENTER = "enter"
SYNC_AFTER = timedelta(minutes=2)
"""A launch asks for a fresh reading of the course when the last one is older than this."""
LAUNCHED_EVERY = timedelta(minutes=1)
"""How exactly a course's last launch is known; a class that opens the tool at once would write one row in turn."""

# Statements of the hot path are built once, on tables: building one, or the ORM, costs more than running it.
_SESSIONS = cast("Table", LaunchSession.__table__)
_OPEN = insert(_SESSIONS).returning(_SESSIONS.c.id)
_MEMBERS, _CONTEXTS = cast("Table", Membership.__table__), cast("Table", Context.__table__)
_SEEN = update(_MEMBERS).where(_MEMBERS.c.id == bindparam("row")).values(seen_at=bindparam("now"))
_LAUNCHED = update(_CONTEXTS).where(_CONTEXTS.c.id == bindparam("row")).values(launched_at=bindparam("now"))


@dataclass(frozen=True, slots=True)
class OpenedLaunch:
    """A session that was opened; ``secret`` and ``ticket`` exist here only, hashes are stored."""

    launch_session_id: int
    secret: str
    ticket: str
    context_id: int | None
    user_id: int | None
    sync_run_id: int | None
    score_post_id: int | None = None


def receive_launch(session: Session, launch: VerifiedLaunch, now: datetime) -> OpenedLaunch:
    """Store what the launch says and open a session for it; raises as ``look_up``."""
    launch = landing.without_course(launch)
    connection = session.connection()
    known = look_up(connection, launch, now, read_within=SYNC_AFTER)
    context_id, user_id, run_id = known.context_id, known.user_id, None
    if known.is_all:
        if launch.context is not None:
            if _note_visit(connection, known, now):
                registrations.note_launch(session, launch.registration_id, launch.clock_skew_seconds, now)
            if not known.is_read:
                context = session.get_one(Context, context_id)
                run_id = request_sync(session, context, "launch", now, unless_read_since=now - SYNC_AFTER)
    else:
        context_id, user_id, run_id = _store(session, launch, now)
        registrations.note_launch(session, launch.registration_id, launch.clock_skew_seconds, now)
    landed = landing.settle(session, launch, context_id, user_id, now)
    return _open(connection, launch, context_id, user_id, run_id, landed, now)


def _note_visit(connection: Connection, known: Known, now: datetime) -> bool:
    """Write down when the course and its member were seen, the course's to the minute: its row is everybody's.

    Returns whether this is the course's first launch in its minute.
    """
    if known.membership_id is not None:
        connection.execute(_SEEN, {"row": known.membership_id, "now": now})
    if known.launched_at is not None and known.launched_at <= now < known.launched_at + LAUNCHED_EVERY:
        return False
    connection.execute(_LAUNCHED, {"row": known.context_id, "now": now})
    return True


def _open(
    connection: Connection,
    launch: VerifiedLaunch,
    context_id: int | None,
    user_id: int | None,
    run_id: int | None,
    landed: Landing,
    now: datetime,
) -> OpenedLaunch:
    """Open the session, make its ticket, and write the event down."""
    secret = new_secret()
    opened_id: int = connection.scalar(
        _OPEN,
        {
            "secret_hash": secret_hash(secret),
            "deployment_id": launch.deployment_row_id,
            "context_id": context_id,
            "user_id": user_id,
            "roles": sorted(launch.roles),
            "is_test_user": launch.is_test_user,
            "locale": launch.locale,
            "frame_ancestors": list(launch.frame_ancestors),
            "data": landed.data,
            "created_at": now,
            "seen_at": now,
            "expires_at": now + IDLE,
        },
    )
    ticket = make_ticket(connection, ENTER, user_id, {"launch_session_id": opened_id}, now)
    audit.record_plain(
        connection,
        "launch.accepted",
        actor=f"user:{user_id}" if user_id else "anonymous",
        subject=f"context:{context_id}" if context_id else f"deployment:{launch.deployment_row_id}",
        organization_id=launch.organization_id,
        now=now,
    )
    return OpenedLaunch(opened_id, secret, ticket, context_id, user_id, run_id, landed.score_post_id)


def _store(session: Session, launch: VerifiedLaunch, now: datetime) -> tuple[int | None, int | None, int | None]:
    """Make or change what the launch says anew; returns the ids of course, user and reading."""
    # One flush for all of it: a flush before each of the look-ups costs more than the look-ups.
    with session.no_autoflush:
        _note_deployment(session, launch)
        user = _ensure_user(session, launch, now)
        context = _ensure_context(session, launch, now)
        run_id = None
        if context is not None:
            _ensure_resource_link(session, context, launch)
            if user is not None:
                _ensure_membership(session, context, user, launch, now)
            run_id = request_sync(session, context, "launch", now, unless_read_since=now - SYNC_AFTER)
    session.flush()
    if context is not None and user is not None:
        link_id = launch.resource_link and launch.resource_link.platform_id
        identities.note_launch(session, context, user, launch.custom, link_id, now)
    if context is not None:
        copy_proposals.propose_by_history(session, context, variables.link_history(launch.custom) or (), now)
    return context.id if context else None, user.id if user else None, run_id


def _note_deployment(session: Session, launch: VerifiedLaunch) -> None:
    """Remember where notices are asked for; at a new address none is yet."""
    deployment = session.get_one(Deployment, launch.deployment_row_id)
    for name, value in deployment_values(launch).items():
        if getattr(deployment, name) != value:
            setattr(deployment, name, value)
            deployment.notice_types = []


def _ensure_user(session: Session, launch: VerifiedLaunch, now: datetime) -> User | None:
    if launch.platform_user_id is None:
        return None
    return ensure_user(
        session,
        launch.registration_id,
        launch.organization_id,
        launch.platform_user_id,
        now,
        name=launch.name,
        email=launch.email,
    )


def ensure_user(
    session: Session,
    registration_id: int,
    organization_id: int,
    platform_user_id: str,
    now: datetime,
    *,
    name: str | None,
    email: str | None,
) -> User:
    """Return the institution's user with this ``sub``, created or brought up to date. What is left out is kept."""
    key = {
        "registration_id": registration_id,
        "organization_id": organization_id,
        "platform_user_id": platform_user_id,
    }
    found = select(User).filter_by(**key)
    user = session.scalar(found)
    if user is None:
        insert_once(
            session,
            User,
            list(key),
            **key,
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
    for name, value in context_values(launch).items():
        setattr(context, name, value)
    context.service_ids = {**(context.service_ids or {}), **service_ids(launch)}
    context.launched_at = now
    return context


def _ensure_resource_link(session: Session, context: Context, launch: VerifiedLaunch) -> None:
    if launch.resource_link is None:
        return
    platform_id = launch.resource_link.platform_id
    found = select(ResourceLink).where(ResourceLink.context_id == context.id, ResourceLink.platform_id == platform_id)
    link = session.scalar(found)
    if link is None:
        insert_once(
            session, ResourceLink, ["context_id", "platform_id"], context_id=context.id, platform_id=platform_id
        )
        link = session.scalars(found).one()
    for name, value in link_values(launch).items():
        setattr(link, name, value)


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
        launch_roles=sorted(launch.roles),
        sections=variables.section_ids(launch.custom),
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
    launch_roles: list[str] | None = None,
    sections: list[str] | None = None,
) -> Membership:
    """Return the membership, created or brought up to date; what is ``None`` was not told and stays as it was."""
    found = select(Membership).where(Membership.context_id == context_id, Membership.user_id == user_id)
    membership = session.scalar(found)
    sent = {"launch_roles": launch_roles, "sections": sections}
    told = {name: value for name, value in sent.items() if value is not None}
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
            **told,
        )
        return session.scalars(found).one()
    membership.roles, membership.is_learner = roles, is_learner
    # Once a test user, always one: a roster may leave the marker out that a launch carried.
    membership.is_test_user = membership.is_test_user or is_test_user
    membership.status, membership.seen_at = status, now
    for name, value in told.items():
        setattr(membership, name, value)
    return membership
