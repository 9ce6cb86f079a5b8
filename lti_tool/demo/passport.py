"""The second demo backpack: a Badge Connect host (Open Badges 2.1) that keeps hosted assertions of Open Badges 2.0.

Its manifest stands behind a redirect, and a badge that is there already is refused as a duplicate: both as on the
hosts seen. What arrives is fetched from its own address and judged by openbadgeslib, which shares nothing with this
tool's own code.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, current_app, redirect, request
from openbadgeslib.errors import LibOpenBadgesException
from openbadgeslib.ob2.models import hash_identity
from openbadgeslib.ob2.verifier import OB2Verifier
from werkzeug.wrappers import Response as AnyResponse

from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.backpack_check import State, Verdict
from lti_tool.demo.backpack_oauth import Dialect, store
from lti_tool.demo.backpack_store import Account
from lti_tool.errors import OutboundError
from lti_tool.outbound import HttpClient

DEFAULT_URL = "http://127.0.0.1:8003"
SCOPE = "https://purl.imsglobal.org/spec/ob/v2p1/scope/"
SCOPES = tuple(SCOPE + name for name in ("assertion.readonly", "assertion.create", "profile.readonly"))
BADGE_CONNECT = Dialect("/ims/ob/v2p1", SCOPE, SCOPES, takes_refresh_grant=True)
BASE = BADGE_CONNECT.base
MANIFEST = "/passport/manifest"
CONTEXT = "https://purl.imsglobal.org/spec/ob/v2p1/ob_v2p1.jsonld"
ACCEPT = "application/ld+json, application/json, image/png, image/svg+xml"
TEXTS = {400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
LARGEST_PAGE = 50

blueprint = Blueprint("passport_api", __name__)


def create_passport(
    base_url: str = DEFAULT_URL,
    *,
    tool_hosts: Iterable[str] = ("localhost", "127.0.0.1"),
    people: Iterable[tuple[str, str]] = (),
) -> Flask:
    """Build the passport; see ``create_backpack``."""
    return create_backpack(
        base_url,
        tool_hosts=tool_hosts,
        people=people,
        dialect=BADGE_CONNECT,
        api=blueprint,
        check=HostedCheck,
        title="passport",
    )


class Refusal(Exception):
    """A request the interface refuses; answered in the ``status`` envelope."""

    def __init__(self, status: int, error: str, text: str | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.text = status, error, text or TEXTS[status]


@blueprint.errorhandler(Refusal)
def refusal(refused: Refusal) -> Response:
    """Answer in the form of Open Badges 2.1."""
    status = {"error": refused.error, "statusCode": refused.status, "statusText": refused.text}
    response = _json({"status": status}, refused.status)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


@blueprint.get("/.well-known/badgeconnect.json")
def well_known() -> AnyResponse:
    """Point to the manifest."""
    return redirect(current_app.config["BASE_URL"] + MANIFEST, 302)


@blueprint.get(MANIFEST)
def manifest() -> Response:
    """Say where everything is."""
    site = current_app.config["BASE_URL"]
    offered = {
        "name": "Demo passport",
        "image": f"{site}/static/medal.svg",
        "apiBase": f"{site}{BASE}",
        "version": "v2p1",
        "termsOfServiceUrl": f"{site}/about",
        "privacyPolicyUrl": f"{site}/about",
        "scopesOffered": list(SCOPES),
        "registrationUrl": f"{site}{BASE}/oauth/register",
        "authorizationUrl": f"{site}{BASE}/oauth/authorize",
        "tokenUrl": f"{site}{BASE}/oauth/token",
        "tokenRevocationUrl": f"{site}{BASE}/oauth/revoke",
    }
    return _json({"@context": CONTEXT, "id": site + MANIFEST, "badgeConnectAPI": [offered]})


def _account(scope: str) -> Account:
    bearer = request.authorization
    consent = store().find_consent(bearer.token) if bearer and bearer.type == "bearer" and bearer.token else None
    if consent is None:
        raise Refusal(401, "Authentication credentials were not provided.")
    if SCOPE + scope not in consent.scope:
        raise Refusal(403, f"The token does not cover {scope}.")
    return store().accounts[consent.email]


@blueprint.get(f"{BASE}/profile")
def profile() -> Response:
    """Whose account this is."""
    account = _account("profile.readonly")
    named = {"id": account.profile["id"], "type": "Profile", "name": account.name, "email": account.email}
    return _json({"status": _ok(), "profile": named})


@blueprint.get(f"{BASE}/assertions")
def list_assertions() -> Response:
    """The account's assertions, last changed first, each as it was fetched."""
    account = _account("assertion.readonly")
    limit, offset = min(_number("limit", LARGEST_PAGE), LARGEST_PAGE), _number("offset", 0)
    own = store().credentials_of(account.email, _since())
    page = ",".join(one.text for one in own[offset : offset + limit])
    body = f'{{"status":{json.dumps(_ok())},"assertions":[{page}],"signedAssertions":[]}}'
    response = Response(body, content_type="application/json")
    response.headers["X-Total-Count"] = str(len(own))
    if offset + limit < len(own):
        rest = urlencode({"limit": limit, "offset": offset + limit})
        response.headers["Link"] = f'<{current_app.config["BASE_URL"]}{BASE}/assertions?{rest}>; rel="next"'
    return response


