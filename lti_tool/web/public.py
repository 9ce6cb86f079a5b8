"""Pages for anyone: a shared badge, what it stands for, who issued it. No session, no cookie.

A credential's page is closed until its learner shares it; the signed document answers whoever holds the id.
"""

from flask import Blueprint, Response, render_template, url_for

from lti_tool.openbadges.baking import bake_png, bake_svg
from lti_tool.openbadges.picture import wrap_png
from lti_tool.services import blobs, credential_forms, publishing
from lti_tool.web.access import public
from lti_tool.web.current import services
from lti_tool.web.narrative import narrative
from lti_tool.web.public_answers import (
    CREDENTIAL,
    JWT,
    SHORT,
    answer,
    answer_json,
    answer_svg,
    asked_type,
    page,
    unlisted,
    wants_page,
)

blueprint = Blueprint("public", __name__)
blueprint.add_app_template_filter(narrative)


@blueprint.get("/")
@public
def home() -> str:
    """What this is, for somebody who came without a course."""
    return render_template("public/home.html")


@blueprint.get("/about/terms")
@public
def terms() -> str:
    """What may be expected of this tool."""
    return render_template("public/terms.html")


@blueprint.get("/about/privacy")
@public
def privacy() -> str:
    """What this tool keeps about people, and why."""
    return render_template("public/privacy.html")


# -- credentials ------------------------------------------------------------------------------------------------------


@blueprint.get("/credentials/<public_id>")
@public
def credential(public_id: str) -> Response:
    """The page of a shared badge, or the signed document as JSON or as a JWT, by ``Accept``."""
    if not wants_page(when_equal=True):
        media_type = asked_type((*CREDENTIAL, *JWT))
        return _jwt(public_id, media_type) if media_type in JWT else _signed(public_id, media_type)
    with services().database.read() as session:
        badge = publishing.credential_page(session, public_id, services().clock())
    html = render_template("public/credential.html", badge=badge, share_picture=_absolute(badge.picture_sha256))
    return unlisted(page(html))


@blueprint.get("/credentials/<public_id>.json")
@public
def credential_json(public_id: str) -> Response:
    """The signed document (Open Badges 3.0), byte for byte."""
    return _signed(public_id, asked_type(CREDENTIAL))


@blueprint.get("/credentials/<public_id>.png")
@public
def credential_png(public_id: str) -> Response:
    """The badge's picture with the signed document baked in (Open Badges 3.0, section 5.3)."""
    with services().database.read() as session:
        copy = publishing.signed_copy(session, public_id)
        picture = blobs.get_blob(session, copy.picture_sha256).content
    return unlisted(answer(bake_png(picture, copy.text), "image/png"))


@blueprint.get("/credentials/<public_id>.svg")
@public
def credential_svg(public_id: str) -> Response:
    """The same as an SVG."""
    with services().database.read() as session:
        copy = publishing.signed_copy(session, public_id)
        picture = blobs.get_blob(session, copy.picture_sha256).content
    return unlisted(answer_svg(bake_svg(wrap_png(picture), copy.text)))


@blueprint.get("/credentials/<public_id>.jwt")
@public
def credential_jwt(public_id: str) -> Response:
    """The compact JWS form (Open Badges 3.0, section 8.2.1); 409 for a badge whose subject has no id."""
    return _jwt(public_id, asked_type((*reversed(JWT), "text/plain")))


def _jwt(public_id: str, media_type: str) -> Response:
    with services().database.read() as session:
        text = credential_forms.find_jwt(session, public_id)
    if text is None:
        with services().database.write() as session:
            text = credential_forms.keep_jwt(session, public_id, services().vault, services().clock())
    return unlisted(answer(text, media_type))


def _signed(public_id: str, media_type: str) -> Response:
    with services().database.read() as session:
        copy = publishing.signed_copy(session, public_id)
    return unlisted(answer(copy.text, media_type))


def _absolute(picture_sha256: str) -> str:
    return services().settings.public_url + url_for("documents.picture", sha256=picture_sha256)


# -- achievements and competencies ------------------------------------------------------------------------------------


@blueprint.get("/achievements/<public_id>")
@public
def achievement(public_id: str) -> Response:
    """What a badge stands for: a page, or JSON-LD by ``Accept``."""
    with services().database.read() as session:
        found = publishing.achievement_page(session, public_id)
    if not wants_page(when_equal=True):
        return answer_json(found.document, seconds=SHORT)
    picture = _absolute(found.version.picture_sha256)
    return page(render_template("public/achievement.html", achievement=found, share_picture=picture))


@blueprint.get("/competencies/<path:identifier>")
@public
def competency(identifier: str) -> Response:
    """A skill that badges name: a page, or JSON (CASE) by ``Accept``."""
    with services().database.read() as session:
        item = publishing.get_competency(session, identifier)
        document = publishing.competency_document(item)
    if not wants_page(when_equal=True):
        return answer_json(document, ("application/json",), seconds=SHORT)
    return page(render_template("public/competency.html", item=item))


# -- issuers ----------------------------------------------------------------------------------------------------------


@blueprint.get("/issuers/<public_id>")
@public
def issuer(public_id: str) -> Response:
    """Who issued: the document with its keys, which verifiers fetch; a page for whoever prefers one."""
    if wants_page(when_equal=False):
        with services().database.read() as session:
            found = publishing.issuer_page(session, public_id)
        return page(render_template("public/issuer.html", profile=found.profile, keys=found.keys, jwks=found.jwks))
    with services().database.read() as session:
        document = publishing.issuer_document(session, public_id)
    return answer_json(document, seconds=SHORT)
