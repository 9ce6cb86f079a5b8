"""The tasks by name: each takes a row's id, is safe to run twice, and leaves the row in a state that shows."""

from collections.abc import Callable

import structlog

from lti_tool.jobs.course_reading import read_course
from lti_tool.jobs.delivering import deliver
from lti_tool.jobs.importing import import_gradebook
from lti_tool.jobs.inheriting import apply_template
from lti_tool.jobs.mirroring import mirror_awards
from lti_tool.jobs.noticing import ask_for_notices
from lti_tool.jobs.posting import post_score
from lti_tool.jobs.reviewing import decide_reviews
from lti_tool.jobs.sealing import seal_audit
from lti_tool.jobs.signing import issue
from lti_tool.jobs.taking_over import take_over_copy
from lti_tool.models import SyncRun
from lti_tool.services import awarding, course_sync
from lti_tool.services.wakeups import (
    APPLY_TEMPLATE,
    ASK_FOR_NOTICES,
    DECIDE_REVIEWS,
    DELIVER_CREDENTIAL,
    EVALUATE_COURSE,
    IMPORT_GRADEBOOK,
    ISSUE_CREDENTIAL,
    MIRROR_AWARDS,
    POST_SCORE,
    READ_COURSE,
    SEAL_AUDIT,
    TAKE_OVER_COPY,
)
from lti_tool.wiring import Services

log = structlog.get_logger()

Task = Callable[[Services, int], None]


def _read_course(services: Services, run_id: int) -> None:
    """Read a course, wake a worker for the next one of its institution, then evaluate it if that is due."""
    was_taken = read_course(services, run_id)
    with services.database.read() as session:
        run = session.get(SyncRun, run_id)
        following = course_sync.next_run(session, run_id, services.clock()) if run and was_taken else None
    if following is not None:
        services.queue.wake(READ_COURSE, following)
    if run is not None:
        _evaluate_course(services, run.context_id)


def _evaluate_course(services: Services, context_id: int) -> None:
    """Judge every learner of a course and offer what was earned, unless that was done since it was asked for."""
    with services.database.write() as session:
        if not awarding.is_evaluation_due(session, context_id):
            return
        counts = awarding.evaluate_course(session, context_id, services.clock())
    log.info(
        "course.evaluated",
        context_id=context_id,
        learners=counts.learners,
        offered=counts.offered,
        lapsed=counts.lapsed,
        unknown=counts.unknown,
    )


def _import_gradebook(services: Services, upload_id: int) -> None:
    """Import a gradebook file, then evaluate its course if that is due."""
    context_id = import_gradebook(services, upload_id)
    if context_id is not None:
        _evaluate_course(services, context_id)


TASKS: dict[str, Task] = {
    READ_COURSE: _read_course,
    EVALUATE_COURSE: _evaluate_course,
    DECIDE_REVIEWS: decide_reviews,
    ISSUE_CREDENTIAL: issue,
    DELIVER_CREDENTIAL: deliver,
    SEAL_AUDIT: seal_audit,
    APPLY_TEMPLATE: apply_template,
    POST_SCORE: post_score,
    ASK_FOR_NOTICES: ask_for_notices,
    TAKE_OVER_COPY: take_over_copy,
    MIRROR_AWARDS: mirror_awards,
    IMPORT_GRADEBOOK: _import_gradebook,
}
