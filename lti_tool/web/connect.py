"""Putting a badge into a backpack: consent in a window of its own, then the delivery.

Cookies of the frame do not travel to a new top-level window, so a one-time ticket does. That window gets a first-party
cookie; the OAuth state is bound to it and to the launch's user, and a callback without it is refused.
"""

from datetime import datetime
from typing import Any

import structlog
from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_tool.backpacks.base import (
    Backpack,
    ClientRegistration,
    HostDescription,
    HostProfile,
    Tokens,
    authorization_code,
)
from lti_tool.errors import BackpackError, ConflictError, NotFoundError, ToolError
from lti_tool.models import BackpackConnection, BackpackHost, ConnectionState, Credential
from lti_tool.services import backpacks, connections, delivery, tickets, wallet
from lti_tool.services.introductions import CALLBACK_PATH, Introducer
from lti_tool.services.secrets import new_secret
from lti_tool.services.wakeups import DELIVER_CREDENTIAL
from lti_tool.web import failures
from lti_tool.web.access import Action, Role, launch_required, public
from lti_tool.web.current import services
from lti_tool.web.learner import known_user
from lti_tool.web.messages import message_for
from lti_tool.web.translated import gettext as _
from lti_tool.web.wording import Message

blueprint = Blueprint("connect", __name__)
log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.web")

PURPOSE = "connect"
COOKIE = "__Host-lti_badges_connect"
COOKIE_SECONDS = 15 * 60
SECOND_TIME = "again."
"""Begins the cookie of a consent that is asked for once more, since the host had forgotten this tool."""

_AGAIN = _l("Go back to your badge in the course and connect the backpack again.")
MESSAGES: dict[str, Message] = {
    "ticket_refused": Message(
        _l("This link has been used or is too old"),
        _l("The link to your backpack works once, for one minute."),
        (_AGAIN,),
    ),
    "backpack_consent_denied": Message(
        _l("The backpack was not connected"),
        _l("You did not allow the connection, so nothing was sent. Your badge is safe in the course."),
        (_l("You can close this window."), _AGAIN),
    ),
    "backpack_state_mismatch": Message(
        _l("This connection does not belong here"),
        _l("It was begun in another browser, or more than fifteen minutes ago. Nothing was sent."),
        (_AGAIN,),
    ),
    "backpack_scope_missing": Message(
        _l("The backpack takes no badges"),
        _l("It did not allow this tool to put badges in."),
        (_l("Connect again and allow it, or download the badge instead."),),
    ),
}
_NOT_ACCEPTED = Message(
    _l("The backpack does not accept this tool"),
    _l("Nothing was sent. Your badge is safe in the course."),
    (_l("Download the badge instead, or connect another backpack."), _l("Tell your institution, which can ask there.")),
)
MESSAGES |= {"backpack_registration_refused": _NOT_ACCEPTED, "backpack_client_unknown": _NOT_ACCEPTED}


@blueprint.errorhandler(ToolError)
def refuse(error: ToolError) -> Response:
    """Answer with words for somebody in the middle of connecting a backpack."""
    message = MESSAGES.get(error.code) or message_for(error)
    return _unreferred(failures.answer(error.code, error.status, message, str(error)))


# -- inside the course ------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:context_id>/mine/badges/<int:credential_id>/connect/<int:host_id>")
@launch_required(Role.LEARNER)
def back(context_id: int, credential_id: int, host_id: int) -> Response:  # noqa: ARG001 - the address has it
    """Bring who comes to the address of ``begin`` again back to the badge, where the button is."""
    return _to_badge(context_id, credential_id)


