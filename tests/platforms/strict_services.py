"""The strict platform's HTTP side: login answers, keys, and the way to the services."""

import html
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from platforms.quirks import Quirks
from platforms.strict_answers import json_answer
from platforms.strict_gradebook import StrictGradebook
from platforms.strict_roster import StrictRoster
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

LOGIN_FORM = '<form method="post" action="{action}">{fields}</form><script>document.forms[0].submit()</script>'

_RULES = Map(
    [
        Rule("/auth", endpoint="auth", methods=["GET", "POST"]),
        Rule("/jwks", endpoint="jwks", methods=["GET"]),
        Rule("/token", endpoint="token", methods=["POST"]),
        Rule("/services/<context>/lineitems", endpoint="line_items", methods=["GET", "POST"]),
        Rule("/services/<context>/lineitems/<int:number>", endpoint="line_item", methods=["GET", "PUT", "DELETE"]),
        Rule(
            "/services/<context>/lineitems/<int:number>/lineitem",
            endpoint="line_item",
            methods=["GET", "PUT", "DELETE"],
        ),
        Rule("/services/<context>/lineitems/<int:number>/scores", endpoint="scores", methods=["POST"]),
        Rule("/services/<context>/lineitems/<int:number>/lineitem/scores", endpoint="scores", methods=["POST"]),
        Rule("/services/<context>/lineitems/<int:number>/results", endpoint="results", methods=["GET"]),
        Rule("/services/<context>/lineitems/<int:number>/lineitem/results", endpoint="results", methods=["GET"]),
        Rule("/services/<context>/memberships", endpoint="members", methods=["GET"]),
        Rule("/services/<context>/memberships/since/<int:mark>", endpoint="differences", methods=["GET"]),
        Rule("/services/<context>/groups", endpoint="groups", methods=["GET"]),
        Rule("/services/<context>/groups/sets", endpoint="group_sets", methods=["GET"]),
    ]
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what it was for (``token``, ``jwks``, ``auth``, ``line_items``, ``results``, ``members`` …)."""

    kind: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    status: int
    body: bytes = b""


class StrictServices(StrictGradebook, StrictRoster):
    """Answers what a tool asks; ``StrictPlatform`` adds launches and life."""

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, context_id, clock)
        self.keys: list[Any] = []
        self.redirect_uris: list[str] = []
        self.counts: Counter[str] = Counter()
        self.requests: list[Asked] = []
        self._lock = threading.RLock()

    # -- WSGI -------------------------------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> Map:
        """What is asked for by which address."""
        return Map([*(rule.empty() for rule in _RULES.iter_rules()), *self.more_rules()])

    def more_rules(self) -> list[Rule]:
        """Addresses of the parts that build on this one."""
        return []

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        kind = "other"
        with self._lock:
            try:
                kind, arguments = self.rules.bind_to_environ(environ).match()
                response = getattr(self, f"_{kind}")(request, **arguments)
            except HTTPException as error:
                response = error.get_response(environ)
            if kind not in {"auth", "jwks", "token"} and self.answers_to_lose:
                self.answers_to_lose -= 1
                response = Response("secret detail", 504)
            query, headers = request.args.to_dict(), dict(request.headers)
            asked = (kind, request.method, request.path, query, headers, response.status_code, request.get_data())
            self.requests.append(Asked(*asked))
            self.counts[kind] += 1
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _auth(self, request: Request) -> Response:
        """The authorisation endpoint (1EdTech Security Framework 1.0, section 5.1.1.2)."""
        asked = request.values
        if asked.get("client_id") != self.client_id or asked.get("redirect_uri") not in self.redirect_uris:
            return Response("Unknown client or redirect_uri", 400)
        fixed = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
        wrong = [name for name, value in fixed.items() if asked.get(name) != value]
        wrong += [name for name in ("nonce", "state", "lti_message_hint") if not asked.get(name)]
        if wrong:
            form = {"error": "invalid_request", "error_description": " ".join(wrong), "state": asked.get("state", "")}
        elif asked.get("login_hint") not in self.members:
            form = {"error": "access_denied", "state": asked["state"]}
        else:
            message = self.message_for(asked["lti_message_hint"])
            form = self.launch_form(asked["login_hint"], asked["state"], asked["nonce"], **message)
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in form.items()
        )
        page = LOGIN_FORM.format(action=html.escape(asked["redirect_uri"]), fields=fields)
        return Response(page, mimetype="text/html")

    def message_for(self, hint: str) -> Mapping[str, Any]:
        """Changes to the claims of a resource link launch: the message this login is for."""
        raise NotImplementedError

    def launch_form(self, persona: str | None, state: str, nonce: str, **claim_overrides: Any) -> dict[str, str]:
        """The form that the browser posts to the tool."""
        raise NotImplementedError

    def _jwks(self, request: Request) -> Response:
        cache = self.quirks.key_set_cache_control
        return json_answer({"keys": [key.public_jwk() for key in self.keys]}, {"Cache-Control": cache} if cache else {})

    def _token(self, request: Request) -> Response:
        return self.answer_token(request)
