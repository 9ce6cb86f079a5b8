"""The backpacks learners can choose, for an admin: add one by its address, rename it, retire it, see how it fares."""

from dataclasses import dataclass, field, replace

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for

from lti_tool.errors import BackpackError, InvalidInputError
from lti_tool.services import audit, backpack_health, backpacks, introductions
from lti_tool.services.backpack_health import HostHealth
from lti_tool.services.backpacks import PROTOCOLS
from lti_tool.web.access import Action, Role, staff_required
from lti_tool.web.current import services
from lti_tool.web.delivery_words import admin_reason
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_backpacks", __name__, url_prefix="/admin/backpacks")


@dataclass(frozen=True, slots=True)
class HostForm:
    """A backpack as typed."""

    name: str = ""
    address: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_request(cls) -> "HostForm":
        """Return the form as sent."""
        name, address = (request.form.get(key, "").strip()[:2048] for key in ("name", "address"))
        return cls(name, address)


@dataclass(frozen=True, slots=True)
class HostLine:
    """A host with its figures, and its failures in words: (code, words, how many)."""

    health: HostHealth
    protocol: str
    problem: str | None
    failed: tuple[tuple[str, str, int], ...]


@blueprint.get("/")
@staff_required(Role.ADMIN, action=Action.READ_HEALTH)
def hosts() -> str:
    """Every backpack with how it fares, and a form for another one."""
    return _page(HostForm())


def _page(form: HostForm) -> str:
    with services().database.read() as session:
        lines = [_line(one) for one in backpack_health.list_hosts(session, services().clock())]
    return render_template("admin/backpacks.html", lines=lines, form=form)


def _line(health: HostHealth) -> HostLine:
    name = health.host.name
    return HostLine(
        health=health,
        protocol=PROTOCOLS.get(health.host.protocol, health.host.protocol),
        problem=admin_reason(health.host.error_code, name) if health.host.error_code else None,
        failed=tuple((code, admin_reason(code, name), number) for code, number in health.failed.items()),
    )


@blueprint.post("/")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def add() -> Response | str:
    """Ask the address what it speaks, and offer it to learners."""
    form, parts = HostForm.from_request(), services()
    try:
        name = backpack_health.checked_name(form.name)
        protocol, _description = introductions.find_protocol(parts.backpacks, form.address)
    except InvalidInputError as error:
        return _page(replace(form, errors={"name": _name_problem(error)}))
    except BackpackError as error:
        return _page(replace(form, errors={"address": _address_problem(error)}))
    with parts.database.write() as session:
        host = backpacks.add_host(session, form.address, name, parts.clock(), protocol=protocol)
        audit.record(
            session,
            "backpack.added",
            actor=g.staff.actor,
            subject=f"backpack_host:{host.id}",
            payload={"address": host.address, "protocol": protocol},
            now=parts.clock(),
        )
    flash(
        _("Learners can now choose “%(name)s”. It speaks %(protocol)s.", name=name, protocol=PROTOCOLS[protocol]),
        "success",
    )
    return _to_hosts()


@blueprint.post("/<int:host_id>/name")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def rename(host_id: int) -> Response:
    """Give a backpack another name."""
    try:
        with services().database.write() as session:
            host = backpack_health.change_host(
                session, host_id, g.staff.actor, services().clock(), name=request.form.get("name", "")
            )
    except InvalidInputError as error:
        flash(_name_problem(error), "warning")
    else:
        flash(_("It is called “%(name)s” now.", name=host.name), "success")
    return _to_hosts()


@blueprint.post("/<int:host_id>/<any(retire, offer):change>")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def offer(host_id: int, change: str) -> Response:
    """Offer a backpack to learners, or not any more; who is connected stays so."""
    with services().database.write() as session:
        host = backpack_health.change_host(
            session, host_id, g.staff.actor, services().clock(), is_offered=change == "offer"
        )
    if host.is_offered:
        flash(_("Learners can choose “%(name)s” again.", name=host.name), "success")
    else:
        flash(_("“%(name)s” is not offered any more. Who is connected stays so.", name=host.name), "success")
    return _to_hosts()


@blueprint.post("/<int:host_id>/try")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def wake(host_id: int) -> Response:
    """Let deliveries go on before the rest is over."""
    with services().database.write() as session:
        backpack_health.wake_host(session, host_id, g.staff.actor, services().clock())
    flash(_("It is tried in a moment; one badge goes first."), "info")
    return _to_hosts()


def _name_problem(error: InvalidInputError) -> str:
    if error.code == "name_too_long":
        return _("This name is too long.")
    return _("Give it a name that learners know.")


def _address_problem(error: BackpackError) -> str:
    if error.code == "address_refused":
        return _("This address may not be called. It has to be https, and open to all or on the list of allowed hosts.")
    if error.code == "backpack_address_invalid":
        return _("This is not the address of a backpack.")
    if error.retryable:
        return _("The address does not answer. Check it, and try again.")
    return _("This address answers neither as an Open Badges 3.0 host nor as a Badge Connect host.")


def _to_hosts() -> Response:
    return make_response(redirect(url_for("admin_backpacks.hosts"), 303))
