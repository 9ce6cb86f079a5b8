"""A learner's badge in other forms, and new copies of it: with another name or address, or for older backpacks."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for

from lti_tool.errors import ConflictError, InvalidInputError, IssuingError
from lti_tool.services import reissuing, second_face, wallet
from lti_tool.services.reissuing import SubjectChoice
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.download_words import copy_refusal, subject_options, subject_words
from lti_tool.web.learner import known_user, launch, sign_now
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("learner_copies", __name__)


@blueprint.get("/courses/<int:context_id>/mine/badges/<int:credential_id>/copy")
@launch_required(Role.LEARNER)
def form(context_id: int, credential_id: int) -> Response:
    """What the badge carries, and what a new copy could carry."""
    with services().database.read() as session:
        mine = wallet.get_badge(session, context_id, known_user(), credential_id)
        code = reissuing.refusal(mine.credential, services().clock())
        choices = reissuing.choices(mine.credential)
    if code is not None:
        flash(copy_refusal(code), "warning")
        return _to_badge(context_id, credential_id)
    return make_response(
        render_template(
            "learner/copy.html",
            mine=mine,
            choices=choices,
            carried=subject_words(choices),
            options=subject_options(choices),
        )
    )


@blueprint.post("/courses/<int:context_id>/mine/badges/<int:credential_id>/copy")
@launch_required(Role.LEARNER, action=Action.CLAIM)
def make(context_id: int, credential_id: int) -> Response:
    """Make the copy, and sign it at once."""
    try:
        choice = SubjectChoice(request.form.get("subject", SubjectChoice.KEEP))
    except ValueError:
        raise InvalidInputError("There is no such choice.", field="subject") from None
    try:
        with services().database.write() as session:
            version = reissuing.reissue(
                session,
                wallet.get_credential(session, context_id, known_user(), credential_id),
                choice,
                show_name=request.form.get("show_name") == "yes",
                replaces=request.form.get("replaces") == "yes",
                actor=launch().actor,
                now=services().clock(),
            )
            version_id = version.id
    except (ConflictError, InvalidInputError) as error:
        flash(copy_refusal(error.code), "warning")
        target = "learner_copies.form" if error.code == "copy_unchanged" else "learner.badge"
        return make_response(redirect(url_for(target, context_id=context_id, credential_id=credential_id), 303))
    if sign_now(version_id):
        flash(_("Your badge has a new copy. It goes to the backpacks that have an earlier one."), "success")
    else:
        flash(_("Your new copy is being signed. That takes a moment; until then you have the earlier one."), "info")
    return _to_badge(context_id, credential_id)


@blueprint.post("/courses/<int:context_id>/mine/badges/<int:credential_id>/second-face")
@launch_required(Role.LEARNER, action=Action.CLAIM)
def make_second_face(context_id: int, credential_id: int) -> Response:
    """Make the badge's files for backpacks that read Open Badges 2.0 alone."""
    try:
        with services().database.write() as session:
            credential = wallet.get_credential(session, context_id, known_user(), credential_id)
            second_face.ensure_hosted(session, credential, None, services().clock())
    except (ConflictError, IssuingError) as error:
        flash(copy_refusal(error.code), "warning")
        return _to_badge(context_id, credential_id)
    flash(_("The files for older backpacks are in the list."), "success")
    return _to_badge(context_id, credential_id)


def _to_badge(context_id: int, credential_id: int) -> Response:
    return make_response(redirect(url_for("learner.badge", context_id=context_id, credential_id=credential_id), 303))
