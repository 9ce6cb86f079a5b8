"""The backpack of a Badgr host: Badge Connect 2.1 (``/bcv1``) and the import of the v2 API.

Ground, each captured from a Badgr host (2026) unless said otherwise:

- the manifest lies behind a 302, ``badgeConnectAPI`` is a list, ``version`` is ``v1p0``, the member of results is
  ``results``; ``POST /bcv1/assertions {"assertion": {"id": url}}`` answers 201 with a ``statusCode`` of 200;
- a repeat is 400 ``DUPLICATE_BADGE``, a bad token 401 with an empty error;
- the newest come first; the ``Link`` header is its vendor code's (badgr-server, ``BadgeConnectPagination``);
- ``/bcv1`` also takes tokens with ``rw:backpack``, ``/v2/backpack/import`` takes no others (vendor code).
"""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

from hosts.badgr_oauth import BADGE_CONNECT_SCOPES, SCOPE, BadgrOAuth
from hosts.hosted_badges import ACCEPT, BadgeRefused, HostedBadge, check_hosted
from hosts.serving import Account, Refusal, answer
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

V2_CONTEXT = "https://w3id.org/openbadges/v2"
DUPLICATE = {"name": "DUPLICATE_BADGE", "description": "You already have this badge in your backpack"}
TEXTS = {200: "OK", 400: "REQUEST_VALIDATION_ERROR", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


class BadgrBackpack(BadgrOAuth):
    """The routes. ``verifies=False`` takes any address as a badge without looking, for benches of the other side."""

    RULES = (
        *BadgrOAuth.RULES,
        ("GET", "/.well-known/badgeconnect.json", "manifest_redirect"),
        ("GET", "/bcv1/manifest/<domain>", "manifest"),
        ("GET", "/bcv1/assertions", "bc_list"),
        ("POST", "/bcv1/assertions", "bc_create"),
        ("GET", "/bcv1/profile", "bc_profile"),
        ("POST", "/v2/backpack/import", "import_badge"),
        ("GET", "/v2/backpack/assertions", "backpack_assertions"),
    )

    def __init__(self, *, verifies: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.verifies = verifies
        self.created: list[tuple[str, str]] = []
        """(address of the account, id of the assertion) of everything taken, in order; never the same twice."""

    # -- what a test asks ---------------------------------------------------------------------------------------------

    def stored(self, email: str) -> list[str]:
        """Ids of the assertions in somebody's backpack, oldest first."""
        with self.lock:
            account = self.people.find(email)
            return [] if account is None else list(account.assertions)

    def recheck(self, email: str) -> dict[str, str]:
        """Look at every assertion of a backpack again: ``valid``, or the name of the refusal."""
        account = self.people.find(email)
        assert account is not None
        found: dict[str, str] = {}
        for url in self.stored(email):
            try:
                check_hosted(url, account.emails, requires_https=self.requires_https)
                found[url] = "valid"
            except BadgeRefused as refused:
                found[url] = refused.name
        return found

    # -- manifest -----------------------------------------------------------------------------------------------------

    def manifest_redirect(self, request: Request) -> Response:
        return redirect(f"{self.base_url}/bcv1/manifest/{self.netloc}", 302)

    def manifest(self, request: Request, domain: str) -> Response:
        base = self.base_url
        return answer(
            {
                "id": f"{base}/bcv1/manifest/{domain}",
                "badgeConnectAPI": [
                    {
                        "name": "Lab Badgr",
                        "image": f"{base}/static//images/logo.png",
                        "apiBase": f"{base}/bcv1",
                        "version": "v1p0",
                        "termsOfServiceUrl": "https://badgr.example/terms-of-service.html",
                        "privacyPolicyUrl": "https://badgr.example/privacy-policy.html",
                        "scopesOffered": list(BADGE_CONNECT_SCOPES),
                        "registrationUrl": f"{base}/o/register",
                        "authorizationUrl": f"{base}/auth/oauth2/authorize",
                        "tokenUrl": f"{base}/o/token",
                    }
                ],
                "@context": "https://w3id.org/openbadges/badgeconnect/v1",
            }
        )

    # -- Badge Connect ------------------------------------------------------------------------------------------------

    def bc_profile(self, request: Request) -> Response:
        account = self._bc_account(request, "profile.readonly")
        profile = {"name": account.name, "email": account.emails[0], "@context": V2_CONTEXT}
        return answer({**_bc_status(200), "results": [profile]})

    def bc_list(self, request: Request) -> Response:
        account = self._bc_account(request, "assertion.readonly")
        with self.lock:
            found = [self._bc_form(one) for one in reversed(account.assertions.values())]
        offset, limit = request.args.get("offset", 0, int), request.args.get("limit", len(found) or 1, int)
        links = _links(f"{self.base_url}/bcv1/assertions", limit, offset, len(found)) if "limit" in request.args else ""
        headers = {"Link": links} if links else None
        return answer({**_bc_status(200), "results": found[offset : offset + limit]}, 200, headers)

    def bc_create(self, request: Request) -> Response:
        account = self._bc_account(request, "assertion.create")
        given = request.get_json(silent=True)
        assertion = given.get("assertion") if isinstance(given, dict) else None
        url = assertion.get("id") if isinstance(assertion, dict) else None
        if not isinstance(url, str):
            return answer(_bc_status(400, [{"name": "INVALID", "description": "assertion.id is required"}]), 400)
        refused = self._take(account, url)
        return answer(_bc_status(400, [refused]), 400) if refused else answer(_bc_status(200), 201)

    def _bc_account(self, request: Request, scope: str) -> Account:
        account, granted = self._bearer(request)
        if account is None:
            raise Refusal(answer(_bc_status(401), 401))
        if SCOPE + scope not in granted and "rw:backpack" not in granted:
            raise Refusal(answer(_bc_status(403), 403))
        return account

    def _bearer(self, request: Request) -> tuple[Account | None, tuple[str, ...]]:
        """Whose token this is, and what it covers."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        with self.lock:
            grant = self.desk.find(token) if kind == "Bearer" else None
            return (None, ()) if grant is None else (self.people.find(grant.email), grant.scope)

    # -- v2 -----------------------------------------------------------------------------------------------------------

    def import_badge(self, request: Request) -> Response:
        """``{"url": …}``; an ``image`` or an ``assertion``, which a real host takes too, are not offered here."""
        account = self._v2_account(request, "rw:backpack")
        given = request.get_json(silent=True)
        url = given.get("url") if isinstance(given, dict) else None
        if not isinstance(url, str):
            return v2_refusal(400, {"url": ["This field is required."]})
        refused = self._take(account, url)
        if refused:
            return v2_refusal(400, validation_errors=[refused])
        return v2_answer([self._v2_form(account.assertions[url])], 201)

    def backpack_assertions(self, request: Request) -> Response:
        account = self._v2_account(request, "rw:backpack")
        with self.lock:
            return v2_answer([self._v2_form(one) for one in reversed(account.assertions.values())])

    def _v2_account(self, request: Request, scope: str) -> Account:
        account, granted = self._bearer(request)
        if account is None:
            raise Refusal(v2_refusal(401, description="no valid auth token found"))
        if scope not in granted:
            raise Refusal(v2_refusal(403, description="permission denied"))
        return account

    # -- taking a badge -----------------------------------------------------------------------------------------------

    def _take(self, account: Account, url: str) -> dict[str, str] | None:
        """Keep the badge at ``url``, or say why not. A repeat is only noticed after the badge was fetched, as there."""
        try:
            badge = self._look_at(url, account.emails)
        except BadgeRefused as refused:
            return {"name": refused.name, "description": refused.description}
        with self.lock:
            if url in account.assertions:
                return DUPLICATE
            account.assertions[url] = {"badge": badge, "entity_id": secrets.token_urlsafe(16)}
            self.created.append((account.emails[0], url))
        return None

    def _look_at(self, url: str, emails: Iterable[str]) -> HostedBadge:
        if self.verifies:
            return check_hosted(url, emails, requires_https=self.requires_https)
        email = next(iter(emails))
        recipient = hashed_recipient(email, "salt")
        assertion = {"id": url, "badge": f"{url}/badge", "recipient": recipient, "issuedOn": "2026-01-01T00:00:00Z"}
        return HostedBadge(assertion, {"id": f"{url}/badge"}, {}, email)

    def _bc_form(self, kept: dict[str, Any]) -> dict[str, Any]:
        badge: HostedBadge = kept["badge"]
        return {
            "id": badge.assertion["id"],
            "badge": badge.badge_class.get("id"),
            "image": f"{self.base_url}/media/uploads/badges/remote/assertion/cached/{kept['entity_id']}.png",
            "recipient": {**badge.assertion["recipient"], "plaintextIdentity": badge.email},
            "issuedOn": badge.assertion["issuedOn"],
            "narrative": badge.assertion.get("narrative"),
            "revoked": False,
            "revocationReason": None,
            "expires": badge.assertion.get("expires"),
            "type": "Assertion",
            "@context": V2_CONTEXT,
        }

    def _v2_form(self, kept: dict[str, Any]) -> dict[str, Any]:
        badge: HostedBadge = kept["badge"]
        form = self._bc_form(kept)
        return {
            "entityType": "Assertion",
            "entityId": kept["entity_id"],
            "acceptance": "Accepted",
            "openBadgeId": badge.assertion["id"],
            "badgeclassOpenBadgeId": form["badge"],
            "issuerOpenBadgeId": badge.issuer.get("id"),
            "pending": False,
        } | {
            name: form[name] for name in ("image", "recipient", "issuedOn", "narrative", "revoked", "revocationReason")
        }


def hashed_recipient(email: str, salt: str) -> dict[str, Any]:
    """A recipient as Open Badges 2.0 shows one in public."""
    digest = hashlib.sha256(f"{email}{salt}".encode()).hexdigest()
    return {"identity": f"sha256${digest}", "hashed": True, "type": "email", "salt": salt}


def _bc_status(code: int, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    return {"status": {"error": errors, "statusCode": code, "statusText": TEXTS[code]}}


def _links(url: str, limit: int, offset: int, total: int) -> str:
    places = {"first": 0, "last": max(total - 1, 0) // limit * limit}
    if offset + limit < total:
        places = {"next": offset + limit, **places}
    if offset > 0:
        places["prev"] = max(offset - limit, 0)
    return ",".join(f'<{url}?limit={limit}&offset={place}>; rel="{rel}"' for rel, place in places.items())


def v2_answer(result: list[Any], status: int = 200) -> Response:
    """The envelope of the v2 API."""
    return answer({"status": {"success": True, "description": "ok"}, "result": result}, status)


def v2_refusal(
    status: int,
    field_errors: Any = None,
    validation_errors: list[Any] | None = None,
    description: str = "bad request",
) -> Response:
    """The envelope of a refusal of the v2 API; those of 401, 403 and 404 are constructed in its likeness."""
    return answer(
        {
            "status": {"success": False, "description": description},
            "result": [],
            "fieldErrors": field_errors or {},
            "validationErrors": validation_errors or [],
        },
        status,
    )


__all__ = ["ACCEPT", "BadgrBackpack", "hashed_recipient", "v2_answer", "v2_refusal"]
