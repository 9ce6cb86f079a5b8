"""Login initiation and launch of the demo LMS, on the independent package ``lti1p3platform``.

The package makes and signs the id_token. Added here: the exact ``redirect_uri`` and the fixed OIDC parameters (1EdTech
Security Framework 1.0, section 5.1.1), a signed ``lti_message_hint`` that belongs to the ``login_hint`` and is good for
five minutes, and the claims the package has no words for.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from flask import Response, make_response, render_template
from itsdangerous import BadSignature
from lti1p3platform.message_launch import LTIAdvantageMessageLaunchAbstract
from lti1p3platform.oidc_login import OIDCLoginAbstract

from lti_tool.demo.lms_gradebook import link_id
from lti_tool.demo.lms_platform import PackagedRequest, PlatformConf
from lti_tool.demo.lms_site import (
    AGS_SCOPE,
    CLIENT_ID,
    GUID,
    PRODUCT,
    AuthenticationRefused,
    LaunchHint,
    Site,
)
from lti_tool.demo.story import COLLEGE, COURSE, Person
from lti_tool.demo.story_people import find_person

COURSE_TYPE = "http://purl.imsglobal.org/vocab/lis/v2/course#CourseOffering"
HINT_SECONDS = 300
_LTI = "https://purl.imsglobal.org/spec/lti/claim/"
_AGS_CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"


class OidcLogin(OIDCLoginAbstract):  # type: ignore[misc]
    """Starts the third-party login: a page that posts the initiation to the tool by itself."""

    def set_lti_message_hint(self, *, hint: LaunchHint) -> None:
        """Sign what the launch is about."""
        site: Site = self._platform_config.site
        self._lti_message_hint = site.hints().dumps([hint.sub, hint.item_key, hint.locale, hint.target])

    def get_redirect(self, url: str) -> Response:
        """Answer the page with the form; the parameters go as a POST, which hides them from logs and Referer."""
        address, _, query = url.partition("?")
        return _auto_post(address, dict(parse_qsl(query, keep_blank_values=True)))


class MessageLaunch(LTIAdvantageMessageLaunchAbstract):  # type: ignore[misc]
    """Answers the tool's OIDC request with the signed launch of the hinted person and link."""

    def __init__(self, request: PackagedRequest, conf: PlatformConf) -> None:
        super().__init__(request, conf)
        self._site: Site = conf.site
        self._hint: LaunchHint | None = None

    def validate_preflight_response(self, preflight_response: dict[str, Any]) -> None:
        """Check the tool's request before the package does. Raises ``AuthenticationRefused``."""
        if preflight_response.get("client_id") != CLIENT_ID:
            raise AuthenticationRefused(None, "The client_id is not known.")
        if preflight_response.get("redirect_uri") != self._site.launch_url:
            raise AuthenticationRefused(None, "The redirect_uri is not registered.")
        fixed = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
        for name, value in fixed.items():
            if preflight_response.get(name) != value:
                raise AuthenticationRefused("invalid_request", f"{name} must be {value}.")
        if not preflight_response.get("nonce") or not preflight_response.get("state"):
            raise AuthenticationRefused("invalid_request", "nonce and state are required.")
        self._hint = self._read_hint(preflight_response)
        super().validate_preflight_response(preflight_response)

    def _read_hint(self, preflight: dict[str, Any]) -> LaunchHint:
        try:
            hint = LaunchHint(*self._site.hints().loads(preflight.get("lti_message_hint", ""), max_age=HINT_SECONDS))
        except (BadSignature, TypeError):
            raise AuthenticationRefused("login_required", "This launch is too old. Open the link again.") from None
        if preflight.get("login_hint") != hint.sub:
            raise AuthenticationRefused("login_required", "login_hint and lti_message_hint do not belong together.")
        return hint

    def prepare_launch(self, preflight_response: dict[str, Any]) -> None:  # noqa: ARG002 - the package’s signature
        """Set the claims of this launch."""
        assert self._hint is not None  # noqa: S101 - set by the validation just before
        person = find_person(self._hint.sub)
        if person is None or person.kind == "former":
            raise AuthenticationRefused("login_required", "This person is not in the course.")
        self._set_person(person)
        self._set_place(self._hint)
        self._set_services(self._hint)

    def _set_person(self, person: Person) -> None:
        self.set_user_data(person.sub, list(person.roles), full_name=person.name, email_address=person.email)
        names = {"given_name": person.given_name, "family_name": person.family_name}
        self.set_extra_claims({name: value for name, value in names.items() if value})
        self.set_extra_claims(
            {
                f"{_LTI}lis": {
                    "person_sourcedid": person.sourced_id,
                    "course_offering_sourcedid": COURSE.label,
                }
            }
        )

    def _set_place(self, hint: LaunchHint) -> None:
        site = self._site
        self.set_launch_context_claim(COURSE.id, [COURSE_TYPE], COURSE.title.en, COURSE.label)
        self.set_launch_presentation_claim(hint.target, f"{site.base_url}/return")
        self.lti_claim_launch_presentation[f"{_LTI}launch_presentation"]["locale"] = hint.locale
        self.set_custom_parameters_claim({"course_code": COURSE.label, "item": hint.item_key})
        self.set_extra_claims(
            {
                f"{_LTI}tool_platform": {
                    "guid": GUID,
                    "name": COLLEGE.en,
                    "url": site.base_url,
                    "product_family_code": PRODUCT,
                    "version": "1",
                },
                "locale": hint.locale,
            }
        )

    def _set_services(self, hint: LaunchHint) -> None:
        site = self._site
        column = next((one for one in site.gradebook.columns(tool_owned_only=True) if one.key == hint.item_key), None)
        title = column.title.en if column else "Badges"
        self.set_resource_link_claim(link_id(hint.item_key), title=title)
        self.set_ags(site.line_items_url, f"{site.line_items_url}/{column.key}" if column else None)
        # The package offers `lineitem` or `lineitem.readonly`; platforms name both.
        self.extra_claims[_AGS_CLAIM]["scope"].insert(1, f"{AGS_SCOPE}lineitem.readonly")
        self.set_nrps(site.memberships_url)

    def render_launch_form(self, launch_data: dict[str, Any], **_kwargs: Any) -> Response:
        """Answer the page that posts the id_token to the tool (OIDC ``form_post``)."""
        return _auto_post(
            launch_data["launch_url"], {"id_token": launch_data["id_token"], "state": launch_data["state"]}
        )


def _auto_post(address: str, fields: Mapping[str, str]) -> Response:
    response = make_response(render_template("lms/auto_post.html", address=address, fields=fields))
    response.headers["Cache-Control"] = "no-store"
    return response


def post_refusal(site: Site, refusal: AuthenticationRefused, state: str) -> Response:
    """Tell the tool why there is no id_token (OIDC core, section 3.1.2.6)."""
    return _auto_post(site.launch_url, {"error": refusal.code or "", "error_description": str(refusal), "state": state})
