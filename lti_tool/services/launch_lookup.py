"""What is stored already about the people and places of a launch, read by one statement.

Nearly every launch is of somebody this tool knows, in a course it knows, and says nothing new. One look tells, and
then nothing needs to be made or changed (``launching``). The same look asks whether the deployment is still served,
in the transaction that opens the session: so nothing else has to ask (``lti/known_platforms``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, and_, bindparam, exists, or_, select

from lti_tool.errors import DeploymentDisabledError, DeploymentPendingError, PlatformDisabledError
from lti_tool.lti import variables
from lti_tool.lti.launch import VerifiedLaunch
from lti_tool.models import (
    Context,
    Deployment,
    DeploymentState,
    Membership,
    MembershipStatus,
    Registration,
    ResourceLink,
    SyncRun,
    SyncState,
    User,
)


def user_values(launch: VerifiedLaunch) -> dict[str, Any]:
    """What a launch says about its user, by column. What the platform leaves out is absent, and so is kept."""
    return _said(name=launch.name, email=launch.email)


def context_values(launch: VerifiedLaunch) -> dict[str, Any]:
    """What a launch says about its course, by column."""
    if launch.context is None:
        return {}
    scopes = sorted(launch.ags_scopes) if launch.line_items_url is not None else None
    return _said(
        title=launch.context.title,
        label=launch.context.label,
        line_items_url=launch.line_items_url,
        ags_scopes=scopes,
        memberships_url=launch.memberships_url,
        groups_url=launch.groups_url,
        group_sets_url=launch.group_sets_url,
        history=variables.context_history(launch.custom),
        starts_at=variables.moment(launch.custom, variables.STARTS_AT),
        ends_at=variables.moment(launch.custom, variables.ENDS_AT),
    )


def service_ids(launch: VerifiedLaunch) -> dict[str, str]:
    """What a launch says the platform's own API calls its course, by evidence source.

    Only a launch from the course's own link: to others, instructors can add parameters of their choice.
    """
    context, link = launch.context, launch.resource_link
    if context is None or (link is not None and link.platform_id != context.platform_id):
        return {}
    return variables.service_course_ids(launch.custom)


def deployment_values(launch: VerifiedLaunch) -> dict[str, Any]:
    """What a launch says about its deployment, by column."""
    return _said(notice_service_url=launch.notice_service_url)


def link_values(launch: VerifiedLaunch) -> dict[str, Any]:
    """What a launch says about the placement it came from, by column."""
    if launch.resource_link is None:
        return {}
    return _said(title=launch.resource_link.title, line_item_url=launch.line_item_url)


def membership_values(launch: VerifiedLaunch) -> dict[str, Any]:
    """What a launch says about its user in its course, by column."""
    # Once a test user, always one: a roster may leave the marker out that a launch carried.
    marked = {"is_test_user": True} if launch.is_test_user else {}
    roles, sections = sorted(launch.roles), variables.section_ids(launch.custom)
    told = {} if sections is None else {"sections": sections}
    return {
        "roles": roles, "launch_roles": roles, "is_learner": launch.is_learner, "status": MembershipStatus.ACTIVE,
        **marked, **told,
    }  # fmt: skip


def _said(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


_DEPLOYMENT, _REGISTRATION = cast("Table", Deployment.__table__), cast("Table", Registration.__table__)
_USER, _CONTEXT = cast("Table", User.__table__), cast("Table", Context.__table__)
_LINK, _MEMBERSHIP = cast("Table", ResourceLink.__table__), cast("Table", Membership.__table__)
_RUN = cast("Table", SyncRun.__table__)

_COLUMNS = (
    *(_DEPLOYMENT.c[name].label(f"deployment_{name}") for name in ("id", "state", "notice_service_url")),
    _REGISTRATION.c.disabled_at.label("disabled_at"),
    *(_USER.c[name].label(f"user_{name}") for name in ("id", "name", "email")),
    *(
        _CONTEXT.c[name].label(f"context_{name}")
        for name in (
            "id",
            "title",
            "label",
            "line_items_url",
            "ags_scopes",
            "memberships_url",
            "groups_url",
            "group_sets_url",
            "history",
            "starts_at",
            "ends_at",
            "launched_at",
            "service_ids",
        )
    ),
    *(_LINK.c[name].label(f"link_{name}") for name in ("id", "title", "line_item_url")),
    *(
        _MEMBERSHIP.c[name].label(f"membership_{name}")
        for name in ("id", "roles", "launch_roles", "sections", "is_learner", "is_test_user", "status")
    ),
    exists()
    .where(
        _RUN.c.context_id == _CONTEXT.c.id,
        or_(
            _RUN.c.state == SyncState.REQUESTED,  # not "in": a list is put into the statement anew each time
            _RUN.c.state == SyncState.RUNNING,
            and_(_RUN.c.state == SyncState.DONE, _RUN.c.finished_at > bindparam("read_since")),
        ),
    )
    .label("is_read"),
)
_LOOK = (
    select(*_COLUMNS)
    .select_from(_DEPLOYMENT)
    .join(_REGISTRATION, _REGISTRATION.c.id == _DEPLOYMENT.c.registration_id)
    .outerjoin(
        _USER,
        and_(
            _USER.c.registration_id == _REGISTRATION.c.id,
            _USER.c.organization_id == _DEPLOYMENT.c.organization_id,
            _USER.c.platform_user_id == bindparam("user"),
        ),
    )
    .outerjoin(
        _CONTEXT, and_(_CONTEXT.c.deployment_id == _DEPLOYMENT.c.id, _CONTEXT.c.platform_id == bindparam("context"))
    )
    .outerjoin(_LINK, and_(_LINK.c.context_id == _CONTEXT.c.id, _LINK.c.platform_id == bindparam("link")))
    .outerjoin(
        _MEMBERSHIP, and_(_MEMBERSHIP.c.context_id == _CONTEXT.c.id, _MEMBERSHIP.c.user_id == _USER.c.id)
    )
    .where(_DEPLOYMENT.c.id == bindparam("deployment"))
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What was found. ``is_all`` says that nothing of the launch is new; only then are the others of use.

    ``launched_at`` is the course's, ``is_read`` whether its evidence is being read or was lately.
    """

    is_all: bool
    user_id: int | None
    context_id: int | None
    membership_id: int | None
    launched_at: datetime | None
    is_read: bool


