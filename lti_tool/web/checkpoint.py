"""A checkpoint as a learner meets it: what it is about, handing in, and what was said about the work."""

import io
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, send_file, url_for
from sqlalchemy.orm import Session

from lti_tool.domain.rubrics import Rubric
from lti_tool.errors import ConflictError, ForbiddenError, InvalidInputError
from lti_tool.models import AchievementVersion, Blob, Checkpoint, CheckpointKind
from lti_tool.services import checkpoints, submissions
from lti_tool.services.course_wallet import progress_of
from lti_tool.services.explaining import explain_all
from lti_tool.services.overview import course_state
from lti_tool.services.uploads import ACCEPTED, Upload, clean_upload
from lti_tool.services.wakeups import POST_SCORE
from lti_tool.services.withholding import for_learner
from lti_tool.web.access import Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.learner_checklist import checklist, checkpoint_links
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import ClauseLine

blueprint = Blueprint("checkpoint", __name__)


@blueprint.get("/courses/<int:context_id>/checkpoints/unknown")
@launch_required()
def unknown(context_id: int) -> Response:
    """The link named a checkpoint that is not this institution's: the course's badges, and a word about it."""
    flash(_("The link you followed belongs to a checkpoint that is not in this course. Add it again."), "warning")
    return make_response(redirect(url_for("course.home", context_id=context_id), 303))


@blueprint.get("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>")
@launch_required()
def open_checkpoint(context_id: int, checkpoint_id: int) -> Response:
    """Instructors come to what they assess, learners to their own work."""
    _require(context_id, checkpoint_id)
    if g.launch.is_instructor:
        target = url_for("assessing.learners", context_id=context_id, checkpoint_id=checkpoint_id)
        return make_response(redirect(target, 303))
    if not g.launch.is_learner:
        return make_response(render_template("instructor/visitor.html"))
    return make_response(_page(context_id, checkpoint_id, {}))


@blueprint.get("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>/reviews/<int:user_id>")
@launch_required()
def review(context_id: int, checkpoint_id: int, user_id: int) -> Response:
    """A submission the platform asks to be looked at: the assessor's page of it, or the learner's own."""
    _require(context_id, checkpoint_id)
    values: dict[str, Any] = {"context_id": context_id, "checkpoint_id": checkpoint_id}
    if g.launch.is_instructor:
        return make_response(redirect(url_for("assessing.learner", **values, user_id=user_id), 303))
    if g.launch.user_id != user_id:
        raise ForbiddenError("This is somebody else's work.", code="instructor_only")
    return make_response(redirect(url_for("checkpoint.open_checkpoint", **values), 303))


@blueprint.post("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>")
@launch_required(Role.LEARNER)
def hand_in(context_id: int, checkpoint_id: int) -> str | Response:
    """Take a learner's work."""
    if g.launch.is_test_user:
        raise ConflictError("Test users look, and hand nothing in.", code="test_user_hands_in")
    typed = {name: request.form.get(name, "") for name in ("text", "link")}
    try:
        upload = _upload()
        with services().database.write() as session:
            checkpoint = checkpoints.get_checkpoint(session, context_id, checkpoint_id)
            _submission, post_id = submissions.hand_in(
                session, checkpoint, g.launch.user_id, services().clock(), **typed, file=upload
            )
    except InvalidInputError as error:
        return _page(context_id, checkpoint_id, {error.field or "text": field_text(error)}, typed)
    if post_id is not None:
        services().queue.wake(POST_SCORE, post_id)
    flash(_("Handed in. Your instructor can see it now."), "success")
    target = url_for("checkpoint.open_checkpoint", context_id=context_id, checkpoint_id=checkpoint_id)
    return make_response(redirect(target, 303))


@blueprint.get("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>/files/<int:submission_id>")
@launch_required(Role.LEARNER)
def file(context_id: int, checkpoint_id: int, submission_id: int) -> Response:
    """A file the learner handed in."""
    with services().database.read() as session:
        checkpoint = checkpoints.get_checkpoint(session, context_id, checkpoint_id)
        name, blob = submissions.get_file(session, checkpoint, g.launch.user_id or 0, submission_id)
    return as_download(name, blob)


def as_download(name: str, blob: Blob) -> Response:
    """Return a file of somebody's as a download: never shown, never run."""
    response = send_file(
        io.BytesIO(blob.content), mimetype=blob.media_type, as_attachment=True, download_name=name, etag=False
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _require(context_id: int, checkpoint_id: int) -> None:
    """Refuse what is not this course's before leading anywhere; raises ``NotFoundError``."""
    with services().database.read() as session:
        checkpoints.get_checkpoint(session, context_id, checkpoint_id)


def _upload() -> Upload | None:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return None
    return clean_upload(sent.filename, sent.read())


def _page(context_id: int, checkpoint_id: int, errors: dict[str, str], typed: dict[str, str] | None = None) -> str:
    now = services().clock()
    with services().database.read() as session:
        checkpoint = checkpoints.get_checkpoint(session, context_id, checkpoint_id)
        work = submissions.work_of(session, checkpoint, g.launch.user_id or 0)
        progress = _progress(session, checkpoint)
        return render_template(
            "checkpoint/learner.html",
            checkpoint=checkpoint,
            work=work,
            late={one.id for one in work.submissions if submissions.is_late(checkpoint, one)},
            door=submissions.door(checkpoint, now),
            is_overdue=checkpoint.due_at is not None and now > checkpoint.due_at,
            errors=errors,
            typed=typed or {},
            accepted=ACCEPTED,
            kinds=CheckpointKind,
            rubric=None if checkpoint.rubric is None else Rubric.from_document(checkpoint.rubric),
            progress=progress,
            course=course_state(session, context_id),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How the learner stands with the badge a checkpoint is for; ``state`` is a key of ``formats.STATES``."""

    version: AchievementVersion
    award_id: int | None
    state: str
    lines: list[ClauseLine]


def _progress(session: Session, checkpoint: Checkpoint) -> Progress | None:
    """The badge's checklist, as far as its learner may know; nothing while it is not live, or when nobody is known."""
    user_id, now, context_id = g.launch.user_id, services().clock(), checkpoint.context_id
    if checkpoint.achievement_id is None or user_id is None:
        return None
    explained = explain_all(session, context_id, user_id, now)
    found = next((one for one in explained if one.achievement.id == checkpoint.achievement_id), None)
    if found is None:
        return None
    found = for_learner(found)
    one = progress_of(found)
    return Progress(
        version=one.version,
        award_id=None if one.award is None else one.award.id,
        state=one.state,
        lines=checklist(found, course_state(session, context_id).platform, checkpoint_links(session, context_id, now)),
    )
