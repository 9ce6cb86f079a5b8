"""Who may come in: every view says it with one of the decorators here, and one place enforces it.

Writing a blueprint::

    blueprint = Blueprint("instructor", __name__)

    @blueprint.get("/courses/<int:context_id>/learners")
    @launch_required(Role.INSTRUCTOR)
    def learners(context_id: int) -> str:
        with services().database.read() as session:                 # lti_tool.web.current.services
            rows = services().mapping.list_learners(session, g.launch.organization_id, context_id)
        return render_template("instructor/learners.html", rows=rows)

    @blueprint.post("/courses/<int:context_id>/achievements/<int:achievement_id>/publish")
    @launch_required(Role.INSTRUCTOR, action=Action.PUBLISH)
    def publish(context_id: int, achievement_id: int) -> Response: ...

and adding it to ``BLUEPRINTS`` in ``lti_tool/app.py``. What a view then has:

- ``g.launch`` (``services.sessions.LaunchView``: user_id, context_id, organization_id, is_instructor, is_learner,
  is_test_user, is_anonymous, locale, actor) under ``launch_required``; the ``<int:context_id>`` of its path is the
  session's course, checked. Rows named by further ids in the path must still be looked up inside that course.
- ``g.staff`` (``StaffView``: staff_user_id, email, role, actor) under ``staff_required``; paths begin with ``/admin``
  or ``/staff``.
- nothing under ``public`` (no session, no cookie) and ``machine`` (also no check where a POST comes from: for what
  platforms and programs send).
- ``flask.session`` and ``flash`` work under ``launch_required`` and ``staff_required``; forms put
  ``{{ csrf_token() }}`` into a hidden field, or ``form.csrf_token`` of a ``FlaskForm``. CSRF, own origin, roles and
  "read-only without a user" are checked before the view runs.
- raise an error of ``lti_tool.errors``: it becomes a page with the text that ``web/messages.py`` has for its code.
- ``url_for`` to a ``public`` or ``machine`` view never carries a session's path, so such links may be handed on.
- tests post with ``headers={"Sec-Fetch-Site": "same-origin"}``, as browsers do.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import current_app, g, request
from flask import session as flask_session

from lti_tool.errors import ForbiddenError, SessionExpiredError
from lti_tool.services.sessions import LaunchView, StaffView
from lti_tool.web.current import services
from lti_tool.web.session import StoredSession

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_ENDPOINTS = frozenset({"static", "bootstrap.static"})
POLICY = "ROLE_POLICY"
"""Key in ``app.config``: actions that an installation's policy grants to further roles, ``{Action: {Role}}``."""


class Role(enum.StrEnum):
    """Roles in a course, from the launch, and staff roles, from an invite."""

    INSTRUCTOR = "instructor"
    LEARNER = "learner"
    ADMIN = "admin"
    REGISTRAR = "registrar"
    REVIEWER = "reviewer"


class Action(enum.StrEnum):
    """What a role may do; reading one's own things needs no entry."""

    MAP = "map"
    """Make badges, skills, rules; bind evidence."""
    PREVIEW = "preview"
    READ_ROSTER = "read_roster"
    SYNC = "sync"
    ASSESS = "assess"
    AWARD_BY_HAND = "award_by_hand"
    ASK_TO_PUBLISH = "ask_to_publish"
    PUBLISH = "publish"
    REVOKE = "revoke"
    REVIEW_AWARDS = "review_awards"
    """Decide about awards in question: keep or suspend them, answer appeals; release, dismiss or undo a run."""
    MANAGE_TEMPLATES = "manage_templates"
    CLAIM = "claim"
    SHARE = "share"
    MANAGE_PLATFORMS = "manage_platforms"
    INVITE = "invite"
    READ_HEALTH = "read_health"
    READ_AUDIT = "read_audit"
    EXPORT = "export"


MATRIX: Mapping[Action, frozenset[Role]] = {
    Action.MAP: frozenset({Role.INSTRUCTOR}),
    Action.PREVIEW: frozenset({Role.INSTRUCTOR, Role.REVIEWER, Role.REGISTRAR}),
    Action.READ_ROSTER: frozenset({Role.INSTRUCTOR, Role.REGISTRAR}),
    Action.SYNC: frozenset({Role.INSTRUCTOR, Role.ADMIN}),
    Action.ASSESS: frozenset({Role.INSTRUCTOR}),
    Action.AWARD_BY_HAND: frozenset({Role.INSTRUCTOR}),
    Action.ASK_TO_PUBLISH: frozenset({Role.INSTRUCTOR}),
    Action.PUBLISH: frozenset({Role.REVIEWER, Role.REGISTRAR}),
    Action.REVOKE: frozenset({Role.REGISTRAR}),
    Action.REVIEW_AWARDS: frozenset({Role.INSTRUCTOR, Role.REGISTRAR}),
    Action.MANAGE_TEMPLATES: frozenset({Role.REGISTRAR, Role.ADMIN}),
    Action.CLAIM: frozenset({Role.LEARNER}),
    Action.SHARE: frozenset({Role.LEARNER}),
    Action.MANAGE_PLATFORMS: frozenset({Role.ADMIN}),
    Action.INVITE: frozenset({Role.ADMIN}),
    Action.READ_HEALTH: frozenset({Role.ADMIN}),
    Action.READ_AUDIT: frozenset({Role.ADMIN, Role.REGISTRAR}),
    Action.EXPORT: frozenset({Role.REGISTRAR}),
}
"""The safe defaults. An action without an entry is nobody's."""