@blueprint.post(f"{BASE}/assertions")
def create_assertion() -> Response:
    """Fetch a hosted assertion, judge it, and keep it, unless it is somebody else's or here already."""
    account = _account("assertion.create")
    sent = request.get_json(silent=True)
    asked = sent.get("assertion") if isinstance(sent, dict) else None
    url = asked.get("id") if isinstance(asked, dict) else asked
    if not isinstance(url, str):
        raise Refusal(400, "The request names no assertion.", "REQUEST_VALIDATION_ERROR")
    fetched = HostedAssertion.fetch(url, cast(HttpClient, current_app.extensions["backpack_http"]))
    if not fetched.is_for(account.email):
        raise Refusal(400, "The recipient does not match any of your verified e-mails", "RECIPIENT_PROFILE_MISMATCH")
    if any(one.credential_id == url for one in store().credentials_of(account.email)):
        raise Refusal(400, "DUPLICATE_BADGE", "BAD_REQUEST")
    store().upsert(account.email, fetched.issuer_id, url, fetched.text, "application/json", fetched.shown)
    response = _json({"status": {"error": None, "statusCode": 201, "statusText": "OK"}}, 201)
    if store().take_drop():
        response.headers["Content-Length"] = "100000"
    return response


def _number(name: str, usual: int) -> int:
    value = request.args.get(name, str(usual))
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Refusal(400, f"{name} must be a whole number.", "REQUEST_VALIDATION_ERROR")
    return int(value)


def _since() -> datetime | None:
    value = request.args.get("since")
    try:
        return datetime.fromisoformat(value) if value else None
    except ValueError:
        raise Refusal(400, "since must be a date-time.", "REQUEST_VALIDATION_ERROR") from None


def _ok() -> dict[str, object]:
    return {"error": None, "statusCode": 200, "statusText": "OK"}


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), status=status, content_type="application/json")


# -- what arrives -----------------------------------------------------------------------------------------------------


class HostedAssertion:
    """An assertion as its address answers, with its badge and issuer."""

    def __init__(self, text: str, document: dict[str, Any], badge: dict[str, Any], issuer: dict[str, Any]) -> None:
        self.text, self.issuer_id = text, str(issuer.get("id"))
        self._recipient = document.get("recipient")
        self.shown = {
            "issuer": issuer,
            "awardedDate": document.get("issuedOn"),
            "credentialSubject": {"achievement": badge},
        }

    @classmethod
    def fetch(cls, url: str, http: HttpClient) -> "HostedAssertion":
        """Fetch and judge what is at an address; raises ``Refusal`` (400, ``INVALID_BADGE``)."""
        try:
            text = _fetch(http, url).decode()
            document = json.loads(text)
            OB2Verifier(download=lambda address: _fetch(http, address)).verify_hosted(document)
            badge = json.loads(_fetch(http, document["badge"]))
            issuer = json.loads(_fetch(http, badge["issuer"]))
        except (OutboundError, LibOpenBadgesException, ValueError, KeyError, TypeError) as error:
            raise Refusal(400, f"INVALID_BADGE: {error}", "INVALID_BADGE") from None
        return cls(text, document, badge, issuer)

    def is_for(self, email: str) -> bool:
        """Whether the assertion is made out to this address."""
        named = self._recipient if isinstance(self._recipient, dict) else {}
        expected = hash_identity(email, named.get("salt")) if named.get("hashed") else email
        return bool(named.get("identity") == expected)


def _fetch(http: HttpClient, url: str) -> bytes:
    answer = http.get(url, headers={"Accept": ACCEPT}, max_redirects=2)
    if answer.status != 200:
        raise OutboundError(f"{url} answered {answer.status}.", code=f"answered_{answer.status}")
    return answer.body


class HostedCheck:
    """Asks an assertion's own address again, and lets openbadgeslib judge the answer."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def verdict(self, text: str) -> Verdict:
        """Check one assertion as it was kept."""
        document = json.loads(text)
        try:
            _fetch(self._http, document["id"])
            OB2Verifier(download=lambda address: _fetch(self._http, address)).verify_hosted(document)
        except OutboundError as error:
            state = State.REVOKED if error.code == "answered_410" else State.UNCHECKED
            return Verdict(state, str(error), state is State.REVOKED)
        except LibOpenBadgesException as error:
            return Verdict(State.EXPIRED if "expired" in str(error) else State.ALTERED, str(error))
        return Verdict(State.INTACT, status_checked=True)
