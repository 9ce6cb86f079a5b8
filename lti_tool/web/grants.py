"""Leave to read Canvas: an instructor's own for one course, and the consent in its own window that both kinds take.

Cookies of the frame do not travel to a new top-level window, so a one-time ticket does. That window gets a first-party
cookie; the OAuth state is bound to it and to who began, and a callback without it is refused.
"""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, GrantError, NotFoundError, OutboundError, ToolError
from lti_tool.evidence.canvas_oauth import ClientKey, authorization_address, code_of
from lti_tool.evidence.grants import place_of
from lti_tool.models import ApiConsent, ApiGrant, Context, GrantState, PlatformApi
from lti_tool.services import api_grants, platform_apis, tickets
from lti_tool.services.secrets import new_secret
from lti_tool.web import failures
from lti_tool.web.access import Action, Role, launch_required, public
from lti_tool.web.current import services
from lti_tool.web.grant_messages import WINDOW_MESSAGES
from lti_tool.web.learner import known_user
from lti_tool.web.messages import message_for
from lti_tool.web.source_words import fact_of
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("grants", __name__)
log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.web")

PURPOSE: Final = "grant"
COOKIE: Final = "__Host-lti_badges_grant"
COOKIE_SECONDS: Final = 15 * 60


@blueprint.errorhandler(ToolError)
def refuse(error: ToolError) -> Response:
    """Answer with words for somebody in the middle of giving leave."""
    message = WINDOW_MESSAGES.get(error.code) or message_for(error)
    return _unreferred(failures.answer(error.code, error.status, message, str(error)))


# -- inside the course ------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:context_id>/grants/<source>")
@launch_required(Role.INSTRUCTOR)
def begin(context_id: int, source: str) -> str:
    """Say what would be read and what never, with the button; or what is allowed now, and how to end it."""
    with services().database.read() as session:
        api = _api_of(session, context_id, source)
        own = api_grants.grant_of_course(session, api.id, context_id)
        whole = api_grants.grant_of_institution(session, api.id)
    return render_template(
        "grants/course.html",
        source=source,
        host=urlsplit(api.address).hostname,
        own=own,
        is_served=whole is not None and whole.state is GrantState.ACTIVE,
        problem=fact_of(own.error_code) if own is not None and own.error_code else None,
        choices=platform_apis.chosen(api),
    )


@blueprint.post("/courses/<int:context_id>/grants/<source>")
@launch_required(Role.INSTRUCTOR, action=Action.SYNC)
def open_window(context_id: int, source: str) -> str:
    """Answer with the link that opens Canvas in a window of its own."""
    user_id = known_user()
    with services().database.write() as session:
        api = _api_of(session, context_id, source)
        details = {"api_id": api.id, "place": place_of(context_id), "staff_user_id": None}
        ticket = tickets.make_ticket(session, PURPOSE, user_id, details, services().clock())
    return render_template(
        "grants/open.html",
        base="instructor/base.html",
        host=urlsplit(api.address).hostname,
        ticket=ticket,
        back=url_for("grants.begin", context_id=context_id, source=source),
        is_own_window=True,
    )


@blueprint.post("/courses/<int:context_id>/grants/<source>/end")
@launch_required(Role.INSTRUCTOR, action=Action.SYNC)
def end(context_id: int, source: str) -> Response:
    """Give a course's own grant up, on the platform too where it lets us; what was read stays."""
    with services().database.read() as session:
        api = _api_of(session, context_id, source)
        grant = api_grants.grant_of_course(session, api.id, context_id)
    if grant is not None:
        end_grant(api, grant, g.launch.actor)
        flash(_("The tool no longer reads this course's grades with your account."), "success")
    return make_response(redirect(url_for("grants.begin", context_id=context_id, source=source), 303))


def end_grant(api: PlatformApi, grant: ApiGrant, actor: str) -> None:
    """Tell the platform that a grant ended, and forget its tokens whatever it answers."""
    if api.source == platform_apis.CANVAS and grant.tokens is not None:
        try:
            services().canvas_oauth.give_up(api.registration_id, api.address, _live_token(api, grant))
        except OutboundError as error:  # the platform may be gone; what counts is that our side forgets the tokens
            log.warning("api_grant.end_failed", grant_id=grant.id, error_code=error.code)
    with services().database.write() as session:
        api_grants.give_up(session, grant.id, actor=actor, now=services().clock())


