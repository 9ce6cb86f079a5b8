"""Making a badge, first step: what it says and how it looks. A draft is kept from here on and can be resumed."""

import base64
from collections.abc import Mapping

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request
from flask import session as flask_session
from sqlalchemy.orm import Session

from lti_tool.domain.award_states import AwardState
from lti_tool.errors import InvalidInputError
from lti_tool.models import Achievement, AchievementState, AchievementVersion, Context
from lti_tool.openbadges.picture import reencode_upload
from lti_tool.services import achievements, blobs
from lti_tool.services.issuers import ensure_issuer
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.badge_form import BADGE_LANGUAGES, COLOURS, SYMBOL_LENGTH, BadgeForm, PictureChoice, draw, first_field
from lti_tool.web.badge_steps import award_counts, lock_of, next_step, require_editable, steps
from lti_tool.web.change_preview import carried
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import locale

blueprint = Blueprint("instructor_badge", __name__)
UPLOADED = "badge_picture"
"""Key in ``flask.session``: SHA-256 of a picture that came with a form that had other mistakes."""
PREVIEW_SIZE = 256
NAME_SHOWN = 80


@blueprint.get("/courses/<int:context_id>/badges/new")
@launch_required(Role.INSTRUCTOR)
def new(context_id: int) -> str:  # noqa: ARG001
    """An empty form."""
    flask_session.pop(UPLOADED, None)
    return _page(BadgeForm(language=locale().language), None)


@blueprint.post("/courses/<int:context_id>/badges/new")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def create(context_id: int) -> str | Response:
    """Make a draft and go on to its rule."""
    return _write(context_id, None)


@blueprint.get("/courses/<int:context_id>/badges/<int:achievement_id>/content")
@launch_required(Role.INSTRUCTOR)
def content(context_id: int, achievement_id: int) -> str:
    """The form with what the badge says now."""
    flask_session.pop(UPLOADED, None)
    with services().database.read() as session:
        achievement = achievements.get_achievement(session, context_id, achievement_id)
        version = achievement.current_version
        return _page(BadgeForm.from_version(version) if version else BadgeForm(), achievement)


@blueprint.post("/courses/<int:context_id>/badges/<int:achievement_id>/content")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def save(context_id: int, achievement_id: int) -> str | Response:
    """Store a new version and go on to the rule."""
    return _write(context_id, achievement_id)


@blueprint.get("/courses/<int:context_id>/badges/picture")
@launch_required(Role.INSTRUCTOR)
def design(context_id: int) -> Response:  # noqa: ARG001
    """The designed picture for ``symbol``, ``colour`` and ``name``, as it would look."""
    values = request.args
    symbol, name = values.get("symbol", "")[:SYMBOL_LENGTH], values.get("name", "")[:NAME_SHOWN]
    response = make_response(draw(symbol, values.get("colour", ""), name, PREVIEW_SIZE))
    response.mimetype = "image/png"
    return response


def _write(context_id: int, achievement_id: int | None) -> str | Response:
    form, now = BadgeForm.from_request(), services().clock()
    errors = {} if form.wants_preview else form.problems()
    with services().database.write() as session:
        achievement = _editable(session, context_id, achievement_id)
        version = achievement.current_version if achievement else None
        try:
            picture = _keep_picture(session, form, version)
        except InvalidInputError as error:
            picture = None
            errors["upload"] = field_text(error)
    if form.wants_preview or errors or picture is None:
        return _page(form, achievement, errors)
    with services().database.write() as session:
        achievement = _editable(session, context_id, achievement_id)
        try:
            if achievement is None:
                achievement = _create(session, context_id, form, picture)
            else:
                if achievement.state is AchievementState.LIVE and request.form.get("do") != "confirm":
                    return _change_page(session, achievement, form)
                achievements.write_content(session, achievement, form.content(picture), now, actor=g.launch.actor)
        except InvalidInputError as error:
            return _page(form, achievement, {first_field(error, "name"): field_text(error)})
        address = next_step(session, achievement)
    flask_session.pop(UPLOADED, None)
    flash(_("“%(badge)s” is saved.", badge=form.name), "success")
    return make_response(redirect(address, 303))


