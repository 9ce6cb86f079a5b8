"""The Open Badges 3.0 API of the demo backpack (Open Badges 3.0, section 6): discovery, credentials, profile.

Nothing is verified on upsert, as on the hosts seen: what arrives is kept letter by letter and checked when shown.
"""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request

from lti_tool.demo.backpack_oauth import BASE, SCOPE_PREFIX, SCOPES, store
from lti_tool.demo.backpack_store import Account, StoredCredential

JSON_TYPES = ("application/json", "application/ld+json", "application/vc+ld+json")
LARGEST_PAGE = 100
MINOR = {
    304: "not_modified", 400: "invalid_query_parameter", 401: "unauthorizedrequest", 403: "forbidden",
    404: "not_found", 405: "not_allowed", 413: "invalid_data", 415: "invalid_data", 422: "invalid_data",
    429: "server_busy", 500: "internal_server_error",
}  # fmt: skip

blueprint = Blueprint("api", __name__, url_prefix=BASE)


class ApiRefusal(Exception):
    """A request the API refuses; answered as ``Imsx_StatusInfo``."""

    def __init__(
        self, status: int, description: str, *, minor: str | None = None, challenge: str | None = None
    ) -> None:
        super().__init__(description)
        self.status, self.description, self.challenge = status, description, challenge
        self.minor = minor or MINOR.get(status, "unknown")


@blueprint.errorhandler(ApiRefusal)
def refusal(error: ApiRefusal) -> Response:
    """Answer in the form of section 6.5."""
    response = status_info(error.status, error.description, error.minor)
    if error.challenge is not None:
        response.headers["WWW-Authenticate"] = error.challenge
    return response


def status_info(status: int, description: str, minor: str | None = None) -> Response:
    """Return an ``Imsx_StatusInfo``."""
    document = {
        "imsx_codeMajor": "failure",
        "imsx_severity": "status" if status == 404 else "error",
        "imsx_description": description,
        "imsx_codeMinor": {
            "imsx_codeMinorField": [
                {
                    "imsx_codeMinorFieldName": "demo-backpack",
                    "imsx_codeMinorFieldValue": minor or MINOR.get(status, "unknown"),
                }
            ]
        },
    }
    return Response(json.dumps(document), status=status, content_type="application/json")


def _account(scope: str) -> Account:
    """The account behind the bearer token, if its consent covers the scope."""
    bearer = request.authorization
    realm = 'Bearer realm="Open Badges API"'
    if bearer is None or bearer.type != "bearer" or not bearer.token:
        raise ApiRefusal(401, "Bearer access token is required", challenge=realm)
    consent = store().find_consent(bearer.token)
    if consent is None:
        raise ApiRefusal(401, "Access token is invalid or expired", challenge=f'{realm}, error="invalid_token"')
    if SCOPE_PREFIX + scope not in consent.scope:
        challenge = f'{realm}, error="insufficient_scope", scope="{SCOPE_PREFIX}{scope}"'
        raise ApiRefusal(403, f"The token does not cover {scope}", challenge=challenge)
    return store().accounts[consent.email]


# -- discovery (section 6.3) -----------------------------------------------------------------------------------------


