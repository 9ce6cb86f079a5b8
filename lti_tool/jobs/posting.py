"""Sends one score (AGS 2.0, score service): take, find the line item if need be, post, record.

No transaction is open while the platform is called. A process that dies after the post leaves a row whose lease passes;
whoever takes it next sends the same score with the same time, which platforms refuse as outdated and results confirm.
"""

import structlog

from lti_tool.errors import MissingScopeError, PlatformServiceError, ScoreOutdatedError, ServiceRefusedError, ToolError
from lti_tool.models import Checkpoint
from lti_tool.services import checkpoints, scores
from lti_tool.services.scores import Parcel
from lti_tool.wiring import Services

log = structlog.get_logger()

GONE = "platform_not_found"


def post_score(services: Services, post_id: int) -> None:
    """Take the score if it is due and bring it to its next state."""
    with services.database.write() as session:
        parcel = scores.take(session, post_id, services.clock())
    if parcel is None:
        return
    try:
        _send(services, parcel)
    except ScoreOutdatedError:
        with services.database.write() as session:
            if not scores.restamp(session, post_id, services.clock()):
                log.warning("score.failed", post_id=post_id, error_code=ScoreOutdatedError.code)
        return
    except ToolError as error:
        log.warning("score.failed", post_id=post_id, error_code=error.code, retryable=error.retryable)
        wait = error.retry_after if isinstance(error, PlatformServiceError) else None
        with services.database.write() as session:
            now = services.clock()
            scores.record_failure(session, post_id, error.code, now, retryable=error.retryable, retry_after=wait)
        return
    except Exception as error:  # a bug must not leave the score to be sent again for ever
        log.exception("score.broken", post_id=post_id, error=type(error).__name__)
        with services.database.write() as session:
            scores.record_failure(session, post_id, ToolError.code, services.clock(), retryable=True)
        return
    with services.database.write() as session:
        scores.settle(session, post_id, services.clock())


def _send(services: Services, parcel: Parcel) -> None:
    """Post to the line item that is known; one that is gone or was never learned is looked for by its ids."""
    url = parcel.line_item_url or _line_item(services, parcel, may_make=True)
    try:
        _post(services, parcel, url)
    except ServiceRefusedError as error:
        if error.code != GONE:
            raise
        # Whoever deleted it wanted it gone; but a column that moved is found again.
        other = _line_item(services, parcel, may_make=False)
        if other == url:
            raise
        _post(services, parcel, other)


def _post(services: Services, parcel: Parcel, url: str) -> None:
    advantage = services.advantage
    advantage.post_score(parcel.registration, parcel.context, url, parcel.score, is_repeat=parcel.is_repeat)


def _line_item(services: Services, parcel: Parcel, *, may_make: bool) -> str:
    """Return the address of the checkpoint's line item and remember it; raises ``ServiceRefusedError`` without one."""
    advantage, registration, context = services.advantage, parcel.registration, parcel.context
    found = None
    for resource_id in parcel.resource_ids:
        found = found or advantage.find_line_item(registration, context, resource_id=resource_id)
    if found is None and may_make:
        try:
            found = advantage.find_or_create_line_item(registration, context, parcel.new_line_item)
        except MissingScopeError as error:
            raise MissingScopeError("This checkpoint has no column, and none may be made.", code=error.code) from None
    if found is None:
        raise ServiceRefusedError("The platform has no line item of this checkpoint any more.", code=GONE)
    with services.database.write() as session:
        checkpoint = session.get_one(Checkpoint, parcel.checkpoint_id)
        checkpoints.learn_line_item(session, checkpoint, found.url)
    return found.url
