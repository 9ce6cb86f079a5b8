"""*Adopt*: a registration takes over the people, courses and badges of an earlier one with the same platform.

Needed when the tool was registered anew instead of renewed, under another client id. People are the same when the
platform calls them the same (``sub``), never by name or e-mail address; courses when they have the same context id. An
admin sees the figures before and confirms them; the earlier registration stays, switched off, and names its successor.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session, aliased

from lti_tool.errors import ConflictError
from lti_tool.models import (
    Award,
    Context,
    Deployment,
    DeploymentState,
    LaunchSession,
    Registration,
    ServiceToken,
    User,
)
from lti_tool.services import audit, taking_over
from lti_tool.services.registrations import get_by_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What adopting will do, in numbers; an admin confirms exactly these."""

    users: int
    users_matched: int
    contexts: int
    contexts_matched: int
    awards: int
    awards_claimed: int
    awards_twice: int
    """Awards that both have: the same person, the same badge, the same occasion."""

    def digest(self) -> str:
        """Return the figures as one text, for the form that confirms them."""
        return "-".join(str(one) for one in asdict(self).values())


@dataclass(frozen=True, slots=True)
class Preview:
    """The two registrations, and the figures."""

    old_id: int
    old_name: str
    new_id: int
    new_name: str
    figures: Figures


def candidates(session: Session, new_id: int) -> list[Registration]:
    """Return the registrations that this one might take over from: same issuer, nobody's predecessor yet."""
    new = get_by_id(session, new_id)
    found = select(Registration).where(
        Registration.issuer == new.issuer, Registration.id != new.id, Registration.successor_id.is_(None)
    )
    return list(session.scalars(found.order_by(Registration.name)))


def preview(session: Session, old_id: int, new_id: int) -> Preview:
    """Return what adopting would do.

    Raises ``NotFoundError`` (``platform_not_found``) or ``ConflictError``: ``adopt_other_issuer``,
    ``registration_adopted``, ``adopt_several_institutions``, ``adopt_needs_launch``, ``adopt_nothing_in_common``.
    """
    old, new = _checked(session, old_id, new_id)
    figures = Figures(
        users=_count(session, select(User.id).where(User.registration_id == old.id)),
        users_matched=_count(session, _user_pairs(old.id, new.id)),
        contexts=_count(session, _contexts_of(old.id)),
        contexts_matched=_count(session, _context_pairs(old.id, new.id)),
        awards=_count(session, _awards_of(old.id)),
        awards_claimed=_count(session, _awards_of(old.id).where(Award.claimed_at.is_not(None))),
        awards_twice=_count(session, _award_pairs(old.id, new.id)),
    )
    if figures.users_matched + figures.contexts_matched == 0:
        raise ConflictError("No person and no course is known to both.", code="adopt_nothing_in_common")
    return Preview(old.id, old.name, new.id, new.name, figures)


def adopt(session: Session, old_id: int, new_id: int, *, confirmed: str, actor: str, now: datetime) -> Preview:
    """Let the registration ``new_id`` take over from ``old_id``; returns what was done.

    ``confirmed`` is the digest of the figures that the admin saw. Raises what ``preview`` raises, and ``ConflictError``
    (``adopt_changed``) when the figures are not those any more.
    """
    session.scalars(  # both, in one order: two admins at the same time do not wait for each other for ever
        select(Registration).where(Registration.id.in_([old_id, new_id])).order_by(Registration.id).with_for_update()
    ).all()
    seen = preview(session, old_id, new_id)
    if seen.figures.digest() != confirmed:
        raise ConflictError("The figures changed since they were shown.", code="adopt_changed")
    twice = session.execute(_award_pairs(old_id, new_id).with_only_columns(*_AWARD_PAIR)).all()
    people = _pairs(session, _user_pairs(old_id, new_id))
    courses = _pairs(session, _context_pairs(old_id, new_id))
    taking_over.take_people(session, old_id, new_id, people, now)
    taking_over.take_courses(session, old_id, new_id, courses, now)
    taking_over.take_organization(session, _organizations(session, new_id)[0], _organizations(session, old_id))
    old = get_by_id(session, old_id)
    old.successor_id, old.disabled_at = new_id, old.disabled_at or now
    old_deployments = select(Deployment.id).where(Deployment.registration_id == old_id)
    session.execute(delete(LaunchSession).where(LaunchSession.deployment_id.in_(old_deployments)))
    session.execute(delete(ServiceToken).where(ServiceToken.registration_id == old_id))
    session.flush()
    session.expire_all()
    audit.record(
        session,
        "registration.adopted",
        actor=actor,
        subject=f"registration:{old_id}",
        organization_id=_organizations(session, new_id)[0],
        payload={
            "successor": new_id,
            "figures": asdict(seen.figures),
            "users": [[gone, kept] for gone, kept in people.items()],
            "awards_twice": [list(pair) for pair in twice],
        },
        now=now,
    )
    return seen