def is_allowed(roles: frozenset[Role], action: Action) -> bool:
    """Whether one of ``roles`` may do ``action``, by the matrix and the installation's policy."""
    policy: Mapping[Action, frozenset[Role]] = current_app.config.get(POLICY) or {}
    return bool(roles & (MATRIX.get(action, frozenset()) | frozenset(policy.get(action, ()))))


class Kind(enum.StrEnum):
    """Which session a view works in."""

    PUBLIC = "public"
    MACHINE = "machine"
    LAUNCH = "launch"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Access:
    """What a decorator says about its view; ``roles`` empty: every role of that kind."""

    kind: Kind
    roles: frozenset[Role] = frozenset()
    action: Action | None = None
    in_course: bool = True
    """Whether a launch's page belongs to its course; the others have no ``context_id`` in their path."""


def _marked(view: Decorated, access: Access) -> Decorated:
    cast("Any", view).access = access
    return view


def public(view: Decorated) -> Decorated:
    """Anyone, without a session."""
    return _marked(view, Access(Kind.PUBLIC))


def machine(view: Decorated) -> Decorated:
    """Platforms and programs, with proofs of their own; no session, no CSRF token."""
    return _marked(view, Access(Kind.MACHINE))


def launch_required(
    role: Role | None = None, *, action: Action | None = None, in_course: bool = True
) -> Callable[[Decorated], Decorated]:
    """Somebody who came from their course: ``Role.INSTRUCTOR``, ``Role.LEARNER`` or, with ``None``, either.

    With ``action`` also what the matrix or the policy allows. ``in_course=False``: a page that belongs to no course.
    """
    access = Access(Kind.LAUNCH, frozenset({role} if role else ()), action, in_course)
    return lambda view: _marked(view, access)


def staff_required(*roles: Role, action: Action | None = None) -> Callable[[Decorated], Decorated]:
    """A signed-in staff user with one of ``roles``; without any, every staff role."""
    access = Access(Kind.STAFF, frozenset(roles), action)
    return lambda view: _marked(view, access)


def access_of(endpoint: str | None) -> Access | None:
    """Return what a view's decorator said; ``None`` when there is no view or it has no decorator."""
    return getattr(current_app.view_functions.get(endpoint or ""), "access", None)


def roles_of(view: LaunchView | StaffView) -> frozenset[Role]:
    """Return a session's roles."""
    if isinstance(view, StaffView):
        return frozenset({Role(view.role.value)})
    held = {Role.INSTRUCTOR: view.is_instructor, Role.LEARNER: view.is_learner}
    return frozenset(role for role, is_held in held.items() if is_held)


def can(action: Action | str) -> bool:
    """Whether the session at hand may do ``action``; for templates, to leave out what would be refused."""
    view = g.get("launch") or g.get("staff")
    return view is not None and is_allowed(roles_of(view), Action(action))


def admit() -> None:
    """Let the request through to its view, or raise; runs before every request.

    Raises ``SessionExpiredError`` or ``ForbiddenError`` (``instructor_only``, ``learner_only``, ``other_course``,
    ``anonymous_read_only``, ``forbidden``).
    """
    if request.endpoint is None or request.endpoint in OPEN_ENDPOINTS:
        return
    access = access_of(request.endpoint)
    if access is None:
        raise RuntimeError(f"{request.endpoint} does not say who may come in")
    if access.kind is Kind.LAUNCH:
        _admit_launch(access)
    elif access.kind is Kind.STAFF:
        _admit_staff(access)


def stored_view() -> LaunchView | StaffView | None:
    """Return the session's row, ended or not."""
    stored = cast("StoredSession", flask_session._get_current_object())  # type: ignore[attr-defined]
    return stored.view


def _admit_launch(access: Access) -> None:
    view = stored_view()
    if not isinstance(view, LaunchView):
        # Nobody knows whose frame this is. The page that says so has nothing to press and nothing private.
        g.frame_ancestors = ("*",)
        raise SessionExpiredError("There is no launch session.")
    g.frame_ancestors = view.frame_ancestors
    if view.expires_at <= services().clock():
        raise SessionExpiredError("The launch session ended.")
    g.launch = view
    is_here = view.context_id is not None and (request.view_args or {}).get("context_id") == view.context_id
    if access.in_course and not is_here:
        raise ForbiddenError("The session belongs to another course.", code="other_course")
    if access.roles and not access.roles & roles_of(view):
        (role,) = access.roles
        raise ForbiddenError(f"This page is for a course's {role}s.", code=f"{role}_only")
    if view.is_anonymous and request.method not in SAFE_METHODS:
        raise ForbiddenError("The platform did not say who this is.", code="anonymous_read_only")
    _require_action(view, access)


def _admit_staff(access: Access) -> None:
    view = stored_view()
    if not isinstance(view, StaffView) or view.expires_at <= services().clock():
        raise SessionExpiredError("There is no staff session.", code="staff_session_expired")
    g.staff = view
    if access.roles and not access.roles & roles_of(view):
        raise ForbiddenError("The role of this session does not allow this page.")
    _require_action(view, access)


def _require_action(view: LaunchView | StaffView, access: Access) -> None:
    if access.action is not None and not is_allowed(roles_of(view), access.action):
        raise ForbiddenError(f"{access.action} is not allowed to this role.", code="action_not_allowed")