def _live_token(api: PlatformApi, grant: ApiGrant) -> str:
    """The access token with which Canvas can be told; it has to be good, so one that ended is replaced first."""
    client = services().grants.client(grant.id)
    if client is None:  # refused before: Canvas has nothing left to end
        raise GrantError("The grant was refused before.")
    ends = client.tokens.expires_at
    if ends is None or ends > services().clock():
        return client.tokens.access_token
    return services().canvas_oauth.refresh(api.registration_id, client).access_token


def _api_of(session: Session, context_id: int, source: str) -> PlatformApi:
    context = session.get_one(Context, context_id)
    api = platform_apis.api_of_course(session, context.deployment_id, context.organization_id, source)
    if api is None or source != platform_apis.CANVAS:
        raise ConflictError("The platform's API is not set up for this institution.", code="api_not_set_up")
    return api


# -- the window of its own --------------------------------------------------------------------------------------------


@blueprint.get("/grants/go/<ticket>")
@public
def go(ticket: str) -> Response:
    """Spend the ticket and send the browser to Canvas."""
    now, state, browser_secret = services().clock(), new_secret(), new_secret()
    with services().database.write() as session:
        spent = tickets.spend_ticket(session, ticket, PURPOSE, now)
        api = platform_apis.get_api(session, spent.details["api_id"])
        api_grants.begin_consent(
            session,
            api,
            spent.details["place"],
            state=state,
            browser_secret=browser_secret,
            user_id=spent.user_id,
            staff_user_id=spent.details["staff_user_id"],
            now=now,
        )
    response = make_response(redirect(authorization_address(_key(api), _redirect_uri(), api.scopes, state), 303))
    response.set_cookie(
        COOKIE, browser_secret, max_age=COOKIE_SECONDS, path="/", secure=True, httponly=True, samesite="Lax"
    )
    return _unreferred(response)


@blueprint.get("/grants/callback")
@public
def callback() -> Response:
    """Take Canvas's answer: turn the code into tokens and keep them."""
    now = services().clock()
    with services().database.write() as session:
        begun = api_grants.consume_consent(session, request.args.get("state", ""), request.cookies.get(COOKIE), now)
        api = platform_apis.get_api(session, begun.platform_api_id)
    code = code_of(request.args)
    consent = services().canvas_oauth.exchange_code(api.registration_id, _key(api), code, _redirect_uri())
    given = api_grants.Given(consent.tokens, list(api.scopes), consent.account)
    _keep(begun, given, services().clock())
    back = None
    if begun.staff_user_id is not None:
        back = url_for("admin_sources.sources", registration_id=api.registration_id)
    response = make_response(
        render_template("grants/done.html", host=urlsplit(api.address).hostname, account=consent.account, back=back)
    )
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
    return _unreferred(response)


def _keep(begun: ApiConsent, given: api_grants.Given, now: datetime) -> None:
    actor = f"staff:{begun.staff_user_id}" if begun.staff_user_id is not None else f"user:{begun.user_id}"
    with services().database.write() as session:
        api_grants.save_grant(
            session,
            platform_apis.get_api(session, begun.platform_api_id),
            begun.place,
            given,
            user_id=begun.user_id,
            actor=actor,
            vault=services().vault,
            now=now,
        )


def _key(api: PlatformApi) -> ClientKey:
    if api.client_id is None or api.client_secret is None:
        raise NotFoundError("No developer key is stored for this platform.")
    if api.disabled_at is not None:
        raise GrantError("The platform's API is switched off.", code="api_disabled")
    return ClientKey(api.address, api.client_id, services().vault.open(api.client_secret))


def _redirect_uri() -> str:
    return platform_apis.redirect_uri(services().settings.public_url)


def _unreferred(response: Any) -> Response:
    """Addresses of this window hold tickets and codes: they are not kept and do not travel on as referrers."""
    answer: Response = response
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer
