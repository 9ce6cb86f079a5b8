"""Assessing what learners did at checkpoints: the list of checkpoints, who waits, one learner, ticks for many."""

from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for

from lti_tool.domain.rubrics import Rubric
from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import Checkpoint, CheckpointKind
from lti_tool.services import assessing, checkpoints, scores, submissions
from lti_tool.services.wakeups import EVALUATE_COURSE, POST_SCORE
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.assessing_desk import desk_of
from lti_tool.web.checkpoint import as_download
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.score_words import score_failure
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

blueprint = Blueprint("assessing", __name__)
FILTERS = ("all", "handed_in", "partly", "disagreeing", "assessed", "opened", "not_opened")


@blueprint.app_context_processor
def give_kinds() -> dict[str, Any]:
    """Let templates name kinds of checkpoints."""
    return {"kind_name": kind_name}


def kind_name(kind: str) -> str:
    """Return a kind of checkpoint in words."""
    names = {
        CheckpointKind.EVIDENCE: _("Evidence submission"),
        CheckpointKind.RECOGNITION: _("Recognition of prior learning"),
        CheckpointKind.CHECK_OFF: _("Check-off"),
        CheckpointKind.PROGRESS: _("Progress"),
    }
    return names[CheckpointKind(kind)]


@blueprint.get("/courses/<int:context_id>/checkpoints")
@launch_required(Role.INSTRUCTOR, action=Action.ASSESS)
def overview(context_id: int) -> str:
    """The course's checkpoints: whether they are in the course, and how many wait."""
    with services().database.read() as session:
        found = [
            (one, is_placed, assessing.counts(session, one), len(scores.failed_posts(session, one.id)))
            for one, is_placed in checkpoints.course_checkpoints(session, context_id)
        ]
        return render_template("assessing/overview.html", found=found)


@blueprint.get("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>/learners")
@launch_required(Role.INSTRUCTOR, action=Action.ASSESS)
def learners(context_id: int, checkpoint_id: int) -> str:
    """Who handed in, waits, was assessed, never opened it; ``?show=`` keeps one of these."""
    chosen = request.args.get("show", "all")
    return _list(context_id, checkpoint_id, show=chosen if chosen in FILTERS else "all")


def _list(context_id: int, checkpoint_id: int, *, show: str = "all", **more: Any) -> str:
    with services().database.read() as session:
        checkpoint = checkpoints.get_checkpoint(session, context_id, checkpoint_id)
        rows = assessing.rows(session, checkpoint)
        failed = scores.failed_posts(session, checkpoint_id)
        names = {row.learner.user_id: row.learner for row in rows}
        return render_template(
            "assessing/learners.html",
            checkpoint=checkpoint,
            is_placed=any(
                one.id == checkpoint_id and is_placed
                for one, is_placed in checkpoints.course_checkpoints(session, context_id)
            ),
            rows=[row for row in rows if show in ("all", row.state)],
            counts={name: sum(name in ("all", row.state) for row in rows) for name in FILTERS},
            show=show,
            failed=[(names.get(one.user_id), score_failure(one.error_code), one.error_code) for one in failed],
            kinds=CheckpointKind,
            can_tick=lambda row: assessing.can_tick(row, g.launch.user_id),
            **more,
        )


@blueprint.get("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>/learners/<int:user_id>")
@launch_required(Role.INSTRUCTOR, action=Action.ASSESS)
def learner(context_id: int, checkpoint_id: int, user_id: int) -> str:
    """One learner's work, and the form that assesses it."""
    return _learner(context_id, checkpoint_id, user_id, {}, None)