@blueprint.post("/courses/<int:context_id>/mine/badges/<int:credential_id>/connect/<int:host_id>")
@launch_required(Role.LEARNER, action=Action.SHARE)
def begin(context_id: int, credential_id: int, host_id: int) -> str:
    """Answer with the link that opens the backpack in a window of its own."""
    user_id = known_user()
    with services().database.write() as session:
        credential = wallet.get_credential(session, context_id, user_id, credential_id)
        host = backpacks.get_host(session, host_id)
        details = {"host_id": host.id, "credential_id": credential.id}
        ticket = tickets.make_ticket(session, PURPOSE, user_id, details, services().clock())
        badge_name = credential.award.achievement_version.name
    return render_template(
        "learner/connect.html", host=host, ticket=ticket, credential_id=credential_id, badge_name=badge_name
    )


@blueprint.post("/courses/<int:context_id>/mine/badges/<int:credential_id>/deliver/<int:host_id>")
@launch_required(Role.LEARNER, action=Action.SHARE)
def deliver(context_id: int, credential_id: int, host_id: int) -> Response:
    """Send the badge to a backpack that is connected already."""
    user_id, now = known_user(), services().clock()
    with services().database.write() as session:
        credential = wallet.get_credential(session, context_id, user_id, credential_id)
        connection, _host = own_connection(session, user_id, host_id)
        delivery_id = delivery.queue_delivery(session, credential, connection, now)
    services().queue.wake(DELIVER_CREDENTIAL, delivery_id)
    return _to_badge(context_id, credential_id)


@blueprint.post("/courses/<int:context_id>/mine/badges/<int:credential_id>/disconnect/<int:host_id>")
@launch_required(Role.LEARNER, action=Action.SHARE)
def disconnect(context_id: int, credential_id: int, host_id: int) -> Response:
    """End the consent, at the host too where it lets us; badges that are there stay there."""
    name = end_consent(known_user(), host_id)
    flash(_("%(host)s is disconnected. Badges that are there stay there.", host=name), "success")
    return _to_badge(context_id, credential_id)


def end_consent(user_id: int, host_id: int) -> str:
    """Disconnect a learner, at the host too where it lets us; returns its name. Raises ``NotFoundError``."""
    with services().database.read() as session:
        connection, host = own_connection(session, user_id, host_id)
    _revoke(connection, host)
    with services().database.write() as session:
        connection, host = own_connection(session, user_id, host_id)
        backpacks.disconnect(session, connection, services().clock())
    return host.name


def own_connection(session: Session, user_id: int, host_id: int) -> tuple[BackpackConnection, BackpackHost]:
    connection = backpacks.connections_of(session, user_id).get(host_id)
    if connection is None:
        raise NotFoundError("You are not connected to this backpack.")
    return connection, session.get_one(BackpackHost, host_id)


def _revoke(connection: BackpackConnection, host: BackpackHost) -> None:
    known = backpacks.known_host(host, services().vault)
    if known is None or connection.state is not ConnectionState.ACTIVE:
        return
    try:
        tokens = backpacks.read_tokens(connection, services().vault)
        _backpack(host).revoke(*known, tokens)
    except ToolError as error:  # the host may be gone; what counts is that our side forgets the tokens
        log.warning("backpack.revoke_failed", connection_id=connection.id, error_code=error.code)


# -- the window of its own --------------------------------------------------------------------------------------------


@blueprint.get("/connect/<ticket>")
@public
def go(ticket: str) -> Response:
    """Spend the ticket, make this tool known to the host if need be, and send the browser there."""
    with services().database.write() as session:
        spent = tickets.spend_ticket(session, ticket, PURPOSE, services().clock())
        host = backpacks.get_host(session, spent.details["host_id"])
    return _leave(host, _user_of(spent.user_id), spent.details["credential_id"], new_secret())


