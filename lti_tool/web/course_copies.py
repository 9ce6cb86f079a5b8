"""Copied courses, for their instructor: what would be taken over or was, the decision, and work still to be found."""

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for

from lti_tool.errors import ConflictError
from lti_tool.models import ContextCopy, CopyState
from lti_tool.services import copy_page, course_copies, slots
from lti_tool.services.copy_proposals import JOB
from lti_tool.services.mapping import course_columns
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

blueprint = Blueprint("course_copies", __name__)


@blueprint.get("/courses/<int:context_id>/copies/<int:copy_id>")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def copy(context_id: int, copy_id: int) -> str:
    """What the course it was copied from has, and which of its work was found here."""
    with services().database.read() as session:
        found = course_copies.get_copy(session, context_id, copy_id)
        return render_template(
            "instructor/copy.html",
            copy=found,
            is_taken=found.state is CopyState.ACCEPTED,
            is_decided=found.decided_by not in {None, JOB},
            is_told=found.ground in course_copies.TOLD,
            origin_title=copy_page.origin_title(session, found),
            preview=copy_page.preview(session, found),
            open_slots=slots.open_slots(session, context_id) if found.state is CopyState.ACCEPTED else [],
            columns=course_columns(session, context_id),
        )


@blueprint.post("/courses/<int:context_id>/copies/<int:copy_id>/<any('take-over', keep, decline, undo):decision>")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def decide(context_id: int, copy_id: int, decision: str) -> Response:
    """Take over, keep, decline or undo."""
    act = {
        "take-over": course_copies.take_over,
        "keep": course_copies.keep,
        "decline": course_copies.decline,
        "undo": course_copies.undo,
    }[decision]
    try:
        with services().database.write() as session:
            found = course_copies.get_copy(session, context_id, copy_id)
            act(session, found, g.launch.actor, services().clock())
            brought = len(found.brought.get("achievement", []))
    except ConflictError as error:
        if error.code != "copy_in_use":
            raise
        flash(
            _("Somebody has built upon what came with the course, so it can only be removed piece by piece."), "warning"
        )
        return _to_copy(context_id, copy_id)
    flash(_said(decision, brought), "success")
    if decision == "take-over":
        return _to_copy(context_id, copy_id)
    return make_response(redirect(url_for("course.home", context_id=context_id), 303))


@blueprint.post("/courses/<int:context_id>/copies/<int:copy_id>/work")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def find_work(context_id: int, copy_id: int) -> Response:
    """Say which work of this course is meant; several at once, those left open stay open."""
    try:
        with services().database.write() as session:
            found: ContextCopy = course_copies.get_copy(session, context_id, copy_id)
            for number, one in enumerate(slots.open_slots(session, context_id)):
                named, column_id = request.form.get(f"slot-{number}"), request.form.get(f"work-{number}", type=int)
                if named == one.slot and column_id is not None:
                    slots.bind(session, context_id, one.slot, column_id, g.launch.actor, services().clock())
            left = len(slots.open_slots(session, found.context_id))
    except ConflictError as error:
        if error.code != "column_bound":
            raise
        flash(
            _("One piece of work was chosen twice, or counts for something else already. Nothing was changed."),
            "warning",
        )
        return _to_copy(context_id, copy_id)
    if left:
        said = ngettext(
            "Kept. %(num)s piece of work is still to be found.", "Kept. %(num)s pieces are still to be found.", left
        )
    else:
        said = _("Kept. All work is found.")
    flash(said, "success")
    return _to_copy(context_id, copy_id)


def _said(decision: str, brought: int) -> str:
    if decision == "take-over":
        return ngettext(
            "%(num)s badge was taken over as a draft.", "%(num)s badges were taken over as drafts.", brought
        )
    if decision == "keep":
        return _("Kept.")
    if decision == "undo":
        return _("What came with the course was removed again.")
    return _("Nothing was taken over.")


def _to_copy(context_id: int, copy_id: int) -> Response:
    return make_response(redirect(url_for(".copy", context_id=context_id, copy_id=copy_id), 303))
