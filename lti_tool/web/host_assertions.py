"""Badge Connect for backpacks that collect here (Open Badges 2.1): manifest, assertions, profile; reading only."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, Response, g, url_for

from lti_tool.services import hosted_badges
from lti_tool.services.hosted_profile import person
from lti_tool.web.access import machine
from lti_tool.web.current import services
from lti_tool.web.host_answers import ApiRefusal, asked_page, collecting_user, list_answer
from lti_tool.web.host_consent import OAUTH
from lti_tool.web.host_oauth import BADGE_CONNECT, BADGE_CONNECT_SCOPES, OFFLINE

blueprint = Blueprint("host_assertions", __name__)
MANIFEST = "/.well-known/badgeconnect.json"
BASE = "/ims/ob/v2p1"
CONTEXT = "https://purl.imsglobal.org/spec/ob/v2p1/ob_v2p1.jsonld"
TEXTS = {400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


@blueprint.errorhandler(ApiRefusal)
def refuse(refusal: ApiRefusal) -> Response:
    """Answer with the ``status`` envelope."""
    response = _json({"status": _status(refusal.status, refusal.description)}, refusal.status)
    if refusal.challenge is not None:
        response.headers["WWW-Authenticate"] = refusal.challenge
    return response


def _status(code: int, error: str | None) -> dict[str, object]:
    return {"error": error, "statusCode": code, "statusText": TEXTS.get(code, "OK")}


@blueprint.get(MANIFEST)
@machine
def manifest() -> Response:
    """Where everything is (Open Badges 2.1, section 4)."""
    site = services().settings.public_url
    document = {
        "@context": CONTEXT,
        "id": f"{site}{MANIFEST}",
        "badgeConnectAPI": [
            {
                "name": services().settings.tool_name,
                "image": f"{site}/static/logo.png",
                "apiBase": f"{site}{BASE}",
                "version": "v2p1",
                "termsOfServiceUrl": f"{site}{url_for('public.terms')}",
                "privacyPolicyUrl": f"{site}{url_for('public.privacy')}",
                "scopesOffered": [*BADGE_CONNECT_SCOPES, OFFLINE],
                "registrationUrl": f"{site}{OAUTH}/register",
                "authorizationUrl": f"{site}{OAUTH}/authorize",
                "tokenUrl": f"{site}{OAUTH}/token",
                "tokenRevocationUrl": f"{site}{OAUTH}/revoke",
            }
        ],
    }
    response = _json(document, 200)
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@blueprint.get(f"{BASE}/assertions")
@machine
def assertions() -> Response:
    """The learner's badges as hosted Open Badges 2.0 assertions, newest first."""
    with services().database.write() as session:  # the 2.0 face of a badge exists once somebody asks for it
        g.host_session = session
        user_id, asked = collecting_user(f"{BADGE_CONNECT}assertion.readonly"), asked_page()
        now = services().clock()
        page = hosted_badges.assertions_page(session, user_id, asked.since, asked.offset, asked.limit, now)
    status = json.dumps(_status(HTTPStatus.OK, None))
    body = f'{{"status":{status},"assertions":[{",".join(page.documents)}],"signedAssertions":[]}}'
    return list_answer(body, asked, page.total)


@blueprint.get(f"{BASE}/profile")
@machine
def profile() -> Response:
    """Whose badges these are."""
    with services().database.read() as session:
        g.host_session = session
        found = person(session, collecting_user(f"{BADGE_CONNECT}profile.readonly"), services().settings.public_url)
    named = {name: value for name, value in (("name", found.name), ("email", found.email)) if value}
    document = {"@context": "https://w3id.org/openbadges/v2", "id": found.id, "type": "Profile", **named}
    return _json({"status": _status(HTTPStatus.OK, None), "profile": document}, 200)


def _json(document: Mapping[str, object], status: int) -> Response:
    response = Response(json.dumps(document, ensure_ascii=False), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Authorization")
    return response