# -- checks -----------------------------------------------------------------------------------------------------------


def _checked(session: Session, old_id: int, new_id: int) -> tuple[Registration, Registration]:
    old, new = get_by_id(session, old_id), get_by_id(session, new_id)
    if old.id == new.id or old.issuer != new.issuer:
        raise ConflictError("Only a registration with the same issuer can take over.", code="adopt_other_issuer")
    if old.successor_id is not None or new.successor_id is not None:
        raise ConflictError("One of the two was taken over before.", code="registration_adopted")
    ours, theirs = _organizations(session, old.id), _organizations(session, new.id)
    if len(ours) > 1 or len(theirs) > 1 or (ours != theirs and _serves_others(session, theirs, new.id)):
        raise ConflictError("Several institutions are involved.", code="adopt_several_institutions")
    active = select(Deployment.id).where(
        Deployment.registration_id == new.id, Deployment.state == DeploymentState.ACTIVE
    )
    if not theirs or session.scalar(active.limit(1)) is None:
        raise ConflictError("The new registration has no deployment yet.", code="adopt_needs_launch")
    return old, new


def _organizations(session: Session, registration_id: int) -> list[int]:
    found = select(Deployment.organization_id).where(Deployment.registration_id == registration_id)
    return sorted(session.scalars(found.distinct()))


def _serves_others(session: Session, organizations: list[int], registration_id: int) -> bool:
    other = select(Deployment.id).where(
        Deployment.organization_id.in_(organizations), Deployment.registration_id != registration_id
    )
    return len(organizations) == 1 and session.scalar(other.limit(1)) is not None


# -- who and what is the same -----------------------------------------------------------------------------------------

_NewUser, _NewContext, _NewDeployment = aliased(User), aliased(Context), aliased(Deployment)
_NewAward = aliased(Award)
_AWARD_PAIR = (Award.id, _NewAward.id)


def _user_pairs(old_id: int, new_id: int) -> Select[int, int]:
    return (
        select(User.id, _NewUser.id.label("new_id"))
        .join(_NewUser, _NewUser.platform_user_id == User.platform_user_id)
        .where(User.registration_id == old_id, _NewUser.registration_id == new_id)
    )


def _contexts_of(registration_id: int) -> Select[int]:
    return select(Context.id).join(Deployment).where(Deployment.registration_id == registration_id)


def _context_pairs(old_id: int, new_id: int) -> Select[int, int]:
    return (
        select(Context.id, _NewContext.id.label("new_id"))
        .join(Deployment, Deployment.id == Context.deployment_id)
        .join(_NewContext, _NewContext.platform_id == Context.platform_id)
        .join(_NewDeployment, _NewDeployment.id == _NewContext.deployment_id)
        .where(Deployment.registration_id == old_id, _NewDeployment.registration_id == new_id)
    )


def _awards_of(registration_id: int) -> Select[int]:
    return select(Award.id).join(User).where(User.registration_id == registration_id)


def _award_pairs(old_id: int, new_id: int) -> Select[int, int]:
    pairs = _user_pairs(old_id, new_id).subquery()
    return (
        select(Award.id, _NewAward.id.label("new_id"))
        .join(pairs, pairs.c.id == Award.user_id)
        .join(
            _NewAward,
            (_NewAward.user_id == pairs.c.new_id)
            & (_NewAward.achievement_id == Award.achievement_id)
            & (_NewAward.occasion == Award.occasion),
        )
    )


def _count(session: Session, rows: Select[*tuple[Any, ...]]) -> int:
    return session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _pairs(session: Session, rows: Select[int, int]) -> dict[int, int]:
    """Return ``{new: old}``; a row that has several likes is paired once."""
    found: dict[int, int] = {}
    paired: set[int] = set()
    for old_id, new_id in session.execute(rows.order_by("new_id", rows.selected_columns[0])):
        if old_id not in paired and new_id not in found:
            found[new_id] = old_id
            paired.add(old_id)
    return found
