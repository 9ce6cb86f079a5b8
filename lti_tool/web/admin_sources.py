"""Grades of the course's own assignments: a platform's own API, set up for each institution on it, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for

from lti_tool.errors import InvalidInputError, NotFoundError, OutboundError
from lti_tool.evidence import canvas_scopes
from lti_tool.evidence.canvas_events import read_key_set
from lti_tool.evidence.grants import GrantTokens
from lti_tool.evidence.moodle_client import OPTIONAL, REQUIRED, MoodleSite
from lti_tool.evidence.moodle_client import check as check_moodle
from lti_tool.models import INSTITUTION
from lti_tool.services import api_grants, live_events, platform_apis, source_health, tickets
from lti_tool.services.platform_apis import CANVAS, MOODLE, SOURCES, Institution
from lti_tool.services.registrations import get_by_id
from lti_tool.web import source_words
from lti_tool.web.access import Action, Role, staff_required
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.grants import PURPOSE, end_grant
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_sources", __name__, url_prefix="/admin/platforms/<int:registration_id>/sources")


@dataclass(frozen=True, slots=True)
class Typed:
    """A form that could not be used: whose it is, what was typed, and what is wrong by field."""

    source: str
    organization_id: int
    values: Mapping[str, str]
    errors: Mapping[str, str]


@blueprint.get("")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def sources(registration_id: int) -> str:
    """What is set up for each institution, how it fares, and the forms."""
    return _page(registration_id)


@blueprint.post("/canvas/<int:organization_id>")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def save_canvas(registration_id: int, organization_id: int) -> Response:
    """Store a developer key."""
    try:
        address = _callable_address()
        with services().database.write() as session:
            platform_apis.save_canvas(
                session,
                registration_id,
                organization_id,
                address=address,
                client_id=request.form.get("client_id", ""),
                client_secret=request.form.get("client_secret", "").strip(),
                choices=request.form.getlist("choices"),
                actor=g.staff.actor,
                vault=services().vault,
                now=services().clock(),
            )
    except InvalidInputError as error:
        return _again(registration_id, organization_id, CANVAS, error)
    flash(_("The developer key is stored. Connect the service account next."), "success")
    return _back(registration_id)


@blueprint.post("/canvas/<int:organization_id>/connect")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def connect(registration_id: int, organization_id: int) -> str:
    """Answer with the link that opens Canvas, for the service account."""
    with services().database.write() as session:
        api = platform_apis.get_institution(session, registration_id, organization_id, CANVAS).api
        if api is None:
            raise NotFoundError("No developer key is stored.")
        details = {"api_id": api.id, "place": INSTITUTION, "staff_user_id": g.staff.staff_user_id}
        ticket = tickets.make_ticket(session, PURPOSE, None, details, services().clock())
    return render_template(
        "grants/open.html",
        base="staff.html",
        host=urlsplit(api.address).hostname,
        ticket=ticket,
        back=url_for("admin_sources.sources", registration_id=registration_id),
        is_own_window=False,
    )


@blueprint.post("/moodle/<int:organization_id>")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def save_moodle(registration_id: int, organization_id: int) -> Response:
    """Try a token, and store it when Moodle takes it."""
    token, now = request.form.get("token", "").strip(), services().clock()
    try:
        address = _callable_address()
        if not token:
            raise InvalidInputError("The token is missing.", code="entry_missing", field="token")
        site = _checked_moodle(registration_id, address, token)
        with services().database.write() as session:
            api = platform_apis.save_moodle(
                session, registration_id, organization_id, address=address, actor=g.staff.actor, now=now
            )
            given = api_grants.Given(GrantTokens(token), sorted(site.functions), site.account)
            api_grants.save_grant(
                session,
                api,
                INSTITUTION,
                given,
                user_id=None,
                actor=g.staff.actor,
                vault=services().vault,
                now=now,
            )
    except InvalidInputError as error:
        return _again(registration_id, organization_id, MOODLE, error)
    flash(_("Moodle took the token of %(account)s.", account=site.account), "success")
    return _back(registration_id)


@blueprint.post("/<any(canvas, moodle):source>/<int:organization_id>/disconnect")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def disconnect(registration_id: int, source: str, organization_id: int) -> Response:
    """Give the institution's grant up; what was read stays."""
    institution = _institution(registration_id, organization_id, source)
    grant = institution.own_grant
    if institution.api is not None and grant is not None:
        end_grant(institution.api, grant, g.staff.actor)
        flash(_("The account is disconnected. What was read stays, and is shown as out of date."), "success")
    return _back(registration_id)


