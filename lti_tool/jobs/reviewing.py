"""Reviews whose date has come: the course is judged once more, and only what is surely not earned is revoked."""

import structlog

from lti_tool.services import awarding, reviews
from lti_tool.wiring import Services

log = structlog.get_logger()


def decide_reviews(services: Services, context_id: int) -> None:
    """Let the policy decide what is due in a course; what it cannot decide now gets a later date."""
    with services.database.write() as session:
        now = services.clock()
        if context_id not in reviews.due_contexts(session, now):
            return
        counts = awarding.evaluate_course(session, context_id, now)
        session.flush()
        put_off = reviews.put_off(session, context_id, now)
    log.info("reviews.decided", context_id=context_id, revoked=counts.revoked, held=counts.held, put_off=put_off)
