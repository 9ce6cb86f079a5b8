"""Making a badge, first step: what it says and how it looks. A draft is kept from here on and can be resumed."""

from dataclasses import dataclass, field

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask import session as flask_session
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import Achievement, AchievementState, Context
from lti_tool.openbadges.picture import default_picture, render_png, reencode_upload
from lti_tool.services import achievements, blobs, overview
from lti_tool.services.issuers import ensure_issuer
from lti_tool.web.access import Action, Role, can, launch_required
from lti_tool.web.badge_form import COLOURS, BadgeForm, PictureChoice
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import locale

blueprint = Blueprint("instructor_badge", __name__)
UPLOADED = "badge_picture"
"""Key in ``flask.session``: SHA-256 of a picture that was sent with a form that had other mistakes."""
PREVIEW_SIZE = 256


@blueprint.get("/courses/<int:context_id>/badges/new")
@launch_required(Role.INSTRUCTOR)
def new(context_id: int) -> str:
    """An empty form."""
    return _page(BadgeForm(language=locale().language), None)


@blueprint.post("/courses/<int:context_id>/badges/new")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def create(context_id: int) -> str | Response:
    """Make a draft and go on to its rule."""
    form = BadgeForm.from_request()
    if form.wants_preview:
        return _page(form, None)
    settings, now = services().settings, services().clock()
    try:
        with services().database.write() as session:
            issuer = ensure_issuer(session, g.launch.organization_id, settings.public_url, services().vault, now)
            content = form.content(_picture(session, form, None))
            context = session.get_one(Context, context_id)
            badge_id = achievements.create_achievement(session, context, issuer.id, content, now).id
    except InvalidInputError as error:
        return _page(form, None, {error.field or "name": field_text(error)})
    return _saved(context_id, badge_id)