def _change_page(session: Session, achievement: Achievement, form: BadgeForm) -> str:
    """What other words do to a live badge: nobody gains or loses it."""
    version = achievement.current_version
    texts = [
        (_("Name"), version.name if version else "", form.name),
        (_("What the learner can do"), version.description if version else "", form.description),
        (_("How it is earned"), version.criteria_narrative if version else "", form.criteria),
        (_("Language of the badge"), version.language if version else "", form.language),
    ]
    counts = award_counts(session, achievement.id)
    return render_template(
        "instructor/badge_content_change.html",
        achievement=achievement,
        steps=steps(achievement, achievement.context_id),
        texts=[one for one in texts if one[1] != one[2]],
        is_other_picture=form.picture is not PictureChoice.KEEP,
        offered=counts.get(AwardState.OFFERED, 0),
        claimed=counts.get(AwardState.CLAIMED, 0),
        carried=carried(),
    )


def _editable(session: Session, context_id: int, achievement_id: int | None) -> Achievement | None:
    if achievement_id is None:
        return None
    achievement = achievements.get_achievement(session, context_id, achievement_id)
    require_editable(session, achievement)
    return achievement


def _create(session: Session, context_id: int, form: BadgeForm, picture: str) -> Achievement:
    now, settings = services().clock(), services().settings
    issuer = ensure_issuer(session, g.launch.organization_id, settings.public_url, services().vault, now)
    context = session.get_one(Context, context_id)
    return achievements.create_achievement(session, context, issuer.id, form.content(picture), now)


def _keep_picture(session: Session, form: BadgeForm, version: AchievementVersion | None) -> str | None:
    """Store the chosen picture and return its SHA-256; a preview stores uploads only.

    Raises ``InvalidInputError`` (``picture_missing``, and what ``reencode_upload`` raises).
    """
    now, earlier = services().clock(), flask_session.get(UPLOADED)
    file = request.files.get("upload")
    if form.picture is PictureChoice.UPLOAD and file is not None and file.filename:
        flask_session[UPLOADED] = blobs.keep(session, reencode_upload(file.read()), "image/png", now)
        return str(flask_session[UPLOADED])
    if form.picture is PictureChoice.UPLOAD and earlier:
        return str(earlier)
    if form.picture is PictureChoice.KEEP and version is not None:
        return version.picture_sha256
    if form.wants_preview:
        return None
    if form.picture is not PictureChoice.DESIGN:
        raise InvalidInputError("No picture was sent.", code="picture_missing", field="upload")
    return blobs.keep(session, form.designed_png(), "image/png", now)


def _page(form: BadgeForm, achievement: Achievement | None, errors: Mapping[str, str] | None = None) -> str:
    return render_template(
        "instructor/badge_content.html",
        form=form,
        achievement=achievement,
        steps=steps(achievement, g.launch.context_id),
        errors=errors or {},
        colours=COLOURS,
        languages=BADGE_LANGUAGES,
        symbol_length=SYMBOL_LENGTH,
        uploaded_url=_uploaded_url(),
        is_live=achievement is not None and achievement.state is AchievementState.LIVE,
        lock=_lock(achievement),
    )


def _lock(achievement: Achievement | None) -> str | None:
    if achievement is None:
        return None
    with services().database.read() as session:
        return lock_of(session, achievement)


def _uploaded_url() -> str | None:
    """The picture that came with an earlier try, inside the page: it belongs to no badge yet."""
    digest = flask_session.get(UPLOADED)
    if not digest:
        return None
    with services().database.read() as session:
        content = blobs.get_blob(session, digest).content
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
