"""A learner's backpacks on one page: connect, put in one badge or all, see how each stands, disconnect."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for

from lti_tool.models import ConnectionState, Delivery, DeliveryState
from lti_tool.services import backpacks, connections, tickets
from lti_tool.services.connections import Kept, Shelf
from lti_tool.services.wakeups import DELIVER_CREDENTIAL
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.connect import PURPOSE, end_consent
from lti_tool.web.current import services
from lti_tool.web.delivery_words import NEW_COPY, delivery_words, reason_of
from lti_tool.web.learner import known_user
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

blueprint = Blueprint("learner_backpacks", __name__)


@dataclass(frozen=True, slots=True)
class BadgeLine:
    """A badge on a shelf. ``state``: a key of the looks of states; ``button``: whether it can be put in now.

    ``offers_download``: after a failure. ``copy_url``: where a new copy is made, if that is what helps.
    """

    credential_id: int
    public_id: str
    name: str
    state: str | None
    words: str
    offers_download: bool
    copy_url: str | None
    button: bool


@dataclass(frozen=True, slots=True)
class ShelfLine:
    """A backpack as the page shows it. ``account``: whose it is, as the host tells."""

    host_id: int
    name: str
    words: str
    account: str | None
    action: str
    can_disconnect: bool
    badges: tuple[BadgeLine, ...]
    to_send: int


@blueprint.get("/courses/<int:context_id>/mine/backpacks")
@launch_required(Role.LEARNER)
def shelves(context_id: int) -> str:  # noqa: ARG001 - the address has it
    """Every backpack one can choose or is connected to, with one's badges."""
    now = services().clock()
    with services().database.read() as session:
        lines = [_shelf_line(one, now) for one in connections.shelves(session, known_user())]
    has_badges = any(line.badges for line in lines)
    return render_template("learner/backpacks.html", shelves=lines, has_badges=has_badges)


@blueprint.post("/courses/<int:context_id>/mine/backpacks/<int:host_id>/connect")
@launch_required(Role.LEARNER, action=Action.SHARE)
def begin(context_id: int, host_id: int) -> str:  # noqa: ARG001 - the address has it
    """Answer with the link that opens the backpack in a window of its own."""
    with services().database.write() as session:
        host = backpacks.get_host(session, host_id)
        details = {"host_id": host.id, "credential_id": None}
        ticket = tickets.make_ticket(session, PURPOSE, known_user(), details, services().clock())
    return render_template("learner/connect.html", host=host, ticket=ticket, credential_id=None, badge_name=None)


@blueprint.get("/courses/<int:context_id>/mine/backpacks/<int:host_id>/connect")
@launch_required(Role.LEARNER)
def back(context_id: int, host_id: int) -> Response:  # noqa: ARG001 - the address has it
    """Bring who comes to the address of ``begin`` again back to the page, where the button is."""
    return _to_shelves(context_id)


@blueprint.post("/courses/<int:context_id>/mine/backpacks/<int:host_id>/deliver")
@launch_required(Role.LEARNER, action=Action.SHARE)
def deliver(context_id: int, host_id: int) -> Response:
    """Put in the badge that the form names, or every one that is not there yet."""
    named = request.form.get("credential", type=int)
    only = [named] if named is not None else None
    with services().database.write() as session:
        queued = connections.send_all(session, known_user(), host_id, services().clock(), only=only)
    for delivery_id in queued:
        services().queue.wake(DELIVER_CREDENTIAL, delivery_id)
    if queued:
        flash(ngettext("%(num)s badge is on its way.", "%(num)s badges are on their way.", len(queued)), "success")
    else:
        flash(_("There is nothing to send: your badges are there, or on their way."), "info")
    return _to_shelves(context_id)


@blueprint.post("/courses/<int:context_id>/mine/backpacks/<int:host_id>/disconnect")
@launch_required(Role.LEARNER, action=Action.SHARE)
def disconnect(context_id: int, host_id: int) -> Response:
    """End the consent, at the host too where it lets us; badges that are there stay there."""
    name = end_consent(known_user(), host_id)
    flash(_("%(host)s is disconnected. Badges that are there stay there.", host=name), "success")
    return _to_shelves(context_id)


def _shelf_line(shelf: Shelf, now: datetime) -> ShelfLine:
    connection = shelf.connection
    account = None
    if connection is not None and shelf.is_connected:
        account = " · ".join(one for one in (connection.account_name, connection.account_email) if one) or None
    return ShelfLine(
        host_id=shelf.host.id,
        name=shelf.host.name,
        words=_shelf_words(shelf),
        account=account,
        action="deliver" if shelf.is_connected else "connect",
        can_disconnect=connection is not None,
        badges=tuple(_badge_line(shelf, one, now) for one in shelf.badges),
        to_send=len(shelf.to_send) if shelf.is_connected else 0,
    )


def _shelf_words(shelf: Shelf) -> str:
    name = shelf.host.name
    if shelf.is_connected:
        return _("You are connected to %(host)s.", host=name)
    if shelf.connection is not None and shelf.connection.state is ConnectionState.CONSENT_NEEDED:
        return str(reason_of(shelf.connection.error_code or "backpack_consent_needed").learner) % {"host": name}
    return _("Not connected yet. You sign in there and allow this tool to put badges in.")


def _badge_line(shelf: Shelf, kept: Kept, now: datetime) -> BadgeLine:
    sent = kept.delivery
    has_left = sent is not None and sent.state is DeliveryState.DELIVERED and not kept.is_there
    words = _("Not in this backpack yet.")
    if sent is not None and not has_left:
        words = delivery_words(sent, shelf.host.name, now)
    elif has_left:
        words = _("It was put in before you disconnected. You can send it again.")
    is_failed = sent is not None and sent.state is DeliveryState.FAILED
    return BadgeLine(
        credential_id=kept.credential.id,
        public_id=kept.credential.public_id,
        name=kept.name,
        state=sent.state.value if sent is not None and not has_left else None,
        words=words,
        offers_download=is_failed,
        copy_url=_copy_url(kept) if is_failed and _needs_copy(sent) else None,
        button=shelf.is_connected and not kept.is_under_way,
    )


def _needs_copy(sent: Delivery | None) -> bool:
    return sent is not None and reason_of(sent.error_code).remedy == NEW_COPY


def _copy_url(kept: Kept) -> str | None:
    """Where a new copy is made; a badge of another course has its page there."""
    context_id = kept.credential.award.achievement.context_id
    if context_id != g.launch.context_id:
        return None
    return url_for("learner_copies.form", context_id=context_id, credential_id=kept.credential.id)


def _to_shelves(context_id: int) -> Response:
    return make_response(redirect(url_for("learner_backpacks.shelves", context_id=context_id), 303))
