"""What happened to one learner in a course, in order: evidence that came in, decisions, reviews, deliveries.

Read from the rows that each of them leaves; nothing is kept for this view alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.models import (
    Achievement,
    Award,
    AwardBar,
    BackpackConnection,
    BackpackHost,
    Credential,
    CredentialVersion,
    Delivery,
    DeliveryPurpose,
    EvidenceColumn,
    Observation,
    Review,
    ReviewState,
    Trace,
)

LONGEST = 200


class Happening(StrEnum):
    """What an entry is about."""

    EVIDENCE = "evidence"
    DECISION = "decision"
    REVIEW_OPENED = "review_opened"
    REVIEW_DECIDED = "review_decided"
    BARRED = "barred"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. ``code``: what of its kind (a state, a moment, a kind of review).

    ``subject``: the work, the badge or the backpack, by name. ``details``: what the sentence needs besides.
    """

    at: datetime
    kind: Happening
    code: str
    subject: str
    details: Mapping[str, Any] = field(default_factory=dict)


def history(session: Session, context_id: int, user_id: int) -> list[Entry]:
    """Return the newest ``LONGEST`` entries, the newest first."""
    names = badge_names(session, context_id)
    found = [
        *_evidence(session, context_id, user_id),
        *_decisions(session, names, user_id),
        *_reviews(session, names, user_id),
        *_bars(session, names, user_id),
        *_deliveries(session, names, user_id),
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[:LONGEST]


def awarded_badges(session: Session, context_id: int, user_id: int) -> list[Achievement]:
    """Return the badges of a course, retired ones too, of which a learner has or had an award."""
    awarded = select(Award.achievement_id).where(Award.user_id == user_id)
    found = select(Achievement).where(Achievement.context_id == context_id, Achievement.id.in_(awarded))
    shown = found.where(Achievement.current_version_id.is_not(None)).order_by(Achievement.id)
    return list(session.scalars(shown))


def badge_names(session: Session, context_id: int) -> dict[int, str]:
    """Return the names of a course's badges, retired ones too, by id."""
    badges = session.scalars(select(Achievement).where(Achievement.context_id == context_id))
    return {one.id: one.current_version.name if one.current_version else "" for one in badges}


def _evidence(session: Session, context_id: int, user_id: int) -> Iterator[Entry]:
    rows = session.execute(
        select(Observation, EvidenceColumn)
        .join(EvidenceColumn, EvidenceColumn.id == Observation.column_id)
        .where(EvidenceColumn.context_id == context_id, Observation.user_id == user_id)
        .order_by(Observation.id.desc())
        .limit(LONGEST)
    )
    for seen, column in rows:
        details = {"score": seen.score, "maximum": seen.maximum, "letter": seen.letter, "source": column.source}
        yield Entry(seen.fetched_at, Happening.EVIDENCE, seen.state.value, column.title, details)


def _decisions(session: Session, names: Mapping[int, str], user_id: int) -> Iterator[Entry]:
    rows = session.execute(
        select(Trace, Award.achievement_id)
        .join(Award, Award.id == Trace.award_id)
        .where(Award.user_id == user_id, Award.achievement_id.in_(names))
        .order_by(Trace.id.desc())
        .limit(LONGEST)
    )
    for trace, achievement_id in rows:
        by_hand = trace.document.get("by_hand")
        reason = by_hand.get("reason") if isinstance(by_hand, Mapping) else None
        details = {"is_by_hand": by_hand is not None, "reason": reason}
        yield Entry(trace.taken_at, Happening.DECISION, trace.moment.value, names[achievement_id], details)


def _reviews(session: Session, names: Mapping[int, str], user_id: int) -> Iterator[Entry]:
    rows = session.scalars(select(Review).where(Review.user_id == user_id, Review.achievement_id.in_(names)))
    for review in rows:
        badge, details = names[review.achievement_id], {"id": review.id, "text": review.text}
        yield Entry(review.opened_at, Happening.REVIEW_OPENED, review.kind.value, badge, details)
        if review.state is not ReviewState.OPEN and review.decided_at is not None:
            decided = {"id": review.id, "answer": review.answer, "kind": review.kind.value}
            yield Entry(review.decided_at, Happening.REVIEW_DECIDED, review.state.value, badge, decided)


def _bars(session: Session, names: Mapping[int, str], user_id: int) -> Iterator[Entry]:
    rows = session.scalars(select(AwardBar).where(AwardBar.user_id == user_id, AwardBar.achievement_id.in_(names)))
    for bar in rows:
        yield Entry(bar.created_at, Happening.BARRED, "barred", names[bar.achievement_id], {"reason": bar.reason})


def _deliveries(session: Session, names: Mapping[int, str], user_id: int) -> Iterator[Entry]:
    rows = session.execute(
        select(Delivery, BackpackHost.name, Award.achievement_id)
        .join(CredentialVersion, CredentialVersion.id == Delivery.credential_version_id)
        .join(Credential, Credential.id == CredentialVersion.credential_id)
        .join(Award, Award.id == Credential.award_id)
        .join(BackpackConnection, BackpackConnection.id == Delivery.connection_id)
        .join(BackpackHost, BackpackHost.id == BackpackConnection.host_id)
        .where(Award.user_id == user_id, Award.achievement_id.in_(names))
        .where(Delivery.purpose == DeliveryPurpose.PUT)
    )
    for delivery, host, achievement_id in rows:
        at = delivery.delivered_at or delivery.created_at
        details = {"host": host, "error_code": delivery.error_code}
        yield Entry(at, Happening.DELIVERY, delivery.state.value, names[achievement_id], details)
