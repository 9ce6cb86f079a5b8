"""The Open Badges 3.0 API for backpacks that collect here (Open Badges 3.0, section 6).

Only what is really offered is listed: nobody can put badges in or change a profile.
"""

import json
from collections.abc import Mapping

from flask import Blueprint, Response, g, url_for

from lti_tool.services import hosted_badges
from lti_tool.services.hosted_profile import Person, person
from lti_tool.web.access import machine
from lti_tool.web.current import services
from lti_tool.web.host_answers import ApiRefusal, asked_page, collecting_user, list_answer
from lti_tool.web.host_consent import OAUTH
from lti_tool.web.host_oauth import OB3

blueprint = Blueprint("host_credentials", __name__, url_prefix="/ims/ob/v3p0")
MINOR = {400: "invalid_query_parameter", 401: "unauthorizedrequest", 403: "forbidden"}


@blueprint.errorhandler(ApiRefusal)
def refuse(refusal: ApiRefusal) -> Response:
    """Answer with ``Imsx_StatusInfo``."""
    document = {
        "imsx_codeMajor": "failure",
        "imsx_severity": "error",
        "imsx_description": refusal.description,
        "imsx_codeMinor": {
            "imsx_codeMinorField": [
                {
                    "imsx_codeMinorFieldName": "lti-badges",
                    "imsx_codeMinorFieldValue": MINOR.get(refusal.status, "unknown"),
                }
            ]
        },
    }
    response = _json(document, refusal.status)
    if refusal.challenge is not None:
        response.headers["WWW-Authenticate"] = refusal.challenge
    return response


@blueprint.get("/discovery")
@machine
def discovery() -> Response:
    """The service description: an OpenAPI 3.0 document, public."""
    site = services().settings.public_url
    scopes = {
        f"{OB3}credential.readonly": "Read the badges that the learner has claimed",
        f"{OB3}profile.readonly": "Read the learner's name and e-mail address",
    }
    document = {
        "openapi": "3.0.1",
        "info": {
            "title": services().settings.tool_name,
            "description": "Backpacks collect the badges of a learner who lets them.",
            "termsOfService": f"{site}{url_for('public.terms')}",
            "version": "3.0",
            "x-imssf-image": f"{site}/static/logo.png",
            "x-imssf-privacyPolicyUrl": f"{site}{url_for('public.privacy')}",
        },
        "servers": [{"url": f"{site}/ims/ob/v3p0"}],
        "paths": {
            "/credentials": {"get": _operation("getCredentials", "credential.readonly", ("limit", "offset", "since"))},
            "/profile": {"get": _operation("getProfile", "profile.readonly", ())},
        },
        "components": {
            "securitySchemes": {
                "OAuth2ACG": {
                    "type": "oauth2",
                    "description": "OAuth 2.0 authorization code grant with PKCE (S256)",
                    "x-imssf-registrationUrl": f"{site}{OAUTH}/register",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": f"{site}{OAUTH}/authorize",
                            "tokenUrl": f"{site}{OAUTH}/token",
                            "refreshUrl": f"{site}{OAUTH}/token",
                            "x-imssf-revocationUrl": f"{site}{OAUTH}/revoke",
                            "scopes": scopes,
                        }
                    },
                }
            }
        },
    }
    response = _json(document, 200)
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _operation(name: str, scope: str, parameters: tuple[str, ...]) -> dict[str, object]:
    kinds: dict[str, dict[str, object]] = {"since": {"type": "string", "format": "date-time"}}
    return {
        "operationId": name,
        "parameters": [
            {"name": one, "in": "query", "schema": kinds.get(one, {"type": "integer"})} for one in parameters
        ],
        "responses": {"200": {"description": "The answer of Open Badges 3.0"}},
        "security": [{"OAuth2ACG": [f"{OB3}{scope}"]}],
    }


@blueprint.get("/credentials")
@machine
def credentials() -> Response:
    """The learner's badges, newest first, each letter by letter as it was signed."""
    with services().database.read() as session:
        g.host_session = session
        user_id, asked = collecting_user(f"{OB3}credential.readonly"), asked_page()
        page = hosted_badges.credentials_page(session, user_id, asked.since, asked.offset, asked.limit)
    body = f'{{"credential":[{",".join(page.documents)}],"compactJwsString":{json.dumps(page.signed)}}}'
    return list_answer(body, asked, page.total)


@blueprint.get("/profile")
@machine
def profile() -> Response:
    """Whose badges these are."""
    with services().database.read() as session:
        g.host_session = session
        found = person(session, collecting_user(f"{OB3}profile.readonly"), services().settings.public_url)
    return _json(_profile(found), 200)


def _profile(found: Person) -> dict[str, object]:
    document: dict[str, object] = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": found.id,
        "type": ["Profile"],
    }
    return document | {name: value for name, value in (("name", found.name), ("email", found.email)) if value}


def _json(document: Mapping[str, object], status: int) -> Response:
    response = Response(json.dumps(document, ensure_ascii=False), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Authorization")
    return response