def look_up(connection: Connection, launch: VerifiedLaunch, now: datetime, *, read_within: timedelta) -> Known:
    """Return what is known about a launch's user, course, placement and membership.

    Raises ``PlatformDisabledError``, ``DeploymentDisabledError`` or ``DeploymentPendingError`` when an admin withdrew
    the platform or the deployment while the launch was verified.
    """
    row = connection.execute(
        _LOOK,
        {
            "deployment": launch.deployment_row_id,
            "user": launch.platform_user_id,
            "context": launch.context and launch.context.platform_id,
            "link": launch.resource_link and launch.resource_link.platform_id,
            "read_since": now - read_within,
        },
    ).one()  # fmt: skip
    _require_served(row)
    return Known(
        is_all=_is_all(row._mapping, launch),
        user_id=row.user_id,
        context_id=row.context_id,
        membership_id=row.membership_id,
        launched_at=row.context_launched_at,
        is_read=row.is_read,
    )


def _require_served(row: Row[Any]) -> None:
    if row.disabled_at is not None:
        raise PlatformDisabledError("The platform of this launch is disabled.")
    if row.deployment_state is DeploymentState.PENDING:
        raise DeploymentPendingError("The deployment of this launch waits for an admin to accept it.")
    if row.deployment_state is not DeploymentState.ACTIVE:
        raise DeploymentDisabledError("The deployment of this launch is disabled.")


def _is_all(row: Mapping[Any, Any], launch: VerifiedLaunch) -> bool:
    """Whether each row that the launch needs is there and says what the launch says."""
    has_user, has_context = launch.platform_user_id is not None, launch.context is not None
    needed: list[tuple[str, dict[str, Any]]] = [("deployment", deployment_values(launch))]
    if has_user:
        needed.append(("user", user_values(launch)))
    if has_context:
        needed.append(("context", context_values(launch)))
        told = service_ids(launch)
        if told and not told.items() <= (row["context_service_ids"] or {}).items():
            return False
        if launch.resource_link is not None:
            needed.append(("link", link_values(launch)))
        if has_user:
            needed.append(("membership", membership_values(launch)))
    return all(
        row[f"{kind}_id"] is not None and all(row[f"{kind}_{name}"] == value for name, value in values.items())
        for kind, values in needed
    )
