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

from lti_tool.backpacks.base import Backpack, ClientRegistration, HostDescription, Tokens, authorization_code
from lti_tool.errors import BackpackError, ConflictError, NotFoundError, ToolError
from lti_tool.models import BackpackConnection, BackpackHost, ConnectionState, Credential
from lti_tool.services import backpacks, delivery, tickets, wallet
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
        connection, _host = _own_connection(session, user_id, host_id)
        delivery_id = delivery.queue_delivery(session, credential, connection, now)
    services().queue.wake(DELIVER_CREDENTIAL, delivery_id)
    return _to_badge(context_id, credential_id)


@blueprint.post("/courses/<int:context_id>/mine/badges/<int:credential_id>/disconnect/<int:host_id>")
@launch_required(Role.LEARNER, action=Action.SHARE)
def disconnect(context_id: int, credential_id: int, host_id: int) -> Response:
    """End the consent, at the host too where it lets us; badges that are there stay there."""
    user_id = known_user()
    with services().database.read() as session:
        connection, host = _own_connection(session, user_id, host_id)
    _revoke(connection, host)
    with services().database.write() as session:
        connection, host = _own_connection(session, user_id, host_id)
        backpacks.disconnect(session, connection, services().clock())
    flash(_("%(host)s is disconnected. Badges that are there stay there.", host=host.name), "success")
    return _to_badge(context_id, credential_id)


def _own_connection(session: Session, user_id: int, host_id: int) -> tuple[BackpackConnection, BackpackHost]:
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
    backpack = _backpack(host)
    description, client = _introduced(host, backpack)
    asked = backpack.authorization_request(description, client, _redirect_uri())
    browser_secret = new_secret()
    with services().database.write() as session:
        backpacks.begin_connection(
            session,
            asked,
            user_id=_user_of(spent.user_id),
            host_id=host.id,
            credential_id=spent.details["credential_id"],
            browser_secret=browser_secret,
            vault=services().vault,
            now=services().clock(),
        )
    response = make_response(redirect(asked.url, 303))
    response.set_cookie(
        COOKIE, browser_secret, max_age=COOKIE_SECONDS, path="/", secure=True, httponly=True, samesite="Lax"
    )
    return _unreferred(response)


@blueprint.get("/connect/callback")
@public
def callback() -> Response:
    """Take the host's answer: turn the code into tokens, remember the consent, and send the badge."""
    state = request.args.get("state", "")
    with services().database.write() as session:
        begun = backpacks.consume_connection(session, state, request.cookies.get(COOKIE), services().clock())
        host = session.get_one(BackpackHost, begun.host_id)
        verifier = services().vault.open(begun.code_verifier)
    code = authorization_code(request.args, state)
    known = backpacks.known_host(host, services().vault)
    if known is None:
        raise BackpackError("The registration at the backpack was forgotten meanwhile.")
    tokens = _exchange(host, known, code, verifier)
    now = services().clock()
    with services().database.write() as session:
        connection = backpacks.save_connection(session, begun.user_id, host.id, tokens, services().vault, now)
        delivery_id = _queue(session, begun.credential_id, connection, now)
    if delivery_id is not None:
        services().queue.wake(DELIVER_CREDENTIAL, delivery_id)
    response = make_response(render_template("public/connected.html", host=host, is_sent=delivery_id is not None))
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
    return _unreferred(response)


def _introduced(host: BackpackHost, backpack: Backpack) -> tuple[HostDescription, ClientRegistration]:
    """Return how to talk to the host; discovered and registered now, outside any transaction, when it is not known."""
    parts = services()
    known = backpacks.known_host(host, parts.vault)
    if known is not None and not _has_ended(known[1]):
        return known
    site = parts.settings.public_url
    description = backpack.discover(host.address)
    client = backpack.register(
        description,
        _redirect_uri(),
        parts.settings.tool_name,
        site,
        f"{site}/static/logo.png",
        f"{site}{url_for('public.terms')}",
        f"{site}{url_for('public.privacy')}",
    )
    with parts.database.write() as session:
        if known is not None:
            backpacks.forget_host(session, host.id)
        backpacks.remember_host(session, host.id, description, client, parts.vault)
        kept = backpacks.known_host(session.get_one(BackpackHost, host.id), parts.vault)
    return kept or (description, client)


def _has_ended(client: ClientRegistration) -> bool:
    return client.secret_expires_at is not None and client.secret_expires_at <= services().clock()


def _exchange(
    host: BackpackHost, known: tuple[HostDescription, ClientRegistration], code: str, verifier: str
) -> Tokens:
    try:
        return _backpack(host).exchange_code(*known, code, _redirect_uri(), verifier)
    except BackpackError as error:
        if error.code == "backpack_client_unknown":  # the next attempt registers anew
            with services().database.write() as session:
                backpacks.forget_host(session, host.id)
        raise


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
    return f"{services().settings.public_url}/connect/callback"


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