@blueprint.post("/<any(canvas, moodle):source>/<int:organization_id>/<any(disable, enable):change>")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def switch(registration_id: int, source: str, organization_id: int, change: str) -> Response:
    """Switch readings off or on."""
    api = _institution(registration_id, organization_id, source).api
    if api is None:
        raise NotFoundError("Nothing is set up here.")
    is_off = change == "disable"
    with services().database.write() as session:
        platform_apis.set_disabled(session, api.id, is_off, actor=g.staff.actor, now=services().clock())
    flash(_("Readings are switched off.") if is_off else _("Readings are switched on again."), "success")
    return _back(registration_id)


@blueprint.post("/canvas/<int:organization_id>/events")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def save_events(registration_id: int, organization_id: int) -> Response:
    """Store the key set of the platform's stream of events; an empty one ends the stream."""
    text = request.form.get("key_set", "").strip()
    try:
        key_set = read_key_set(text) if text else None
    except InvalidInputError as error:
        return _again(registration_id, organization_id, CANVAS, error)
    with services().database.write() as session:
        api = platform_apis.get_institution(session, registration_id, organization_id, CANVAS).api
        if api is None:
            raise NotFoundError("Nothing is set up here.")
        live_events.save_key_set(session, api, key_set, actor=g.staff.actor, now=services().clock())
    flash(_("Events of the platform wake readings now.") if key_set else _("Events are no longer taken."), "success")
    return _back(registration_id)


# -- what is typed ----------------------------------------------------------------------------------------------------


def _callable_address() -> str:
    """Return the address as typed, if it may be called."""
    address = platform_apis.read_address(request.form.get("address", ""))
    try:
        services().http.check_address(address)
    except OutboundError as error:
        code = "address_invalid" if error.code == "address_refused" else "address_unreachable"
        raise InvalidInputError(str(error), code=code, field="address") from None
    return address


def _checked_moodle(registration_id: int, address: str, token: str) -> MoodleSite:
    """Return what a token is good for, at the very site that launches come from.

    Another Moodle gives the same numbers to other people. What it calls its address is the issuer of its launches.
    """
    with services().database.read() as session:
        issuer = get_by_id(session, registration_id).issuer
    try:
        site = check_moodle(services().http, address, token)
    except OutboundError as error:
        code = error.code if error.code in {"grant_refused", "moodle_services_off"} else "moodle_not_answering"
        raise InvalidInputError(str(error), code=code, field="token") from None
    if site.address.lower().partition("://")[2] != issuer.rstrip("/").lower().partition("://")[2]:
        raise InvalidInputError("The token is another Moodle's.", code="moodle_other_site", field="address")
    if site.missing:
        raise InvalidInputError(", ".join(site.missing), code="moodle_functions_missing", field="token")
    return site


def _again(registration_id: int, organization_id: int, source: str, error: InvalidInputError) -> Response:
    errors = {f"{error.field}-{source}-{organization_id}": field_text(error)}
    if error.code == "moodle_functions_missing":
        errors = {key: f"{text} {error}" for key, text in errors.items()}
    return make_response(_page(registration_id, Typed(source, organization_id, request.form, errors)), 422)


# -- the page ---------------------------------------------------------------------------------------------------------


def _page(registration_id: int, typed: Typed | None = None) -> str:
    with services().database.read() as session:
        registration = get_by_id(session, registration_id)
        shown = [registration.product] if registration.product in SOURCES else list(SOURCES)
        found = {source: platform_apis.list_institutions(session, registration_id, source) for source in shown}
        failures = {
            (source, one.organization_id): source_health.count_failures(
                session, registration_id, one.organization_id, source
            )
            for source, institutions in found.items()
            for one in institutions
        }
    return render_template(
        "admin/sources.html",
        registration=registration,
        found=found,
        failures=failures,
        typed=typed,
        choices=canvas_scopes.CHOICES,
        all_scopes=canvas_scopes.scopes_of(canvas_scopes.PARTS),
        moodle_functions=REQUIRED + OPTIONAL,
        chosen=platform_apis.chosen,
        redirect_uri=platform_apis.redirect_uri(services().settings.public_url),
        events_key=live_events.KEY_SET,
        public_url=services().settings.public_url,
        fact_of=source_words.fact_of,
        remedy_of=source_words.admin_remedy,
    )


def _institution(registration_id: int, organization_id: int, source: str) -> Institution:
    with services().database.read() as session:
        return platform_apis.get_institution(session, registration_id, organization_id, source)


def _back(registration_id: int) -> Response:
    return make_response(redirect(url_for("admin_sources.sources", registration_id=registration_id), 303))
