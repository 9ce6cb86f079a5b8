"""Documents for programs: an issuer's keys and did:web alias, status lists, pictures."""

from flask import Blueprint, Response

from lti_tool.errors import NotFoundError
from lti_tool.services import blobs, publishing, status
from lti_tool.web.access import public
from lti_tool.web.current import services
from lti_tool.web.public_answers import (
    CREDENTIAL,
    HOUR,
    JWT,
    LINKED_DATA,
    SHORT,
    YEAR,
    answer,
    answer_json,
    asked_type,
)
from lti_tool.wiring import Services

blueprint = Blueprint("documents", __name__)


@blueprint.get("/issuers/<public_id>/did.json")
@public
def did(public_id: str) -> Response:
    """The issuer's did:web document; 404 where did:web has no name for it."""
    with services().database.read() as session:
        document = publishing.did_document(session, public_id)
    return answer_json(document, ("application/did+ld+json", "application/did+json", *LINKED_DATA), seconds=SHORT)


@blueprint.get("/issuers/<public_id>/keys/<name>")
@public
def key(public_id: str, name: str) -> Response:
    """One key by its own id, for verifiers that fetch what a proof names."""
    with services().database.read() as session:
        document = publishing.key_document(session, public_id, name)
    return answer_json(document, (*LINKED_DATA, "application/jwk+json"), seconds=HOUR)


@blueprint.get("/status/<public_id>")
@public
def status_list(public_id: str) -> Response:
    """A signed Bitstring Status List: with an embedded proof, or as a JWT to one who asks for that only."""
    media_type = asked_type((*CREDENTIAL, *JWT))
    if media_type in JWT:
        with services().database.read() as session:
            token = status.sign_list_jwt(session, status.get_list(session, public_id), services().vault)
        return answer(token, media_type)
    return answer(signed_status_list(services(), public_id), media_type)


def signed_status_list(parts: Services, public_id: str) -> str:
    """Return the list as served, signed for whoever asks first after a change; raises ``NotFoundError``."""
    with parts.database.read() as session:
        listed = status.get_list(session, public_id)
        if listed.document is not None:
            return listed.document
        text = status.sign_list(session, listed, parts.vault)
    with parts.database.write() as session:
        status.keep_signed(session, listed, text)
    return text


@blueprint.get("/pictures/<sha256>.png")
@public
def picture(sha256: str) -> Response:
    """A badge's picture; its address is its content, so it may be kept for ever."""
    with services().database.read() as session:
        blob = blobs.get_blob(session, sha256)
    if blob.media_type != "image/png":
        raise NotFoundError("There is no such picture.")
    return answer(blob.content, blob.media_type, seconds=YEAR, is_immutable=True)