@blueprint.post("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>/learners/<int:user_id>")
@launch_required(Role.INSTRUCTOR, action=Action.ASSESS)
def assess(context_id: int, checkpoint_id: int, user_id: int) -> str | Response:
    """Store a score or a tick with its comment, or take it back; the platform is told."""
    do, typed = request.form.get("do", ""), _typed()
    now = services().clock()
    try:
        with services().database.write() as session:
            checkpoint = _assessable(checkpoints.get_checkpoint(session, context_id, checkpoint_id))
            _require_seen(submissions.work_of(session, checkpoint, user_id))
            score, marks = _said(checkpoint, do, typed)
            post = assessing.assess(session, checkpoint, user_id, g.launch.user_id, score, typed["comment"], now, marks)
            rows = assessing.rows(session, checkpoint)
            done = assessing.get_row(rows, user_id)[0]
            after = assessing.next_waiting(rows, user_id, g.launch.user_id) if do == "next" else None
    except InvalidInputError as error:
        return _learner(context_id, checkpoint_id, user_id, {error.field or "score": field_text(error)}, typed)
    _wake([post])
    if done.state in {"assessed", "partly", "disagreeing"}:  # the outcome is evidence, or is none any more
        services().queue.wake(EVALUATE_COURSE, context_id)
    flash(_saved(done.state, is_cleared=do == "clear"), "warning" if done.state == "disagreeing" else "success")
    values: dict[str, Any] = {"context_id": context_id, "checkpoint_id": checkpoint_id}
    user_id = after.learner.user_id if after is not None else user_id
    return make_response(redirect(url_for("assessing.learner", **values, user_id=user_id), 303))


def _require_seen(work: submissions.LearnerWork) -> None:
    """Refuse marks about work that came after the page was shown: nobody has looked at it."""
    newest = work.submissions[0].id if work.submissions else 0
    if request.form.get("work", str(newest)) != str(newest):
        raise InvalidInputError("Something new was handed in.", code="work_changed", field="comment")


def _typed() -> dict[str, str]:
    """What was typed: score, comment, and the level chosen in each criterion (``mark-N``)."""
    return {"score": "", "comment": ""} | {
        name: text for name, text in request.form.items() if name in {"score", "comment"} or name.startswith("mark-")
    }


def _said(checkpoint: Checkpoint, do: str, typed: dict[str, str]) -> tuple[Decimal | None, dict[str, int] | None]:
    """The score and the marks that a form says; raises ``InvalidInputError``."""
    maximum = checkpoint.maximum
    if do == "clear" or maximum is None:
        return None, None
    if do == "tick" and checkpoint.kind is CheckpointKind.CHECK_OFF:
        return maximum, None
    if checkpoint.rubric is None:
        return assessing.read_score(typed["score"], maximum), None
    chosen = {name.removeprefix("mark-"): text for name, text in typed.items() if name.startswith("mark-")}
    marks = {name: int(text) for name, text in chosen.items() if text.isascii() and text.isdigit() and len(text) < 3}
    return Rubric.from_document(checkpoint.rubric).total(marks), marks


def _saved(state: str, *, is_cleared: bool) -> str:
    if is_cleared:
        return _("The score is taken back.")
    if state == "partly":
        return _("Saved. It counts once somebody else has assessed it, too.")
    if state == "disagreeing":
        return _("Saved. You and the other assessor do not agree whether it is enough. Talk it over, or ask a third.")
    return _("Saved. The learning platform is told now.")


def _learner(
    context_id: int, checkpoint_id: int, user_id: int, errors: dict[str, str], typed: dict[str, str] | None
) -> str:
    with services().database.read() as session:
        checkpoint = checkpoints.get_checkpoint(session, context_id, checkpoint_id)
        rows = assessing.rows(session, checkpoint)
        row, before, after = assessing.get_row(rows, user_id)
        work = submissions.work_of(session, checkpoint, user_id)
        desk = desk_of(session, checkpoint, work, g.launch.user_id)
        return render_template(
            "assessing/learner.html",
            checkpoint=checkpoint,
            row=row,
            before=before,
            after=after,
            position=[one.learner.user_id for one in rows].index(user_id) + 1,
            total=len(rows),
            work=work,
            desk=desk,
            is_own=g.launch.user_id == user_id,
            waits=assessing.next_waiting(rows, user_id, g.launch.user_id),
            late={one.id for one in work.submissions if submissions.is_late(checkpoint, one)},
            errors=errors,
            typed=desk.typed if typed is None else typed,
            kinds=CheckpointKind,
        )


