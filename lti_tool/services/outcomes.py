"""What assessors' marks come to, and the outcome as evidence: an observation in the transaction that settles it.

A learner's tries are apart: marks are about the work that was the newest when they were given. An outcome holds until
a later try has one of its own, or until the marks that made it are taken back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.assessments import Mark, Outcome, OutcomeState, Passing, held_outcome, settle
from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.assessor import SOURCE
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import Achievement, Assessment, Checkpoint, ColumnKind, EvidenceColumn, Fact, Submission
from lti_tool.services import column_links, observing
from lti_tool.services.course_sync import want_evaluation
from lti_tool.services.mapping import DEFAULT_THRESHOLD


@dataclass(frozen=True, slots=True)
class Standing:
    """One learner at one checkpoint: ``now`` is about the newest work, ``held`` what counts.

    ``by``: who marked the newest work, by user id, each with their newest assessment. ``deciding``: the assessments
    that make the outcome that holds, the newest last.
    """

    now: Outcome
    held: Outcome
    by: dict[int, Assessment]
    deciding: tuple[Assessment, ...] = ()

    @property
    def shown(self) -> Assessment | None:
        """The assessment that settled the outcome."""
        return self.deciding[-1] if self.deciding else None

    def is_open_to(self, assessor_id: int | None) -> bool:
        """Whether somebody may see the others' marks: not before their own is in, or all is settled."""
        return self.now.state in {OutcomeState.OPEN, OutcomeState.SETTLED} or assessor_id in self.by


UNTOUCHED = Standing(Outcome(OutcomeState.OPEN), Outcome(OutcomeState.OPEN), {})
"""Nothing was handed in and nothing assessed."""


def assessors_needed(session: Session, checkpoint: Checkpoint) -> int:
    """Return how many have to assess: what the checkpoint or the badge it is meant for asks, whichever is more."""
    if checkpoint.achievement_id is None:
        return checkpoint.assessors_needed
    policy = session.scalar(select(Achievement.policy).where(Achievement.id == checkpoint.achievement_id))
    return max(checkpoint.assessors_needed, AwardPolicy.from_document(policy or {}).assessors)


def passing(checkpoint: Checkpoint) -> Passing:
    """Return what a score at a checkpoint is held against; without a skill it is the usual 70 percent."""
    return Passing(
        DEFAULT_THRESHOLD if checkpoint.threshold is None else checkpoint.threshold, checkpoint.maximum or Decimal(1)
    )


def standings(session: Session, checkpoint: Checkpoint, user_id: int | None = None) -> dict[int, Standing]:
    """Return how learners stand who handed in or were assessed, by user id; two queries, whoever they are."""
    needed, against = assessors_needed(session, checkpoint), passing(checkpoint)
    made = select(Assessment).where(Assessment.checkpoint_id == checkpoint.id).order_by(Assessment.id)
    handed_in = select(Submission.user_id, Submission.id).where(Submission.checkpoint_id == checkpoint.id)
    if user_id is not None:
        made = made.where(Assessment.user_id == user_id)
        handed_in = handed_in.where(Submission.user_id == user_id)
    newest = dict(session.execute(handed_in.order_by(Submission.number)).all())
    given: dict[int, list[Assessment]] = {}
    for one in session.scalars(made):
        given.setdefault(one.user_id, []).append(one)
    return {
        user: standing_of(given.get(user, []), newest.get(user), needed, against)
        for user in newest.keys() | given.keys()
    }


def standing_of(made: Iterable[Assessment], newest: int | None, needed: int, against: Passing) -> Standing:
    """Return what assessments, in the order in which they were made, come to; ``newest``: the newest work's id."""
    rounds: dict[int, list[Assessment]] = {}
    for one in made:
        rounds.setdefault(one.submission_id or 0, []).append(one)
    by_try = [rounds[key] for key in sorted(rounds, reverse=True)]
    held = held_outcome([_marks(one) for one in by_try], needed, against)
    is_settled = held.state is OutcomeState.SETTLED
    of_held = next((one for one in by_try if is_settled and settle(_marks(one), needed, against) == held), [])
    counted = {one.assessor_id for one in held.marks}
    newest_of_each = {one.assessor_id: one for one in of_held}
    current = rounds.get(newest or 0, [])
    by = {one.assessor_id: one for one in current}
    return Standing(
        now=settle(_marks(current), needed, against),
        held=held,
        by={assessor: one for assessor, one in by.items() if one.score is not None},
        deciding=tuple(sorted((newest_of_each[one] for one in counted if is_settled), key=lambda one: one.id)),
    )


def _marks(made: Iterable[Assessment]) -> list[Mark]:
    return [Mark(one.assessor_id, one.score) for one in made]


# -- as evidence ------------------------------------------------------------------------------------------------------


def keep(session: Session, checkpoint: Checkpoint, user_id: int, standing: Standing, now: datetime) -> bool:
    """Make the outcome that holds evidence, where it says something new; returns whether it did.

    What was settled and is not any more becomes ungraded, which is unknown.
    """
    column, shown = find_column(session, checkpoint), standing.shown
    if shown is None and (column is None or not _has_fact(session, column.id, user_id)):
        return False
    column = column or _make_column(session, checkpoint, now)
    reading = ObservationReading(
        platform_user_id="",
        state=EvidenceState.UNGRADED if shown is None else EvidenceState.GRADED,
        score=standing.held.score,
        maximum=checkpoint.maximum,
        submitted_at=_handed_in_at(session, shown),
        graded_at=None if shown is None else shown.assessed_at,
        source_updated_at=now if shown is None else shown.assessed_at,
    )
    added = observing.store_observations(session, column.id, [(user_id, reading)], now)
    observing.mark_column_read(session, column.id, now)
    if added:
        want_evaluation(session, checkpoint.context_id)
    return bool(added)


def settle_again(session: Session, achievement_id: int, now: datetime) -> None:
    """See what the marks at a badge's checkpoints come to, now that it asks for another number of assessors."""
    meant = select(Checkpoint).where(Checkpoint.achievement_id == achievement_id, Checkpoint.retired_at.is_(None))
    for checkpoint in session.scalars(meant).all():
        for user_id, standing in standings(session, checkpoint).items():
            keep(session, checkpoint, user_id, standing, now)


def _handed_in_at(session: Session, shown: Assessment | None) -> datetime | None:
    if shown is None or shown.submission_id is None:
        return None
    return session.get_one(Submission, shown.submission_id).submitted_at


def find_column(session: Session, checkpoint: Checkpoint) -> EvidenceColumn | None:
    """Return the assessor's column of a checkpoint; there is none before the first outcome."""
    return session.scalar(
        select(EvidenceColumn).where(
            EvidenceColumn.context_id == checkpoint.context_id,
            EvidenceColumn.source == SOURCE,
            EvidenceColumn.external_key == checkpoint.public_id,
        )
    )


def _make_column(session: Session, checkpoint: Checkpoint, now: datetime) -> EvidenceColumn:
    reading = ColumnReading(
        external_key=checkpoint.public_id,
        title=checkpoint.title,
        kind=ColumnKind.ASSESSOR,
        maximum=checkpoint.maximum,
        resource_id=checkpoint.public_id,
        tag=None,
        position=0,
    )
    column_id = observing.store_column(session, checkpoint.context_id, SOURCE, reading)
    column_links.link_checkpoints(session, checkpoint.context_id, now)
    return session.get_one(EvidenceColumn, column_id)


def _has_fact(session: Session, column_id: int, user_id: int) -> bool:
    return session.scalar(select(Fact.id).where(Fact.column_id == column_id, Fact.user_id == user_id)) is not None
