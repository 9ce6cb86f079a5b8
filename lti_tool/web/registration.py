"""The page a platform opens when its admin pastes an invite (LTI Dynamic Registration 1.0), and Canvas' developer-key
JSON.

There is no session: the invite is the proof. Between the two steps the form carries what was learned, locked with this
installation's key, so that nothing is fetched or believed twice and the registration token is stored nowhere.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Blueprint, Response, g, jsonify, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from lti_tool.errors import ConfigurationError, InvalidInputError, RegistrationError, SettingsError, ToolError
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.dynamic_registration import RegistrationAnswer, register
from lti_tool.lti.platform_configuration import PlatformConfiguration, fetch_configuration, read_configuration
from lti_tool.lti.tool_configuration import (
    CANVAS_PRIVACY_LEVELS,
    NEEDED_SCOPES,
    PLACEMENTS,
    SCOPES,
    TOOL_CLAIM,
    Choices,
    asked_scopes,
    canvas_document,
    offered_placements,
    offered_scopes,
    registration_document,
)
from lti_tool.services import platform_invites, registrations
from lti_tool.services.platform_invites import OpenInvite
from lti_tool.services.registrations import Installed
from lti_tool.web import registration_words as words
from lti_tool.web.access import machine
from lti_tool.web.current import request_id, services, wants_json
from lti_tool.web.failures import answer_tool_error
from lti_tool.web.messages import message_for
from lti_tool.web.platform_guides import guide_of

blueprint = Blueprint("registration", __name__, url_prefix="/lti")
log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.web")

FORM_LIFE = timedelta(hours=1)
"""As long as platforms' registration tokens live."""
CONFIGURATION_SECONDS = 3600
LONGEST_TOKEN = 8192


@dataclass(frozen=True, slots=True)
class Exchange:
    """One registration under way: the invite, the platform as it described itself, and its token."""

    invite: OpenInvite
    document: dict[str, Any]
    configuration: PlatformConfiguration
    registration_token: str | None


@blueprint.get("/register")
@machine
def settings() -> Response:
    """Show what will be asked of the platform; without a platform's parameters, what to do with the link."""
    now = services().clock()
    url = request.args.get("openid_configuration", "")
    token = request.args.get("registration_token", "")[:LONGEST_TOKEN] or None
    _frame(url)
    with services().database.read() as session:
        invite = platform_invites.get_open(session, request.args.get("invite", ""), now)
    if not url:
        guide = guide_of(invite.product)
        return make_response(render_template("registration/link.html", invite=invite, guide=guide))
    with services().database.write() as session:
        platform_invites.note_opened(session, invite.id, now)
    try:
        document = fetch_configuration(services().http, _addresses(), url, token)
        configuration = read_configuration(document, url, _addresses())
    except RegistrationError as error:
        _note(invite, error)
        raise
    _frame(*configuration.origins)
    form = _locked(request.args["invite"], url, document, token, now)
    return make_response(_settings_page(invite, configuration, form))


@blueprint.post("/register")
@machine
def submit() -> Response:
    """Register this tool with the platform, store what it answered, and show what that means."""
    now = services().clock()
    g.frame_ancestors = ("*",)  # for a form that cannot be read: nothing says whose frame this is, and nothing to press
    exchange = _opened(request.form.get("exchange", ""), now)
    configuration = exchange.configuration
    _frame(*configuration.origins)
    choices = _choices(configuration)
    document = registration_document(services().settings, configuration, choices)
    scopes = asked_scopes(configuration, choices)
    answer: RegistrationAnswer | None = None
    try:
        services().tool_keys.active()  # platforms look at the key set while they register
        answer = register(services().http, _addresses(), configuration, document, exchange.registration_token)
        installed = _store(exchange, answer, scopes, now)
    except RegistrationError as error:
        _note(exchange.invite, error)
        raise
    except ToolError as error:  # the platform did its part, we did not: somebody has to know
        _note(exchange.invite, error)
        return _refusal(error, client_id=answer.client_id if answer else None)
    return make_response(_result_page(exchange, document, scopes, answer, installed))


@blueprint.get("/canvas-config.json")
@machine
def canvas_configuration() -> Response:
    """The developer-key JSON for Canvas; ``?privacy=`` chooses one of its privacy levels."""
    level = request.args.get("privacy", CANVAS_PRIVACY_LEVELS[0])
    if level not in CANVAS_PRIVACY_LEVELS:
        raise InvalidInputError(f"privacy must be one of {', '.join(CANVAS_PRIVACY_LEVELS)}.", field="privacy")
    response = jsonify(canvas_document(services().settings, level))
    response.headers["Cache-Control"] = f"public, max-age={CONFIGURATION_SECONDS}"
    return response


@blueprint.after_request
def keep_secret(response: Response) -> Response:
    """Addresses and forms here hold secrets: they are not kept and do not travel on as referrers."""
    if request.endpoint != "registration.canvas_configuration":
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.errorhandler(RegistrationError)
def refuse(error: RegistrationError) -> Response:
    """Answer what a platform said or did not say, with the member or the code that is at fault."""
    return _refusal(error)