@blueprint.get(
    "/courses/<int:context_id>/checkpoints/<int:checkpoint_id>/learners/<int:user_id>/files/<int:submission_id>"
)
@launch_required(Role.INSTRUCTOR, action=Action.ASSESS)
def file(context_id: int, checkpoint_id: int, user_id: int, submission_id: int) -> Response:
    """A file a learner handed in."""
    with services().database.read() as session:
        checkpoint = checkpoints.get_checkpoint(session, context_id, checkpoint_id)
        name, blob = submissions.get_file(session, checkpoint, user_id, submission_id)
    return as_download(name, blob)


@blueprint.post("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>/ticks")
@launch_required(Role.INSTRUCTOR, action=Action.ASSESS)
def ticks(context_id: int, checkpoint_id: int) -> str | Response:
    """Tick many learners off: first who it would be, then it is done."""
    chosen = {int(one) for one in request.form.getlist("learner") if one.isascii() and one.isdigit() and len(one) < 10}
    if request.form.get("do") != "save":
        if not chosen:
            return _list(context_id, checkpoint_id, error=_("Choose at least one learner."))
        with services().database.read() as session:
            checkpoint = _checked_off(checkpoints.get_checkpoint(session, context_id, checkpoint_id))
            rows = assessing.rows(session, checkpoint)
            mine = g.launch.user_id
            wanted = [one for one in rows if one.learner.user_id in chosen and assessing.can_tick(one, mine)]
            return render_template("assessing/ticks.html", checkpoint=checkpoint, rows=wanted)
    with services().database.write() as session:
        checkpoint = _checked_off(checkpoints.get_checkpoint(session, context_id, checkpoint_id))
        rows, mine = assessing.rows(session, checkpoint), g.launch.user_id
        ticked = sum(one.learner.user_id in chosen and assessing.can_tick(one, mine) for one in rows)
        posts = assessing.tick(session, checkpoint, chosen, mine, services().clock())
    _wake(posts)
    services().queue.wake(EVALUATE_COURSE, context_id)
    flash(ngettext("%(num)s learner is ticked off.", "%(num)s learners are ticked off.", ticked), "success")
    return _to_list(context_id, checkpoint_id)


@blueprint.post("/courses/<int:context_id>/checkpoints/<int:checkpoint_id>/scores")
@launch_required(Role.INSTRUCTOR, action=Action.ASSESS)
def send_again(context_id: int, checkpoint_id: int) -> Response:
    """Send the scores once more that did not arrive."""
    with services().database.write() as session:
        checkpoints.get_checkpoint(session, context_id, checkpoint_id)
        failed = [one.id for one in scores.failed_posts(session, checkpoint_id)]
        scores.send_again(session, checkpoint_id, services().clock())
    _wake(failed)
    flash(_("They are being sent once more."), "info")
    return _to_list(context_id, checkpoint_id)


def _assessable(checkpoint: Checkpoint) -> Checkpoint:
    if checkpoint.kind is CheckpointKind.PROGRESS:
        raise ConflictError("Nothing is assessed at this checkpoint.", code="checkpoint_not_assessed")
    return checkpoint


def _checked_off(checkpoint: Checkpoint) -> Checkpoint:
    if checkpoint.kind is not CheckpointKind.CHECK_OFF:
        raise ConflictError("Only check-offs are ticked for many.", code="checkpoint_not_assessed")
    return checkpoint


def _wake(posts: list[int | None] | list[int]) -> None:
    for post in posts:
        if post is not None:
            services().queue.wake(POST_SCORE, post)


def _to_list(context_id: int, checkpoint_id: int) -> Response:
    target = url_for("assessing.learners", context_id=context_id, checkpoint_id=checkpoint_id)
    return make_response(redirect(target, 303))