@blueprint.get("/discovery")
def discovery() -> Response:
    """Describe the service: public, OpenAPI 3.0, only what is really offered."""
    base = current_app.config["BASE_URL"]
    oauth = f"{base}{BASE}/oauth"
    document = {
        "openapi": "3.0.1",
        "info": {
            "title": "Demo backpack",
            "description": "An Open Badges 3.0 host to try things with. It forgets everything when it stops.",
            "version": "3.0",
            "termsOfService": f"{base}/about",
            "x-imssf-privacyPolicyUrl": f"{base}/about",
            "x-imssf-image": f"{base}/static/medal.svg",
        },
        "servers": [{"url": f"{base}{BASE}"}],
        "paths": {
            "/discovery": {"get": _operation("getServiceDescription", None)},
            "/credentials": {
                "get": _operation("getCredentials", "credential.readonly"),
                "post": _operation("upsertCredential", "credential.upsert"),
            },
            "/profile": {
                "get": _operation("getProfile", "profile.readonly"),
                "put": _operation("putProfile", "profile.update"),
            },
        },
        "components": {
            "securitySchemes": {
                "OAuth2ACG": {
                    "type": "oauth2",
                    "description": "OAuth 2.0 Authorization Code Grant authorization",
                    "x-imssf-registrationUrl": f"{oauth}/register",
                    "x-imssf-revocationUrl": f"{oauth}/revoke",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": f"{oauth}/authorize",
                            "tokenUrl": f"{oauth}/token",
                            "refreshUrl": f"{oauth}/token",
                            "scopes": {one: one.removeprefix(SCOPE_PREFIX) for one in SCOPES},
                        }
                    },
                }
            }
        },
    }
    response = Response(json.dumps(document), content_type="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _operation(name: str, scope: str | None) -> dict[str, object]:
    operation: dict[str, object] = {"operationId": name, "responses": {"default": {"description": "See the standard."}}}
    if scope is not None:
        operation["security"] = [{"OAuth2ACG": [SCOPE_PREFIX + scope]}]
    return operation


# -- credentials (sections 6.2.2, 6.2.3 and 6.4) ---------------------------------------------------------------------


@blueprint.get("/credentials")
def list_credentials() -> Response:
    """List the account's credentials, last changed first, each exactly as it was received."""
    account = _account("credential.readonly")
    limit, offset = _number("limit", LARGEST_PAGE, least=1), _number("offset", 0, least=0)
    limit = min(limit, LARGEST_PAGE)
    own = store().credentials_of(account.email, _since())
    page = own[offset : offset + limit]
    documents = [one.text for one in page if one.content_type != "text/plain"]
    tokens = [json.dumps(one.text.strip()) for one in page if one.content_type == "text/plain"]
    # Joined as text: reading and writing the JSON anew could change numbers that a proof covers.
    body = f'{{"credential":[{",".join(documents)}],"compactJwsString":[{",".join(tokens)}]}}'
    response = Response(body, content_type="application/json")
    response.headers["X-Total-Count"] = str(len(own))
    response.headers["Link"] = ", ".join(_links(limit, offset, len(own)))
    return response


def _links(limit: int, offset: int, total: int) -> list[str]:
    kept = {"since": request.args["since"]} if "since" in request.args else {}
    places = {"first": 0, "last": (max(total - 1, 0) // limit) * limit}
    if offset + limit < total:
        places["next"] = offset + limit
    if offset > 0:
        places["prev"] = max(offset - limit, 0)
    address = f"{current_app.config['BASE_URL']}{BASE}/credentials"
    return [
        f'<{address}?{urlencode({"limit": limit, "offset": place, **kept})}>; rel="{rel}"'
        for rel, place in places.items()
    ]


def _number(name: str, usual: int, *, least: int) -> int:
    value = request.args.get(name, str(usual))
    if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) >= least):
        raise ApiRefusal(400, f"{name} must be a whole number from {least} on")
    return int(value)


def _since() -> datetime | None:
    value = request.args.get("since")
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ApiRefusal(400, "since must be a date-time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@blueprint.post("/credentials")
def upsert_credential() -> Response:
    """Keep a credential; 201 when it is new to the account, 200 when it replaces an earlier copy."""
    account = _account("credential.upsert")
    if request.mimetype not in (*JSON_TYPES, "text/plain"):
        raise ApiRefusal(400, f"content-type must be {', '.join(JSON_TYPES)}, or text/plain", minor="invalid_data")
    try:
        text = request.get_data().decode()
        document = payload_of(text) if request.mimetype == "text/plain" else json.loads(text)
    except (ValueError, RecursionError):
        raise ApiRefusal(400, "The body cannot be read", minor="invalid_data") from None
    issuer_id, credential_id = _identity(document)
    is_new = store().upsert(account.email, issuer_id, credential_id, text, request.mimetype)
    response = Response(text, status=201 if is_new else 200, content_type=f"{request.mimetype}; charset=utf-8")
    if store().take_drop():
        response.headers["Content-Length"] = str(len(text.encode()) + 1000)
    return response


def payload_of(token: str, part: int = 1) -> dict[str, Any]:
    """Return the payload (or, part 0, the header) of a compact JWS, unverified; its header has to name its key."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise ApiRefusal(400, "A compact JWS has three parts", minor="invalid_data")
    header, payload = (json.loads(_decoded(one)) for one in parts[:2])
    if not isinstance(header, dict) or not isinstance(payload, dict) or not ("kid" in header or "jwk" in header):
        raise ApiRefusal(400, "JOSE header must include kid or jwk", minor="invalid_data")
    return (header, payload)[part]


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise ValueError(part) from error


def _identity(document: Any) -> tuple[str, str]:
    if not isinstance(document, dict):
        raise ApiRefusal(400, "The credential must be a JSON object", minor="invalid_data")
    credential_id, issuer = document.get("id") or document.get("jti"), document.get("issuer")
    issuer_id = issuer.get("id") if isinstance(issuer, dict) else issuer
    if not isinstance(credential_id, str) or not credential_id:
        raise ApiRefusal(400, "Credential payload must include a non-empty id", minor="invalid_data")
    if not isinstance(issuer_id, str) or not issuer_id:
        raise ApiRefusal(400, "Credential payload must include an issuer id", minor="invalid_data")
    if "VerifiableCredential" not in _types(document):
        raise ApiRefusal(400, "Credential type must include VerifiableCredential", minor="invalid_data")
    return issuer_id, credential_id


def _types(document: dict[str, Any]) -> list[Any]:
    types = document.get("type")
    return types if isinstance(types, list) else [types]


def read_document(credential: StoredCredential) -> dict[str, Any]:
    """Return the claims of a stored credential, unverified."""
    text = credential.text
    document: dict[str, Any] = payload_of(text) if credential.content_type == "text/plain" else json.loads(text)
    return document


# -- profile (sections 6.2.4 and 6.2.5) ------------------------------------------------------------------------------


@blueprint.get("/profile")
def get_profile() -> Response:
    """Show whose account this is."""
    profile = _account("profile.readonly").profile
    return Response(json.dumps(profile, ensure_ascii=False), content_type="application/json")


@blueprint.put("/profile")
def put_profile() -> Response:
    """Replace the whole profile; its id and e-mail stay the account's own."""
    account = _account("profile.update")
    profile = request.get_json(silent=True)
    if not isinstance(profile, dict) or "Profile" not in _types(profile):
        raise ApiRefusal(400, "The body must be a Profile", minor="invalid_data")
    if profile.get("id") != account.profile["id"]:
        raise ApiRefusal(403, "The id of a profile cannot be changed")
    account.profile = profile | {"email": account.email}
    return Response(json.dumps(account.profile, ensure_ascii=False), content_type="application/json")
