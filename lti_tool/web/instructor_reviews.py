"""A course's reviews: the queue, and one review with then and now side by side, to be decided."""

from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import ReviewKind
from lti_tool.services import reviews as review_rows
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.messages import message_for
from lti_tool.web.review_pages import make_entry, make_row, make_view
from lti_tool.web.review_words import OUTCOMES, decide
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("instructor_reviews", __name__)
REVIEWS = "/courses/<int:context_id>/reviews"


@blueprint.get(REVIEWS)
@launch_required(Role.INSTRUCTOR, action=Action.REVIEW_AWARDS)
def reviews(context_id: int) -> str:
    """What waits, the nearest date first; ``?show=decided``: what was decided; ``?kind=appeal``: messages only."""
    now = services().clock()
    is_open = request.args.get("show") != "decided"
    kind = request.args.get("kind")
    with services().database.read() as session:
        found = review_rows.list_reviews(session, context_id, is_open=is_open)
        rows = [make_row(session, one, now) for one in found if kind in (None, one.review.kind.value)]
        return render_template(
            "instructor/reviews.html",
            rows=rows,
            is_open=is_open,
            is_appeals=kind == ReviewKind.APPEAL,
            waiting=review_rows.count_open(session, context_id),
        )


@blueprint.get(f"{REVIEWS}/<int:review_id>")
@launch_required(Role.INSTRUCTOR, action=Action.REVIEW_AWARDS)
def review(context_id: int, review_id: int) -> str:
    """One review: what is in question, then and now, and the decision."""
    with services().database.read() as session:
        return _page(session, context_id, review_id)


@blueprint.post(f"{REVIEWS}/<int:review_id>")
@launch_required(Role.INSTRUCTOR, action=Action.REVIEW_AWARDS)
def decide_one(context_id: int, review_id: int) -> Response | str:
    """Decide it, and go on with the next one that waits."""
    key, now = request.form.get("outcome", ""), services().clock()
    try:
        if not key:
            raise InvalidInputError("Nothing was chosen.", code="outcome_missing", field="outcome")
        with services().database.write() as session:
            found = review_rows.get_review(session, context_id, review_id)
            queue = _queue(session, context_id)
            done = decide(session, found, key, request.form.get("reason", ""), g.launch.actor, now)
    except InvalidInputError as error:
        with services().database.read() as session:
            return _page(session, context_id, review_id, errors={error.field or "reason": field_text(error)})
    except ConflictError as error:
        with services().database.read() as session:
            return _page(session, context_id, review_id, errors={"outcome": str(message_for(error).happened)})
    flash(str(OUTCOMES[key].done) if done else _("Somebody decided this before. Nothing was changed."), _tone(done))
    following = [one for one in queue if one != review_id]
    if done and following:
        place = queue.index(review_id) if review_id in queue else 0
        target = following[min(place, len(following) - 1)]
        return _to("instructor_reviews.review", context_id=context_id, review_id=target)
    return _to("instructor_reviews.reviews", context_id=context_id)


def _tone(done: bool) -> str:
    return "success" if done else "warning"


def _queue(session: Session, context_id: int) -> list[int]:
    return [one.review.id for one in review_rows.list_reviews(session, context_id)]


def _page(session: Session, context_id: int, review_id: int, **more: Any) -> str:
    entry = make_entry(review_rows.get_review(session, context_id, review_id))
    view = make_view(session, entry, _queue(session, context_id), services().clock())
    return render_template("instructor/review.html", view=view, typed=request.form, **({"errors": {}} | more))


def _to(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values), 303))
