"""The issuing side of a Badgr host: issuers, badge classes, assertions, singly and in batches (v2 API).

Ground, each captured from a Badgr host (2026) unless said otherwise:

- the envelopes, the members of issuer, badge class and assertion, the public documents, ``revocation_reason``;
- a batch is ``{"create_notification": …, "assertions": […]}``; one bad entry refuses the whole batch, ``fieldErrors``
  being a list with an entry a place (vendor code: badgr-server, ``BatchAssertionsIssue``);
- ``allowDuplicateAwards`` is true unless said otherwise; false refuses somebody who has the badge already, looked up
  before the batch is stored, so not among its own entries (vendor code);
- the list leaves revoked and expired out unless ``include_revoked`` and ``include_expired`` are ``1``; ``recipient``
  filters, ``num`` pages with ``Link: rel="next"`` and a cursor (vendor code; the cursor's form is constructed);
- an issuer's e-mail has to be one of the user's verified ones; changing a badge class leaves what was issued alone;
  who revokes twice gets 400; a PUT changes recipient and evidence of an assertion (vendor code).
"""

import base64
import secrets
from datetime import UTC, datetime
from typing import Any

from hosts.badgr_backpack import BadgrBackpack, hashed_recipient, v2_answer, v2_refusal
from hosts.badgr_forms import moment_of, now, public_form, read_object, require
from hosts.serving import Account, Refusal, answer
from werkzeug.wrappers import Request, Response

NO_DUPLICATE = "A previous award of this badge already exists for this recipient."


