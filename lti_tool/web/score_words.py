"""Why a score did not reach the learning platform, and what helps: by code, for instructors."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

TEXTS: Mapping[str, Any] = {
    "score_refused": _l(
        "The learning platform takes no result for this person here. Perhaps they are not enrolled as a student any "
        "more, or no attempt is left."
    ),
    "score_outdated": _l("The learning platform has a newer result for this person. Look there which one should hold."),
    "platform_not_found": _l(
        "The column of this checkpoint is gone from the gradebook, or the course has ended. Add the checkpoint to the "
        "course again, then send once more."
    ),
    "line_item_precondition": _l("The gradebook says that the column is not this tool's. Add the checkpoint again."),
    "line_item_refused": _l("The gradebook refused to make a column for this checkpoint. Add the checkpoint again."),
    "missing_scope": _l(
        "The learning platform does not allow this tool to send results in this course. Ask the person who looks after "
        "it to allow it, open the tool again, then send once more."
    ),
    "service_not_offered": _l(
        "The learning platform offers this course no gradebook for tools. Ask the person who looks after it to switch "
        "“Assignment and Grade Services” on, open the tool again, then send once more."
    ),
}
OTHERWISE = _l("The learning platform did not take the result, after several tries. Send it once more later.")


def score_failure(code: str | None) -> str:
    """Return why and what to do, in a sentence or two."""
    return str(TEXTS.get(code or "", OTHERWISE))
