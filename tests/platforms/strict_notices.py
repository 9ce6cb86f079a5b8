"""The strict platform's side of the Platform Notification Service (LTI PNS 1.0).

A tool that has the scope is told the address in its launches, sets handlers there, and gets notices by
``send_notice`` and ``send_copy_notice``. As on Canvas (vendor document, 2026) a notice is sent once, never again.
"""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from platforms.names import LTI, NOTICE_HANDLERS, NOTIFICATIONS, REMOVED, full_name
from platforms.quirks import Quirks
from platforms.registration_rules import is_address
from platforms.strict_messages import StrictMessages
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

NOTICE_TYPES = ("LtiHelloWorldNotice", "LtiContextCopyNotice")
HELLO, COPY = NOTICE_TYPES


@dataclass(frozen=True, slots=True)
class SentNotice:
    """A notice that was delivered: the handler's status (0 when nobody answered) and the signed notice."""

    notice_id: str
    status: int
    token: str


class StrictNotices(StrictMessages):
    """Keeps handlers and delivers notices."""

    redirect_uris: list[str]
    deployment_id: str

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, context_id, clock)
        self.notice_handlers: dict[str, str] = {}
        """Notice type → address."""
        self.sent: list[SentNotice] = []

    @property
    def notices_url(self) -> str:
        """Where a tool sets its handlers."""
        return f"{self.base_url}/api/lti/notice-handlers/1"

    def more_service_claims(self) -> dict[str, Any]:
        """Add the claim of this service."""
        if NOTICE_HANDLERS not in self.granted_scopes:
            return super().more_service_claims()
        return super().more_service_claims() | {
            NOTIFICATIONS: {
                "service_versions": ["1.0"],
                "platform_notification_service_url": self.notices_url,
                "scope": [NOTICE_HANDLERS],
                "notice_types_supported": list(NOTICE_TYPES),
            }
        }

    def more_rules(self) -> list[Rule]:
        """Add this service's address."""
        address = urlsplit(self.notices_url).path
        return [*super().more_rules(), Rule(address, endpoint="notices", methods=["GET", "PUT"])]

    # -- handlers ---------------------------------------------------------------------------------------------------

    def _notices(self, request: Request) -> Response:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        token = self.tokens.get(text) if kind == "Bearer" else None
        if token is None or token.ends_at <= self.clock() or token.client_id != self.client_id:
            return _answer({"error": "invalid_token"}, 401)
        if NOTICE_HANDLERS not in token.scopes:
            return _answer({"error": "insufficient_scope"}, 403)
        if request.method == "PUT":
            problem = self._set_handler(request)
            if problem:
                return _answer({"errors": {"type": "bad_request", "message": problem}}, 400)
        handlers = [{"notice_type": one, "handler": self.notice_handlers.get(one, "")} for one in NOTICE_TYPES]
        return _answer({"client_id": self.client_id, "deployment_id": self.deployment_id, "notice_handlers": handlers})

    def _set_handler(self, request: Request) -> str:
        """Set or (empty address) remove a handler; returns what is wrong."""
        document = request.get_json(silent=True) if request.mimetype == "application/json" else None
        if not isinstance(document, Mapping) or set(document) != {"notice_type", "handler"}:
            return "notice_type and handler are needed"
        kind, handler = document["notice_type"], document["handler"]
        if kind not in NOTICE_TYPES:
            return "unknown notice_type"
        if handler == "":
            self.notice_handlers.pop(kind, None)
            return ""
        # Vendor code (Canvas, 2026): the handler must be on the tool's domain.
        if not is_address(handler) or urlsplit(handler).netloc != urlsplit(self.redirect_uris[0]).netloc:
            return "handler is not on the tool's domain"
        self.notice_handlers[kind] = handler
        return ""

    # -- notices ----------------------------------------------------------------------------------------------------

    def notice_claims(self, kind: str = HELLO, **claim_overrides: Any) -> dict[str, Any]:
        """The claims of a notice; overrides as in ``launch_form``."""
        now = int(self.clock())
        moment = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
        # Vendor code (Canvas, pns_notice.rb, 2026): security claims and the notice, no user.
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "azp": self.client_id,
            "iat": now,
            "exp": now + 3600,
            "nonce": uuid.uuid4().hex,
            LTI + "version": "1.3.0",
            LTI + "deployment_id": self.deployment_id,
            LTI + "notice": {"id": uuid.uuid4().hex, "timestamp": moment, "type": kind},
        }
        claims |= {full_name(key): value for key, value in claim_overrides.items()}
        return {key: value for key, value in claims.items() if value is not REMOVED}

    def copy_claims(self, new_context_id: str, *origins: str, title: str = "Copy", **more: Any) -> dict[str, Any]:
        """The claims of the notice that a course was copied from ``origins``."""
        context = {"id": new_context_id, "title": title, "label": "COPY"}
        return self.notice_claims(COPY, context=context, origin_contexts=list(origins), **more)

    def send_notice(self, *claims: Mapping[str, Any], handler: str | None = None, body: bytes | None = None) -> int:
        """Deliver notices in one request, all of one type; returns the handler's status."""
        tokens = [self.sign(one) for one in claims]
        kind = claims[0][LTI + "notice"]["type"] if claims else HELLO
        content = json.dumps({"notices": [{"jwt": token} for token in tokens]}).encode() if body is None else body
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(handler or self.notice_handlers[kind], content, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        except urllib.error.URLError:
            status = 0
        self.sent += [
            SentNotice(one[LTI + "notice"]["id"], status, token) for one, token in zip(claims, tokens, strict=True)
        ]
        return int(status)

    def sign(self, claims: Mapping[str, Any], **more: Any) -> str:
        """A compact JWT."""
        raise NotImplementedError


def _answer(document: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")