def _refusal(error: ToolError, client_id: str | None = None) -> Response:
    if wants_json():
        return answer_tool_error(error)
    log.info("registration.failed", error_code=error.code, detail=str(error), request_id=request_id())
    page = render_template(
        "registration/failed.html",
        code=error.code,
        message=message_for(error),
        field=getattr(error, "field", None),
        platform_error=getattr(error, "platform_error", None),
        client_id=client_id,
        request_id=request_id(),
    )
    return make_response(page, error.status)


def _addresses() -> AddressPolicy:
    return AddressPolicy(services().settings.allowed_private_hosts)


def _frame(*addresses: str) -> None:
    """Let the platform's own pages frame this one; whatever is no address is left out."""
    origins = (_addresses().origin(one) for one in addresses)
    g.frame_ancestors = tuple(origin for origin in origins if origin)


def _note(invite: OpenInvite, error: ToolError) -> None:
    with services().database.write() as session:
        platform_invites.note_failed(session, invite.id, error.code)


def _locked(invite: str, url: str, document: dict[str, Any], token: str | None, now: datetime) -> str:
    values = {"invite": invite, "url": url, "document": document, "token": token, "at": now.timestamp()}
    return services().vault.lock(json.dumps(values, separators=(",", ":")))


def _opened(form: str, now: datetime) -> Exchange:
    """Return what the form carries.

    Raises ``ConfigurationError`` (``registration_form_expired``), or what ``get_open`` raises.
    """
    try:
        values = json.loads(services().vault.open(form))
        is_fresh = now.timestamp() - values["at"] < FORM_LIFE.total_seconds()
    except (SettingsError, ValueError, KeyError, TypeError):
        is_fresh = False
    if not is_fresh:
        raise ConfigurationError("The registration form is too old.", code="registration_form_expired")
    with services().database.read() as session:
        invite = platform_invites.get_open(session, values["invite"], now)
    configuration = read_configuration(values["document"], values["url"], _addresses())
    return Exchange(invite, values["document"], configuration, values["token"])


def _choices(configuration: PlatformConfiguration) -> Choices:
    """Read what was left ticked."""
    sent = request.form
    return Choices(
        scopes=frozenset(sent.getlist("scope")) | frozenset(NEEDED_SCOPES),
        placements=frozenset(sent.getlist("placement")),
        shares_name="name" in sent.getlist("share"),
        shares_email="email" in sent.getlist("share"),
        in_every_course=configuration.product == "canvas" and sent.get("in_every_course") == "yes",
    )


def _store(exchange: Exchange, answer: RegistrationAnswer, scopes: list[str], now: datetime) -> Installed:
    """Store the registration; a failure of the database becomes ``registration_not_stored``."""
    try:
        with services().database.write() as session:
            return registrations.install(
                session,
                exchange.invite,
                exchange.configuration,
                answer,
                asked_scopes=scopes,
                now=now,
                settings=services().settings,
            )
    except SQLAlchemyError as error:
        log.error("registration.not_stored", request_id=request_id(), exc_info=error)
        raise ToolError("The registration could not be stored.", code="registration_not_stored") from None


def _settings_page(invite: OpenInvite, configuration: PlatformConfiguration, form: str) -> str:
    offered = offered_scopes(configuration)
    return render_template(
        "registration/settings.html",
        invite=invite,
        platform=configuration,
        guide=guide_of(configuration.product),
        exchange=form,
        needed=[words.SCOPE_WISHES[name] for name in offered if name in NEEDED_SCOPES],
        optional=[(name, words.SCOPE_WISHES[name]) for name in offered if name not in NEEDED_SCOPES],
        lacking=[words.SCOPE_WISHES[name] for name in SCOPES if name not in offered],
        placements=[(name, words.PLACEMENT_WISHES[name]) for name in offered_placements(configuration)],
        name_wish=words.NAME_WISH,
        email_wish=words.EMAIL_WISH,
    )


def _result_page(
    exchange: Exchange, document: dict[str, Any], scopes: list[str], answer: RegistrationAnswer, installed: Installed
) -> str:
    guide = guide_of(exchange.configuration.product or exchange.invite.product)
    granted = scopes if answer.scopes is None else [one for one in scopes if one in answer.scopes]
    names = {uri: name for name, uri in SCOPES.items()}
    shortages = words.scope_shortages(granted, offered_scopes(exchange.configuration), guide)
    if answer.messages is not None:
        shortages += words.place_shortages(answer.messages, _asked_places(document), guide)
    return render_template(
        "registration/done.html",
        installed=installed,
        guide=guide,
        granted=[words.SCOPE_WISHES[names[uri]] for uri in granted],
        says_scopes=answer.scopes is not None,
        shortages=shortages,
        deployment_id=answer.deployment_id,
    )


def _asked_places(document: dict[str, Any]) -> list[str]:
    """Return the placements that were asked for, and the message types asked for without one."""
    asked: list[str] = []
    for message in document[TOOL_CLAIM]["messages"]:
        named = [one for one in message.get("placements", ()) if one in PLACEMENTS]
        asked += named or [message["type"]]
    return asked
