"""Reviews of all courses, for staff who decide about awards: the same queue and the same decisions."""

from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import Review
from lti_tool.web.access import Action, staff_required
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.messages import message_for
from lti_tool.web.review_pages import course_name, list_everywhere, make_entry, make_row, make_view
from lti_tool.web.review_words import OUTCOMES, decide
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_reviews", __name__, url_prefix="/admin/reviews")


@blueprint.get("/")
@staff_required(action=Action.REVIEW_AWARDS)
def reviews() -> str:
    """What waits in all courses, the nearest date first; ``?show=decided``: what was decided."""
    is_open, now = request.args.get("show") != "decided", services().clock()
    with services().database.read() as session:
        rows = [
            make_row(session, one, now, course_name(session, one.review.achievement.context_id))
            for one in list_everywhere(session, is_open=is_open)
        ]
        return render_template("admin/reviews.html", rows=rows, is_open=is_open)


@blueprint.get("/<int:review_id>")
@staff_required(action=Action.REVIEW_AWARDS)
def review(review_id: int) -> str:
    """One review: what is in question, then and now, and the decision."""
    with services().database.read() as session:
        return _page(session, review_id)


@blueprint.post("/<int:review_id>")
@staff_required(action=Action.REVIEW_AWARDS)
def decide_one(review_id: int) -> Response | str:
    """Decide it, and go back to the queue."""
    key, now = request.form.get("outcome", ""), services().clock()
    try:
        if not key:
            raise InvalidInputError("Nothing was chosen.", code="outcome_missing", field="outcome")
        with services().database.write() as session:
            done = decide(session, _get(session, review_id), key, request.form.get("reason", ""), g.staff.actor, now)
    except InvalidInputError as error:
        with services().database.read() as session:
            return _page(session, review_id, errors={error.field or "reason": field_text(error)})
    except ConflictError as error:
        with services().database.read() as session:
            return _page(session, review_id, errors={"outcome": str(message_for(error).happened)})
    words = str(OUTCOMES[key].done) if done else _("Somebody decided this before. Nothing was changed.")
    flash(words, "success" if done else "warning")
    return make_response(redirect(url_for("admin_reviews.reviews"), 303))


def _get(session: Session, review_id: int) -> Review:
    found = session.get(Review, review_id)
    if found is None:
        raise NotFoundError("There is no such review.")
    return found


def _page(session: Session, review_id: int, **more: Any) -> str:
    queue = [one.review.id for one in list_everywhere(session)]
    view = make_view(session, make_entry(_get(session, review_id)), queue, services().clock())
    return render_template("admin/review.html", view=view, typed=request.form, **({"errors": {}} | more))
