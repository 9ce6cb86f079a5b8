"""Pages for anyone: a shared badge, what it stands for, who issued it. No session, no cookie.

A credential's page is closed until its learner shares it; the signed document answers whoever holds the id.
"""

from flask import Blueprint, Response, render_template, url_for

from lti_tool.errors import SubjectNotBoundError
from lti_tool.openbadges.baking import bake_png
from lti_tool.services import blobs, publishing
from lti_tool.web.access import public
from lti_tool.web.current import services
from lti_tool.web.narrative import narrative
from lti_tool.web.public_answers import CREDENTIAL, SHORT, answer, answer_json, asked_type, page, wants_page

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
    """The page of a shared badge, or the signed document, by ``Accept``."""
    if not wants_page(when_equal=True):
        return _signed(public_id, asked_type(CREDENTIAL))
    with services().database.read() as session:
        badge = publishing.credential_page(session, public_id, services().clock())
    html = render_template("public/credential.html", badge=badge, share_picture=_absolute(badge.picture_sha256))
    return _unlisted(page(html))


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
    return _unlisted(answer(bake_png(picture, copy.text), "image/png"))


@blueprint.get("/credentials/<public_id>.jwt")
@public
def credential_jwt(public_id: str) -> Response:
    """The compact JWS form: it needs a subject that its holder can prove, which no badge here carries yet."""
    with services().database.read() as session:
        publishing.signed_copy(session, public_id)
    raise SubjectNotBoundError("The credential names no subject that a wallet could prove.")


def _signed(public_id: str, media_type: str) -> Response:
    with services().database.read() as session:
        copy = publishing.signed_copy(session, public_id)
    return _unlisted(answer(copy.text, media_type))


def _unlisted(response: Response) -> Response:
    """Whoever has the address may read it; search engines may not spread it."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


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
        return page(render_template("public/issuer.html", profile=found.profile, keys=found.keys))
    with services().database.read() as session:
        document = publishing.issuer_document(session, public_id)
    return answer_json(document, seconds=SHORT)
