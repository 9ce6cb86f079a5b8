"""What one assessor sees of a learner's work: the rubric, their own marks, and the others' once they may."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.domain.assessments import MOST_ASSESSORS, OutcomeState
from lti_tool.domain.rubrics import Rubric
from lti_tool.models import Assessment, Checkpoint, User
from lti_tool.services.outcomes import assessors_needed
from lti_tool.services.submissions import LearnerWork
from lti_tool.web.formats import number


@dataclass(frozen=True, slots=True)
class Colleague:
    """What another assessor said about the newest work."""

    name: str | None
    assessment: Assessment
    levels: tuple[str, ...]
    """The title of the level in each criterion."""


@dataclass(frozen=True, slots=True)
class Desk:
    """``mine``: the assessor's own word about the newest work. ``others``: ``None`` while they may not be seen."""

    rubric: Rubric | None
    needs_two: bool
    state: OutcomeState
    mine: Assessment | None
    others: tuple[Colleague, ...] | None
    typed: dict[str, str]


def desk_of(session: Session, checkpoint: Checkpoint, work: LearnerWork, assessor_id: int | None) -> Desk:
    """Return what somebody sees who assesses a learner's work."""
    rubric = None if checkpoint.rubric is None else Rubric.from_document(checkpoint.rubric)
    needs_two, standing = assessors_needed(session, checkpoint) == MOST_ASSESSORS, work.standing
    mine = standing.by.get(assessor_id) if assessor_id is not None else None
    others = None
    if needs_two and standing.is_open_to(assessor_id):
        apart = [one for user_id, one in sorted(standing.by.items()) if user_id != assessor_id]
        names = select(User.id, User.name).where(User.id.in_([one.assessor_id for one in apart]))
        named = {user_id: name for user_id, name in session.execute(names)}
        others = tuple(Colleague(named.get(one.assessor_id), one, _levels(rubric, one)) for one in apart)
    return Desk(rubric, needs_two, standing.now.state, mine, others, _typed(mine if needs_two else work.assessment))


def _levels(rubric: Rubric | None, assessment: Assessment) -> tuple[str, ...]:
    if rubric is None or assessment.marks is None:
        return ()
    marks = assessment.marks
    return tuple(one.levels[marks[str(index)]].title for index, one in enumerate(rubric.criteria))


def _typed(assessment: Assessment | None) -> dict[str, str]:
    """The form as it was sent last."""
    if assessment is None:
        return {"score": "", "comment": ""}
    score = "" if assessment.score is None else number(assessment.score)
    marks = {f"mark-{name}": str(level) for name, level in (assessment.marks or {}).items()}
    return {"score": score, "comment": assessment.comment} | marks
