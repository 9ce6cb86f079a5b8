"""The strict platform's side of LTI Deep Linking 2.0: asks for content, checks the answer to the letter, makes links.

``links`` has what was made; ``login_form(persona, message=platform.resource_link(link))`` launches one of them.
"""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import jwt
from platforms.content_item_rules import content_item_problems
from platforms.deep_linking_profiles import PROFILES
from platforms.names import DEEP_LINKING, DEEP_LINKING_REQUEST, LTI, PLACEMENT, REMOVED
from platforms.quirks import Quirks
from platforms.strict_notices import StrictNotices
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

LONGEST_RESPONSE = 3600
REQUIRED = ["iss", "aud", "iat", "exp", "nonce"]
MESSAGES = ("msg", "log", "errormsg", "errorlog")


@dataclass(slots=True)
class ContentLink:
    """A link the tool put into the course; ``column`` is its coupled line item, if it has one."""

    link_id: str
    title: str
    url: str | None
    custom: dict[str, str]
    column: Any = None
    item: dict[str, Any] = field(default_factory=dict)
    """The content item as sent."""


@dataclass(slots=True)
class DeepLinkAnswer:
    """What came back, once per form that was posted; accepted when there is no problem."""

    problems: list[str]
    claims: dict[str, Any]
    items: list[Any]


