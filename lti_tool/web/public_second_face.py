"""Open Badges 2.0 documents, for hosts that read no other: each at an address of its own, always JSON.

Whatever ``Accept`` says, these addresses never answer a page, and a document never a picture: hosts of 2.0 ask for
JSON, PNG and SVG in one breath, and take what comes for the badge.
"""

from flask import Blueprint, Response

from lti_tool.openbadges import baking
from lti_tool.openbadges.picture import wrap_png
from lti_tool.services import blobs, second_face, second_face_parts
from lti_tool.services.second_face import HostedDocument
from lti_tool.web.access import public
from lti_tool.web.current import services
from lti_tool.web.public_answers import LINKED_DATA, SHORT, answer, answer_json, answer_svg, asked_type, unlisted

blueprint = Blueprint("second_face", __name__)


@blueprint.get("/credentials/<public_id>.ob2.json")
@public
def assertion(public_id: str) -> Response:
    """The hosted assertion; 410, with what is left of it, once it is revoked."""
    with services().database.read() as session:
        found = second_face.hosted_document(session, public_id)
    return _hosted(found)


@blueprint.get("/credentials/<public_id>.ob2.png")
@public
def png(public_id: str) -> Response:
    """The badge's picture with the hosted assertion baked in."""
    with services().database.read() as session:
        found = second_face.hosted_document(session, public_id)
        picture = blobs.get_blob(session, found.picture_sha256).content
    if found.is_revoked:
        return _hosted(found)
    return unlisted(answer(baking.bake_png(picture, found.text, baking.V2), "image/png"))


@blueprint.get("/credentials/<public_id>.ob2.svg")
@public
def svg(public_id: str) -> Response:
    """The same as an SVG."""
    with services().database.read() as session:
        found = second_face.hosted_document(session, public_id)
        picture = blobs.get_blob(session, found.picture_sha256).content
    if found.is_revoked:
        return _hosted(found)
    baked = baking.bake_svg(wrap_png(picture), found.text, baking.V2, verify=found.url)
    return unlisted(answer_svg(baked))


@blueprint.get("/credentials/<public_id>.ob2.jws")
@public
def signed(public_id: str) -> Response:
    """The signed form; the issuer's revocation list says whether it still holds."""
    now = services().clock()
    with services().database.read() as session:
        text = second_face.find_signed(session, public_id)
    if text is None:
        with services().database.write() as session:
            text = second_face.signed_form(session, public_id, services().vault, now)
    return unlisted(answer(text, "text/plain"))


@blueprint.get("/achievements/<public_id>/versions/<int:number>.ob2.json")
@public
def badge_class(public_id: str, number: int) -> Response:
    """One version of a badge, for ever."""
    with services().database.read() as session:
        document = second_face_parts.badge_class(session, public_id, number)
    return answer_json(document, seconds=SHORT)


@blueprint.get("/achievements/<public_id>/versions/<int:number>/keys/<kid>.ob2.json")
@public
def badge_class_of_key(public_id: str, number: int, kid: str) -> Response:
    """The same as assertions signed with one key name it."""
    with services().database.read() as session:
        document = second_face_parts.badge_class(session, public_id, number, kid)
    return answer_json(document, seconds=SHORT)


@blueprint.get("/issuers/<public_id>.ob2.json")
@public
def issuer(public_id: str) -> Response:
    """The issuer, with its revocation list."""
    with services().database.read() as session:
        document = second_face_parts.issuer_profile(session, public_id)
    return answer_json(document, seconds=SHORT)


@blueprint.get("/issuers/<public_id>/keys/<kid>/profile.ob2.json")
@public
def issuer_of_key(public_id: str, kid: str) -> Response:
    """The same with one of its keys, as assertions signed with that name it."""
    with services().database.read() as session:
        document = second_face_parts.issuer_profile(session, public_id, kid)
    return answer_json(document, seconds=SHORT)


@blueprint.get("/issuers/<public_id>/keys/<kid>.ob2.json")
@public
def key(public_id: str, kid: str) -> Response:
    """One RSA key of the issuer."""
    with services().database.read() as session:
        document = second_face_parts.key(session, public_id, kid)
    return answer_json(document, seconds=SHORT)


@blueprint.get("/issuers/<public_id>/revocations.ob2.json")
@public
def revocations(public_id: str) -> Response:
    """Which signed assertions of the issuer do not hold any more."""
    with services().database.read() as session:
        document = second_face_parts.revocation_list(session, public_id)
    return answer_json(document)


def _hosted(found: HostedDocument) -> Response:
    return unlisted(answer(found.text, asked_type(LINKED_DATA), status=410 if found.is_revoked else 200))