def _leave(
    host: BackpackHost,
    user_id: int,
    credential_id: int | None,
    browser_secret: str,
    instead_of: ClientRegistration | None = None,
) -> Response:
    """Send the browser to the host's own pages, bound to it by a first-party cookie."""
    parts = services()
    introducer = Introducer(parts.database, parts.vault, parts.settings)
    backpack = _backpack(host)
    description, client = introducer.introduce(backpack, host.id, parts.clock(), instead_of=instead_of)
    asked = backpack.authorization_request(description, client, introducer.redirect_uri)
    with parts.database.write() as session:
        backpacks.begin_connection(
            session,
            asked,
            user_id=user_id,
            host_id=host.id,
            credential_id=credential_id,
            browser_secret=browser_secret,
            vault=parts.vault,
            now=parts.clock(),
        )
    response = make_response(redirect(asked.url, 303))
    response.set_cookie(
        COOKIE, browser_secret, max_age=COOKIE_SECONDS, path="/", secure=True, httponly=True, samesite="Lax"
    )
    return _unreferred(response)


@blueprint.get("/connect/callback")
@public
def callback() -> Response:
    """Take the host's answer: turn the code into tokens, remember the consent, and send what waits for it."""
    parts, state, cookie = services(), request.args.get("state", ""), request.cookies.get(COOKIE)
    with parts.database.write() as session:
        begun = backpacks.consume_connection(session, state, cookie, parts.clock())
        host = session.get_one(BackpackHost, begun.host_id)
        verifier = parts.vault.open(begun.code_verifier)
    code = authorization_code(request.args, state)
    known = backpacks.known_host(host, parts.vault)
    if known is None:
        raise BackpackError("The registration at the backpack was forgotten meanwhile.")
    try:
        tokens = _backpack(host).exchange_code(*known, code, _redirect_uri(), verifier)
    except BackpackError as error:
        if error.code != "backpack_client_unknown" or (cookie or "").startswith(SECOND_TIME):
            raise
        # The host forgot this tool since: it is told of it again, once, and the learner asked once more.
        return _leave(host, begun.user_id, begun.credential_id, SECOND_TIME + new_secret(), known[1])
    profile, now = _profile(host, known[0], tokens), parts.clock()
    with parts.database.write() as session:
        connection = backpacks.save_connection(
            session, begun.user_id, host.id, tokens, parts.vault, now, profile=profile
        )
        delivery_id = _queue(session, begun.credential_id, connection, now)
        waiting = connections.resume(session, connection, now)
    for one in waiting:
        parts.queue.wake(DELIVER_CREDENTIAL, one)
    is_for_badge = begun.credential_id is not None
    html = render_template(
        "public/connected.html", host=host, is_sent=delivery_id is not None, is_for_badge=is_for_badge
    )
    response = make_response(html)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
    return _unreferred(response)


def _profile(host: BackpackHost, description: HostDescription, tokens: Tokens) -> HostProfile | None:
    """Whose account it is; not knowing yet is no reason to lose the consent: it is asked for before a delivery."""
    try:
        return _backpack(host).profile(description, tokens)
    except ToolError as error:
        log.info("backpack.profile_unread", host_id=host.id, error_code=error.code)
        return None


def _queue(session: Session, credential_id: int | None, connection: BackpackConnection, now: datetime) -> int | None:
    """Queue the badge the learner came with; ``None`` while it is still being signed."""
    credential = session.get(Credential, credential_id) if credential_id is not None else None
    if credential is None or credential.award.user_id != connection.user_id:
        return None
    try:
        return delivery.queue_delivery(session, credential, connection, now)
    except ConflictError:
        return None


def _backpack(host: BackpackHost) -> Backpack:
    return services().backpacks[host.protocol]


def _redirect_uri() -> str:
    return services().settings.public_url + CALLBACK_PATH


def _user_of(user_id: int | None) -> int:
    if user_id is None:
        raise NotFoundError("The ticket names nobody.")
    return user_id


def _to_badge(context_id: int, credential_id: int) -> Response:
    return make_response(redirect(url_for("learner.badge", context_id=context_id, credential_id=credential_id), 303))


def _unreferred(response: Any) -> Response:
    """Addresses of this window hold tickets and codes: they are not kept and do not travel on as referrers."""
    answer: Response = response
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer
