"""The matrix: work against skills against badges, what covers what, and where there are holes."""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.domain.competency_plan import Calculation
from lti_tool.services import inheritance, overview
from lti_tool.services.coverage import Coverage, HoleKind, coverage
from lti_tool.services.mapping_changes import stored_mapping
from lti_tool.services.wakeups import EVALUATE_COURSE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.mapping_preview import save_or_show
from lti_tool.web.matrix_form import MatrixForm
from lti_tool.web.matrix_words import CALCULATIONS, hole_words

blueprint = Blueprint("instructor_matrix", __name__)


@blueprint.get("/courses/<int:context_id>/matrix")
@launch_required(Role.INSTRUCTOR)
def matrix(context_id: int) -> str:
    """What counts for what, with the holes in words."""
    with services().database.read() as session:
        found = coverage(session, context_id)
        form = MatrixForm.from_mapping(found, stored_mapping(session, context_id))
        return _page(session, context_id, found, form)


@blueprint.post("/courses/<int:context_id>/matrix")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def save(context_id: int) -> str | Response:
    """Show what the changes would do, and store them once that is confirmed."""
    with services().database.write() as session:
        found, stored = coverage(session, context_id), stored_mapping(session, context_id)
        form = MatrixForm.from_request(found)
        locked = {one.item.id for one in found.skills if one.is_locked}
        wanted = form.mapping(stored, locked)
        if form.errors or request.form.get("do") == "show":
            return _page(session, context_id, found, form)
        page = save_or_show(
            session, context_id, wanted, url_for("instructor_matrix.save", context_id=context_id), "matrix"
        )
        if page is not None:
            return page
    services().queue.wake(EVALUATE_COURSE, context_id)
    return make_response(redirect(url_for("instructor_matrix.matrix", context_id=context_id), 303))


def _page(session: Session, context_id: int, found: Coverage, form: MatrixForm) -> str:
    return render_template(
        "instructor/matrix.html",
        coverage=found,
        form=form,
        calculations=CALCULATIONS,
        separate={Calculation.ALL, Calculation.ANY},
        holes=[hole_words(one) for one in found.holes],
        has_open_slots=any(one.kind is HoleKind.OPEN_SLOT for one in found.holes),
        templates=[template.name for _, template in inheritance.adopted_templates(session, context_id)],
        state=overview.course_state(session, context_id),
    )
