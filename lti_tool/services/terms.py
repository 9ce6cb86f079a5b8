"""Terms: stretches of time that an admin names, the occasions of badges that are earned once a term.

A term with awards keeps its name, since the name is what those awards are known by; its dates may move. Terms of one
organization do not overlap, so that every moment belongs to one at most.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import Achievement, Award, Context, Term
from lti_tool.services import audit

NAME_LENGTH = 64
RESERVED = "renewal "
"""How occasions of renewals begin; no term may be called so."""


def list_terms(session: Session, organization_id: int) -> list[Term]:
    """Return the terms of an organization, the latest first."""
    return list(
        session.scalars(select(Term).where(Term.organization_id == organization_id).order_by(Term.starts_at.desc()))
    )


def get_term(session: Session, organization_id: int, term_id: int) -> Term:
    """Return a term of this organization; raises ``NotFoundError``."""
    term = session.get(Term, term_id)
    if term is None or term.organization_id != organization_id:
        raise NotFoundError("There is no such term.")
    return term


def find_term(session: Session, organization_id: int, now: datetime) -> Term | None:
    """Return the term that a moment is in: from its start (included) until its end (excluded)."""
    return session.scalar(
        select(Term).where(Term.organization_id == organization_id, Term.starts_at <= now, Term.ends_at > now).limit(1)
    )


def find_term_of(session: Session, context_id: int, now: datetime) -> Term | None:
    """Return the term that a moment is in, for a course."""
    organization_id = session.get_one(Context, context_id).organization_id
    return find_term(session, organization_id, now)


def add_term(
    session: Session, organization_id: int, name: str, starts_at: datetime, ends_at: datetime, actor: str, now: datetime
) -> Term:
    """Name a stretch of time. Raises ``InvalidInputError`` (see ``change_term``)."""
    term = Term(organization_id=organization_id, name=_name(name), starts_at=starts_at, ends_at=ends_at)
    _check(session, term)
    session.add(term)
    session.flush()
    _record(session, "term.added", term, actor, now)
    return term


def change_term(
    session: Session, term: Term, name: str, starts_at: datetime, ends_at: datetime, actor: str, now: datetime
) -> None:
    """Change a term.

    Raises ``InvalidInputError``: ``term_name_empty``, ``term_name_too_long``, ``term_name_reserved``,
    ``term_name_taken``, ``term_dates_invalid`` (ends before it starts), ``term_overlaps``; and ``ConflictError``
    (``term_in_use``) for another name once badges were awarded for it.
    """
    cleaned = _name(name)
    if cleaned != term.name and is_in_use(session, term):
        raise ConflictError("Badges were awarded for this term; it keeps its name.", code="term_in_use")
    term.name, term.starts_at, term.ends_at = cleaned, starts_at, ends_at
    with session.no_autoflush:
        _check(session, term)
    session.flush()
    _record(session, "term.changed", term, actor, now)


def remove_term(session: Session, term: Term, actor: str, now: datetime) -> None:
    """Forget a term; raises ``ConflictError`` (``term_in_use``) once badges were awarded for it."""
    if is_in_use(session, term):
        raise ConflictError("Badges were awarded for this term.", code="term_in_use")
    _record(session, "term.removed", term, actor, now)
    session.delete(term)
    session.flush()


def is_in_use(session: Session, term: Term) -> bool:
    """Whether a badge of the organization was awarded for the term."""
    found = (
        select(Award.id)
        .join(Achievement, Achievement.id == Award.achievement_id)
        .join(Context, Context.id == Achievement.context_id)
        .where(Context.organization_id == term.organization_id, Award.occasion == term.name)
    )
    with session.no_autoflush:
        return session.scalar(found.limit(1)) is not None


def _name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned:
        raise InvalidInputError("The term needs a name.", code="term_name_empty", field="name")
    if len(cleaned) > NAME_LENGTH:
        raise InvalidInputError("The name is too long.", code="term_name_too_long", field="name")
    if cleaned.casefold().startswith(RESERVED):
        raise InvalidInputError("A term cannot be called so.", code="term_name_reserved", field="name")
    return cleaned


def _check(session: Session, term: Term) -> None:
    if term.ends_at <= term.starts_at:
        raise InvalidInputError("The term ends before it starts.", code="term_dates_invalid", field="ends_at")
    for other in list_terms(session, term.organization_id):
        if other is term or other.id == term.id:
            continue
        if other.name.casefold() == term.name.casefold():
            raise InvalidInputError("There is a term of this name.", code="term_name_taken", field="name")
        if other.starts_at < term.ends_at and term.starts_at < other.ends_at:
            raise InvalidInputError("The term overlaps another one.", code="term_overlaps", field="starts_at")


def _record(session: Session, action: str, term: Term, actor: str, now: datetime) -> None:
    audit.record(
        session,
        action,
        actor=actor,
        subject=f"term:{term.id}",
        organization_id=term.organization_id,
        payload={"name": term.name, "starts_at": term.starts_at.isoformat(), "ends_at": term.ends_at.isoformat()},
        now=now,
    )