class BadgrIssuing(BadgrBackpack):
    """The routes and what was issued."""

    RULES = (
        *BadgrBackpack.RULES,
        ("GET", "/v2/users/self", "me"),
        ("GET POST", "/v2/issuers", "issuers"),
        ("GET PUT", "/v2/issuers/<entity_id>", "issuer"),
        ("GET", "/v2/issuers/<entity_id>/badgeclasses", "badge_classes_of"),
        ("GET POST", "/v2/badgeclasses", "badge_classes"),
        ("GET PUT", "/v2/badgeclasses/<entity_id>", "badge_class"),
        ("GET", "/v2/badgeclasses/<entity_id>/assertions", "assertions_of"),
        ("POST", "/v2/badgeclasses/<entity_id>/assertions", "issue_one"),
        ("POST", "/v2/badgeclasses/<entity_id>/issue", "issue_many"),
        ("GET PUT DELETE", "/v2/assertions/<entity_id>", "assertion"),
        ("GET", "/public/<kind>/<entity_id>", "public"),
        ("GET", "/public/<kind>/<entity_id>/image", "public_image"),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.all_issuers: dict[str, dict[str, Any]] = {}
        self.all_badge_classes: dict[str, dict[str, Any]] = {}
        self.all_assertions: dict[str, dict[str, Any]] = {}
        self.pictures: dict[str, bytes] = {}
        self.page_size = 100

    # -- what a test asks ---------------------------------------------------------------------------------------------

    def issued(self) -> list[dict[str, Any]]:
        """Every assertion issued here, oldest first: recipient, narrative, evidence, revoked."""
        with self.lock:
            return [
                {
                    "entityId": one["entityId"],
                    "badgeclass": one["badgeclass"],
                    "recipient": one["recipient"]["plaintextIdentity"],
                    "narrative": one["narrative"],
                    "evidence": [item.get("url") for item in one["evidence"]],
                    "revoked": one["revoked"],
                    "revocationReason": one["revocationReason"],
                }
                for one in self.all_assertions.values()
            ]

    def duplicates(self) -> list[list[str]]:
        """(badge class, recipient) that somebody holds more than once, revoked ones not counted."""
        seen: dict[tuple[str, str], int] = {}
        for one in self.issued():
            if not one["revoked"]:
                key = one["badgeclass"], one["recipient"]
                seen[key] = seen.get(key, 0) + 1
        return [list(key) for key, number in seen.items() if number > 1]

    # -- people -------------------------------------------------------------------------------------------------------

    def me(self, request: Request) -> Response:
        account = self._v2_account(request, "rw:profile")
        emails = [
            {"entityType": "UserEmail", "email": one, "verified": True, "primary": place == 0}
            for place, one in enumerate(account.emails)
        ]
        return v2_answer(
            [
                {
                    "entityType": "BadgeUser",
                    "entityId": account.id,
                    "firstName": account.name,
                    "lastName": "",
                    "emails": emails,
                }
            ]
        )

    # -- issuers ------------------------------------------------------------------------------------------------------

    def issuers(self, request: Request) -> Response:
        account = self._v2_account(request, "rw:issuer")
        if request.method == "GET":
            with self.lock:
                return v2_answer([self._shown(one) for one in self.all_issuers.values() if one["owner"] == account.id])
        given = read_object(request)
        self._check_issuer(account, given)
        entity_id = secrets.token_urlsafe(16)
        issuer = {
            "entityType": "Issuer",
            "entityId": entity_id,
            "openBadgeId": f"{self.base_url}/public/issuers/{entity_id}",
            "createdAt": now(),
            "createdBy": account.id,
            "name": given["name"],
            "image": self._keep_picture(entity_id, given.get("image")),
            "email": given["email"],
            "description": given["description"],
            "url": given["url"],
            "owner": account.id,
        }
        with self.lock:
            self.all_issuers[entity_id] = issuer
        return v2_answer([self._shown(issuer)], 201)

    def issuer(self, request: Request, entity_id: str) -> Response:
        account = self._v2_account(request, "rw:issuer")
        issuer = self._own(account, self.all_issuers, entity_id)
        if request.method == "PUT":
            given = read_object(request)
            self._check_issuer(account, given)
            issuer.update({name: given[name] for name in ("name", "email", "description", "url")})
        return v2_answer([self._shown(issuer)])

    def _check_issuer(self, account: Account, given: dict[str, Any]) -> None:
        require(given, "name", "email", "description", "url")
        if not str(given["url"]).startswith(("http://", "https://")):
            raise Refusal(v2_refusal(400, {"url": ["Enter a valid URL."]}))
        if str(given["email"]).lower() not in account.emails:
            words = "Issuer email must be one of your verified addresses."
            raise Refusal(v2_refusal(400, {"email": [words]}))

    # -- badge classes ------------------------------------------------------------------------------------------------

    def badge_classes_of(self, request: Request, entity_id: str) -> Response:
        account = self._v2_account(request, "rw:issuer")
        self._own(account, self.all_issuers, entity_id)
        with self.lock:
            return v2_answer(
                [self._shown(one) for one in self.all_badge_classes.values() if one["issuer"] == entity_id]
            )

    def badge_classes(self, request: Request) -> Response:
        account = self._v2_account(request, "rw:issuer")
        if request.method == "GET":
            with self.lock:
                own = [one for one in self.all_badge_classes.values() if one["owner"] == account.id]
                return v2_answer([self._shown(one) for one in own])
        given = read_object(request)
        require(given, "issuer", "name", "description")
        issuer = self.all_issuers.get(given["issuer"])
        if issuer is None or issuer["owner"] != account.id:
            raise Refusal(v2_refusal(400, {"issuer": ["Object not found."]}))
        if "image" not in given:
            raise Refusal(v2_refusal(400, {"image": ["Valid image file or data URI required."]}))
        entity_id = secrets.token_urlsafe(16)
        badge_class: dict[str, Any] = {
            "entityType": "BadgeClass",
            "entityId": entity_id,
            "openBadgeId": f"{self.base_url}/public/badges/{entity_id}",
            "createdAt": now(),
            "createdBy": account.id,
            "issuer": issuer["entityId"],
            "issuerOpenBadgeId": issuer["openBadgeId"],
            "owner": account.id,
            "versions": 1,
        }
        self._write_badge_class(badge_class, given)
        with self.lock:
            self.all_badge_classes[entity_id] = badge_class
        return v2_answer([self._shown(badge_class)], 201)

    def badge_class(self, request: Request, entity_id: str) -> Response:
        account = self._v2_account(request, "rw:issuer")
        badge_class = self._own(account, self.all_badge_classes, entity_id)
        if request.method == "PUT":
            given = read_object(request)
            require(given, "name", "description")
            self._write_badge_class(badge_class, given)
            badge_class["versions"] += 1
        return v2_answer([self._shown(badge_class)])

    def _write_badge_class(self, badge_class: dict[str, Any], given: dict[str, Any]) -> None:
        if not (given.get("criteriaUrl") or given.get("criteriaNarrative")):
            raise Refusal(v2_refusal(400, validation_errors=["A criteria_url or criteria_test is required."]))
        if given.get("criteriaUrl") and not str(given["criteriaUrl"]).startswith(("http://", "https://")):
            raise Refusal(v2_refusal(400, {"criteriaUrl": ["Enter a valid URL."]}))
        for one in given.get("alignments") or []:
            require(one, "targetName", "targetUrl")
        badge_class |= {
            "name": given["name"],
            "description": given["description"],
            "criteriaUrl": given.get("criteriaUrl"),
            "criteriaNarrative": given.get("criteriaNarrative"),
            "alignments": given.get("alignments") or [],
            "tags": given.get("tags") or [],
            "extensions": {},
        }
        if "image" in given:
            badge_class["image"] = self._keep_picture(badge_class["entityId"], given["image"])

    def _keep_picture(self, entity_id: str, uri: Any) -> str | None:
        """Keep a data URI; anything else is no picture to a Badgr host."""
        if uri is None:
            return None
        head, _, encoded = str(uri).partition(",")
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError:
            content = b""
        is_png = head == "data:image/png;base64" and content.startswith(b"\x89PNG\r\n\x1a\n")
        if not is_png and not (head == "data:image/svg+xml;base64" and b"<svg" in content):
            raise Refusal(v2_refusal(400, {"image": ["Invalid image."]}))
        with self.lock:
            self.pictures[entity_id] = content
        return f"{self.base_url}/media/uploads/badges/{entity_id}.png"

    # -- assertions ---------------------------------------------------------------------------------------------------

    def assertions_of(self, request: Request, entity_id: str) -> Response:
        account = self._v2_account(request, "rw:issuer")
        self._own(account, self.all_badge_classes, entity_id)
        wanted, args = request.args.getlist("recipient"), request.args
        with self.lock:
            found = [one for one in reversed(self.all_assertions.values()) if one["badgeclass"] == entity_id]
        if wanted:
            found = [one for one in found if one["recipient"]["plaintextIdentity"] in wanted]
        if args.get("include_revoked", "").lower() not in {"1", "true"}:
            found = [one for one in found if not one["revoked"]]
        if args.get("include_expired", "").lower() not in {"1", "true"}:
            found = [one for one in found if one["expires"] is None or moment_of(one["expires"]) > datetime.now(UTC)]
        if "num" not in args:
            return v2_answer([self._shown(one) for one in found])
        number, start = min(args.get("num", 1, int), self.page_size), int(args.get("cursor", "0"))
        response = v2_answer([self._shown(one) for one in found[start : start + number]])
        if start + number < len(found):
            kept = "".join(
                f"&{name}={value}" for name, value in args.items(multi=True) if name not in {"cursor", "num"}
            )
            url = f"{self.base_url}{request.path}?cursor={start + number}&num={number}{kept}"
            response.headers["Link"] = f'<{url}>; rel="next"'
        return response

    def issue_one(self, request: Request, entity_id: str) -> Response:
        account = self._v2_account(request, "rw:issuer")
        badge_class = self._own(account, self.all_badge_classes, entity_id)
        given = read_object(request)
        with self.lock:
            problems = self._problems(badge_class, given)
            if problems:
                return v2_refusal(400, problems)
            return v2_answer([self._shown(self._issue(account, badge_class, given))], 201)

    def issue_many(self, request: Request, entity_id: str) -> Response:
        account = self._v2_account(request, "rw:issuer")
        badge_class = self._own(account, self.all_badge_classes, entity_id)
        given = read_object(request).get("assertions")
        if not isinstance(given, list):
            return v2_refusal(400, {"assertions": ["This field is required."]})
        with self.lock:
            problems = [self._problems(badge_class, one) for one in given]
            if any(problems):
                return v2_refusal(400, problems)
            made = []
            for place, one in enumerate(given):
                if place == (len(given) + 1) // 2:
                    self.half_way()
                made.append(self._issue(account, badge_class, one))
            return v2_answer([self._shown(one) for one in made], 201)

    def _problems(self, badge_class: dict[str, Any], given: Any) -> dict[str, list[str]]:
        recipient = given.get("recipient") if isinstance(given, dict) else None
        identity = recipient.get("identity") if isinstance(recipient, dict) else None
        if not isinstance(identity, str) or identity.count("@") != 1:
            return {"recipient": ["Enter a valid email address."]}
        if "issuedOn" in given and moment_of(given["issuedOn"]) > datetime.now(UTC):
            return {"issuedOn": ["Only issuedOn dates in the past are acceptable."]}
        for one in given.get("evidence") or []:
            if not (one.get("url") or one.get("narrative")):
                return {"evidence": ["Either url or narrative is required"]}
        if given.get("allowDuplicateAwards", True) is False and self._holds(badge_class, identity):
            return {"non_field_errors": [NO_DUPLICATE]}
        return {}

    def _holds(self, badge_class: dict[str, Any], identity: str) -> bool:
        return any(
            one["badgeclass"] == badge_class["entityId"]
            and one["recipient"]["plaintextIdentity"] == identity
            and not one["revoked"]
            and (one["expires"] is None or moment_of(one["expires"]) > datetime.now(UTC))
            for one in self.all_assertions.values()
        )

    def _issue(self, account: Account, badge_class: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        entity_id, identity = secrets.token_urlsafe(16), given["recipient"]["identity"]
        recipient = hashed_recipient(identity, secrets.token_hex(16)) | {"plaintextIdentity": identity}
        if given["recipient"].get("hashed") is False:
            recipient = {"identity": identity, "hashed": False, "type": "email", "plaintextIdentity": identity}
        assertion = {
            "entityType": "Assertion",
            "entityId": entity_id,
            "openBadgeId": f"{self.base_url}/public/assertions/{entity_id}",
            "createdAt": now(),
            "createdBy": account.id,
            "badgeclass": badge_class["entityId"],
            "badgeclassOpenBadgeId": badge_class["openBadgeId"],
            "issuer": badge_class["issuer"],
            "issuerOpenBadgeId": badge_class["issuerOpenBadgeId"],
            "image": f"{self.base_url}/media/uploads/badges/assertion-{entity_id}.png",
            "recipient": recipient,
            "issuedOn": given.get("issuedOn") or now(),
            "narrative": given.get("narrative"),
            "evidence": given.get("evidence") or [],
            "revoked": False,
            "revocationReason": None,
            "acceptance": "Unaccepted",
            "expires": given.get("expires"),
            "extensions": {},
            "owner": account.id,
        }
        self.all_assertions[entity_id] = assertion
        return assertion

    def assertion(self, request: Request, entity_id: str) -> Response:
        account = self._v2_account(request, "rw:issuer")
        with self.lock:
            assertion = self._own(account, self.all_assertions, entity_id)
            if request.method == "PUT":
                given = read_object(request)
                problems = self._problems(badge_class=assertion, given=given | {"allowDuplicateAwards": True})
                if problems:
                    return v2_refusal(400, problems)
                identity = given["recipient"]["identity"]
                recipient = hashed_recipient(identity, secrets.token_hex(16)) | {"plaintextIdentity": identity}
                assertion.update(recipient=recipient, evidence=given.get("evidence") or [])
            if request.method == "DELETE":
                reason = (request.get_json(silent=True) or {}).get("revocation_reason")
                if not reason:
                    return v2_refusal(400, {"revocation_reason": "This field is required"})
                if assertion["revoked"]:
                    return v2_refusal(400, validation_errors=["Assertion is already revoked"])
                assertion.update(revoked=True, revocationReason=reason, image=None)
        return v2_answer([self._shown(assertion)])

    # -- what anybody may read ----------------------------------------------------------------------------------------

    def public(self, request: Request, kind: str, entity_id: str) -> Response:
        with self.lock:
            kept = {"issuers": self.all_issuers, "badges": self.all_badge_classes, "assertions": self.all_assertions}
            found = kept.get(kind, {}).get(entity_id)
            return answer({"error": "not found"}, 404) if found is None else answer(public_form(found))

    def public_image(self, request: Request, kind: str, entity_id: str) -> Response:
        with self.lock:
            badge = self.all_assertions.get(entity_id, {}).get("badgeclass", entity_id)
            content = self.pictures.get(badge)
        return answer({"error": "not found"}, 404) if content is None else Response(content, content_type="image/png")

    # -- forms --------------------------------------------------------------------------------------------------------

    def _own(self, account: Account, kept: dict[str, dict[str, Any]], entity_id: str) -> dict[str, Any]:
        with self.lock:
            found = kept.get(entity_id)
        if found is None or found["owner"] != account.id:
            raise Refusal(v2_refusal(404, description="entity not found or insufficient privileges"))
        return found

    def _shown(self, entity: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in entity.items() if name not in {"owner", "versions"}}