class StrictDeepLinking(StrictNotices):
    """Asks for content and makes links of it."""

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, context_id, clock)
        self.links: list[ContentLink] = []
        self.answers: list[DeepLinkAnswer] = []
        self._asked: dict[str, dict[str, Any]] = {}
        self._spent_nonces: set[str] = set()

    # -- the request ------------------------------------------------------------------------------------------------

    def deep_linking(self, placement: str | None = None, **settings: Any) -> dict[str, Any]:
        """The message that asks for content; ``placement`` is one of Canvas. ``settings`` replace or remove some."""
        product = self.quirks.product
        names = (f"{product}/{placement}", product, "standard")
        profile = next(PROFILES[name] for name in names if name in PROFILES)
        number = str(len(self._asked) + 1)
        address = f"{self.base_url}/deep_links/{number}"
        asked = {"deep_link_return_url": f"{address}?{profile.return_query}".rstrip("?"), **profile.settings}
        asked = {name: value for name, value in (asked | settings).items() if value is not REMOVED}
        self._asked[number] = asked | {"client_id": self.client_id, "deployment_id": self.deployment_id}
        message: dict[str, Any] = {
            "message_type": DEEP_LINKING_REQUEST,
            "resource_link": REMOVED,
            "deep_linking_settings": asked,
        }
        if not profile.has_services_before_first_link and not self.links:
            message["namesroleservice"] = REMOVED
        return message | ({PLACEMENT: placement} if placement else {})

    def more_rules(self) -> list[Rule]:
        """Add the return address."""
        return [*super().more_rules(), Rule("/deep_links/<number>", endpoint="deep_links", methods=["POST"])]

    # -- the response -----------------------------------------------------------------------------------------------

    def _deep_links(self, request: Request, number: str) -> Response:
        """The return address: checks what the tool's form carries and answers with a page."""
        asked = self._asked.get(number)
        if asked is None or urlsplit(asked["deep_link_return_url"]).query != request.query_string.decode():
            return Response("Unknown return address", 404)
        if request.mimetype != "application/x-www-form-urlencoded" or list(request.form) != ["JWT"]:
            return self._refuse_links(["the form must have JWT and nothing else"])
        try:
            claims = self._verified_response(request.form["JWT"], asked["client_id"])
        except (jwt.InvalidTokenError, StopIteration, KeyError) as error:
            return self._refuse_links([f"{type(error).__name__}: {error}"])
        items = claims.get(DEEP_LINKING + "content_items", [])
        host = urlsplit(self.redirect_uris[0]).netloc
        problems = self._response_problems(claims, asked) + content_item_problems(items, asked, host)
        if problems:
            return self._refuse_links(problems, claims, items)
        self._spent_nonces.add(claims["nonce"])
        made = [self._make_link(item) for item in items if item["type"] == "ltiResourceLink"]
        self.links += made
        self.answers.append(DeepLinkAnswer([], claims, items))
        titles = "".join(f"<li>{html.escape(link.title)}</li>" for link in made)
        return Response(f"<!doctype html><title>Added</title><ul>{titles}</ul>", mimetype="text/html")

    def _refuse_links(self, problems: list[str], claims: Any = None, items: Any = None) -> Response:
        self.answers.append(DeepLinkAnswer(problems, claims or {}, items or []))
        page = f"<!doctype html><title>Refused</title><p>{html.escape('; '.join(problems))}</p>"
        return Response(page, 400, mimetype="text/html")

    def _verified_response(self, token: str, client_id: str) -> dict[str, Any]:
        """RS256, a named key of the tool's, and our own clock without leeway."""
        kid = jwt.get_unverified_header(token)["kid"]
        keys = self.tool_key_set(self.clients.get(client_id))["keys"]
        key = next(jwk for jwk in keys if jwk["kid"] == kid)
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(key, algorithm="RS256"),
            algorithms=["RS256"],
            audience=self.issuer,
            issuer=client_id,
            options={"require": REQUIRED, "verify_exp": False, "verify_iat": False},
        )
        return claims

    def _response_problems(self, claims: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
        """Section 4.5 of Deep Linking 2.0 and section 5.2 of the Security Framework."""
        now, issued, ends = self.clock(), claims["iat"], claims["exp"]
        expected = {
            LTI + "message_type": "LtiDeepLinkingResponse",
            LTI + "version": "1.3.0",
            LTI + "deployment_id": asked["deployment_id"],
        }
        problems = [f"wrong {name}" for name, value in expected.items() if claims.get(name) != value]
        if not issued <= now < ends or ends - issued > LONGEST_RESPONSE:
            problems.append("wrong iat or exp")
        if not isinstance(claims["nonce"], str) or not claims["nonce"] or claims["nonce"] in self._spent_nonces:
            problems.append("wrong nonce")
        if claims.get("azp", asked["client_id"]) != asked["client_id"]:
            problems.append("wrong azp")
        if claims.get(DEEP_LINKING + "data") != asked.get("data"):
            problems.append("data did not come back unchanged")
        problems += [
            f"{name} is not a text" for name in MESSAGES if not isinstance(claims.get(DEEP_LINKING + name, ""), str)
        ]
        return problems

    def _make_link(self, item: dict[str, Any]) -> ContentLink:
        number = len(self.links) + len(self.columns) + 1
        line_item = item.get("lineItem")
        title = item.get("title") or "Untitled"
        link = ContentLink(f"deep-link-{number}", title, item.get("url"), dict(item.get("custom", {})), None, item)
        if line_item is not None:
            link.column = self.add_line_item(
                line_item.get("label") or title,
                maximum=Decimal(str(line_item["scoreMaximum"])),
                resource_id=line_item.get("resourceId"),
                tag=line_item.get("tag"),
            )
            link.column.raw["resourceLinkId"] = link.link_id
        return link

    # -- afterwards -------------------------------------------------------------------------------------------------

    def resource_link(self, link: ContentLink) -> dict[str, Any]:
        """A launch of a link that deep linking made, with its line item."""
        endpoint = self.ags_claim()
        endpoint |= {"lineitem": self.line_item_url(link.column)} if link.column is not None else {}
        message: dict[str, Any] = {
            "resource_link": {"id": link.link_id, "title": link.title},
            "custom": {"unresolved": "$Canvas.course.id", **link.custom},
            "endpoint": endpoint,
        }
        return message | ({"target_link_uri": link.url} if link.url else {})

    def grade_by_hand(self, column: Any, user_id: str, score: Decimal | int) -> None:
        """Grade work in the platform's own pages; where a result needs a score of the tool, none appears before one."""
        # Vendor code (Canvas, submission.rb, 2026): an edit updates results that exist and makes none.
        if user_id in column.scores or not self.quirks.results_need_scores:
            column.scores[user_id] = Decimal(score)

    def ags_claim(self) -> dict[str, Any]:
        """The gradebook's claim of a launch."""
        raise NotImplementedError

    def add_line_item(self, label: str, **more: Any) -> Any:
        """Add a column."""
        raise NotImplementedError
