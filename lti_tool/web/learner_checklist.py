"""What a learner's pages show of a badge more than once: the clauses with the next step, and what there is to tell."""

from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from lti_tool.models import LearnerNotice
from lti_tool.services import next_steps
from lti_tool.services.explaining import Explanation
from lti_tool.web.notice_texts import NoticeLine, notice_line
from lti_tool.web.remedy_texts import Link, hints_by_path
from lti_tool.web.words import ClauseLine, Voice, clause_lines


def checkpoint_links(session: Session, context_id: int, now: datetime) -> dict[str, Link]:
    """Return where a learner can do the work that slots stand for."""
    return {
        slot: Link(url_for("checkpoint.open_checkpoint", context_id=context_id, checkpoint_id=one.id), one.title)
        for slot, one in next_steps.open_checkpoints(session, context_id, now).items()
    }


def checklist(found: Explanation, platform: str, links: dict[str, Link]) -> list[ClauseLine]:
    """Return the clauses of a badge for its learner, each with what would help."""
    if found.judgement is None:
        return []
    hints = hints_by_path(found.remedies, voice=Voice.LEARNER, platform=platform, links=links)
    return clause_lines(found.judgement, voice=Voice.LEARNER, platform=platform, titles=found.titles, hints=hints)


def told_lines(told: list[LearnerNotice], names: dict[int, str], platform: str) -> list[NoticeLine]:
    """Return notices in words, with the names that their badges have now."""
    return [notice_line(one, names.get(one.achievement_id, ""), platform) for one in told]
