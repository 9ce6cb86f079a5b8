"""A learner with a badge in every state there is: for tests of their pages, their notices and explanations."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from award_world import PERSON, award_of, set_policy, take
from claims import Wallets
from sqlalchemy import select

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import ObservationReading
from lti_tool.jobs import signing
from lti_tool.models import Achievement, Award, Credential, CredentialVersion, Review, ReviewKind
from lti_tool.services import claiming, observing, review_decisions, revoking

HOSTILE = 'Œuvre <script>alert("1")</script> %(title)s 100 % \u202eevil'
"""A title that would break a page, a text with placeholders, or the line it stands in."""


class States:
    """Badges by the state they are in; each rests on work of its own."""

    def __init__(self, wallets: Wallets) -> None:
        self.wallets, self.course, self.ada = wallets, wallets.course, wallets.ada
        self.badges: dict[str, int] = {"ready": wallets.achievement_id}
        self.columns: dict[str, int] = {"ready": wallets.essay}

    def add(self, name: str, score: str | None, title: str | None = None, **policy: Any) -> int:
        """Publish a badge that needs 70 %, and grade Ada's work for it."""
        self.columns[name] = self.course.column(title or f"Work for {name}", key=f"https://lms.example/items/{name}")
        if score is not None:
            self.grade(name, score)
        self.badges[name] = self.course.badge_for(self.columns[name], name=title or f"Badge {name}")
        with self.course.database.write() as session:
            first, made = (session.get_one(Achievement, self.badges[one]).current_version for one in ("ready", name))
            assert first is not None
            assert made is not None
            made.picture_sha256 = first.picture_sha256
        if policy:
            set_policy(self.course, self.badges[name], **policy)
        self.course.evaluate()
        return self.badges[name]

    def grade(self, name: str, score: str) -> None:
        """The platform shows another grade, a minute later."""
        self.course.later(minutes=1)
        self.course.grade(self.columns[name], self.ada, score, graded_at=self.course.now)

    def hide(self, name: str, score: str) -> None:
        """The platform knows a grade that it does not show to learners yet."""
        reading = ObservationReading("", EvidenceState.HIDDEN, Decimal(score), Decimal(100), graded_at=self.course.now)
        with self.course.database.write() as session:
            observing.store_observations(session, self.columns[name], [(self.ada, reading)], self.course.now)

    def claim(self, name: str) -> None:
        """Ada claims it, and it is signed."""
        self.course.later(minutes=1)
        take(self.course, self.ada, self.badges[name])
        with self.course.database.read() as session:
            found = select(CredentialVersion.id).join(Credential).join(Award)
            version = session.scalar(found.where(Award.id == self.award(name).id))
        assert version is not None
        signing.issue(self.wallets.services, version)

    def award(self, name: str) -> Award:
        """Ada's award."""
        return award_of(self.course, self.ada, self.badges[name])

    def claimed(self, name: str, **policy: Any) -> None:
        """A badge that Ada has."""
        self.add(name, "80", **policy)
        self.claim(name)

    def appeal(self, name: str, text: str = "I handed it in again on Monday.") -> int:
        """Ada writes about it; returns the review's number."""
        with self.course.database.write() as session:
            return review_decisions.appeal(
                session, self.course.context_id, self.badges[name], self.ada, text, self.course.now
            )

    def reviews(self, kind: ReviewKind) -> list[Review]:
        """Reviews of one kind, oldest first."""
        with self.course.database.read() as session:
            return list(session.scalars(select(Review).where(Review.kind == kind).order_by(Review.id)))


def every_state(wallets: Wallets) -> States:
    """Make a badge in every state."""
    states = States(wallets)
    course, database = states.course, states.course.database
    states.add("not_yet", "64")
    states.add("unknown", None)
    states.add("hidden", None)
    states.hide("hidden", "91")
    states.add("waits", "90", hold_until=(course.now + timedelta(days=30)).isoformat())
    states.claimed("claimed")
    states.claimed("expired", validity_days=1)
    states.claimed("graced", grade_change="revoke_after_grace", grace_days=14, validity_days=300)
    states.claimed("flagged")
    states.claimed("suspended")
    states.claimed("revoked")
    states.add("lapsed", "75")
    states.add("declined", "75")
    states.add("held", "75")
    states.add("given", "75", claim_mode="auto")
    course.later(days=2)
    course.read_again(*states.columns.values())
    for name in ("graced", "flagged", "lapsed"):
        states.grade(name, "40")
    with database.write() as session:
        claiming.decline(session, course.context_id, states.award("declined").id, states.ada, course.now)
        revoking.suspend(session, states.award("suspended").id, "The lab book is being checked.", PERSON, course.now)
        revoking.revoke_award(session, states.award("revoked").id, "Somebody else's work.", PERSON, course.now)
        revoking.hold(session, states.award("held").id, "Looked at first.", PERSON, course.now)
    course.evaluate()
    states.appeal("not_yet")
    review = states.appeal("revoked", "It was my own work.")
    with database.write() as session:
        review_decisions.answer_appeal(session, review, "We compared both texts.", PERSON, course.now, granted=False)
    return states
