"""Issuing platforms for an admin: give the institution's account, see how it goes, pause, switch off, try again."""

from dataclasses import dataclass, field, replace

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import select

from lti_tool.backpacks import badgr_api
from lti_tool.backpacks.base import Tokens
from lti_tool.errors import BackpackConsentError, BackpackError, ConflictError
from lti_tool.models import Organization
from lti_tool.services import issuing_platforms, mirrored_awards
from lti_tool.services.issuing_platforms import Account
from lti_tool.web.access import Action, Role, staff_required
from lti_tool.web.current import services
from lti_tool.web.issuing_words import issuing_failure, platform_look
from lti_tool.web.roster_form import read_id
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

blueprint = Blueprint("admin_issuing", __name__, url_prefix="/admin/issuing")


@dataclass(frozen=True, slots=True)
class AccountForm:
    """A platform and an account as typed; the password is never shown again. ``platform_id``: whose form it is."""

    name: str = ""
    address: str = ""
    email: str = ""
    password: str = field(default="", repr=False)
    organization_id: int | None = None
    platform_id: int | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_request(cls, platform_id: int | None = None) -> "AccountForm":
        """Return the form as sent, with errors for what is missing."""
        name, address, email = (request.form.get(key, "").strip()[:320] for key in ("name", "address", "email"))
        password = request.form.get("password", "")[:1024]
        wanted = {"email": email, "password": password}
        if platform_id is None:
            wanted = {"name": name, "address": address, **wanted}
        errors = {key: _("Fill this in.") for key, value in wanted.items() if not value}
        organization_id = read_id(request.form.get("organization", ""))
        return cls(name, address, email, password, organization_id, platform_id, errors)


@blueprint.get("/")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def platforms() -> str:
    """Every platform, and a form for another one."""
    return _page(AccountForm())


def _page(form: AccountForm) -> str:
    now = services().clock()
    with services().database.read() as session:
        entries = issuing_platforms.list_platforms(session, services().vault)
        organizations = list(session.scalars(select(Organization).order_by(Organization.name, Organization.id)))
    shown = []
    for one in entries:
        is_resting = one.paused_until is not None and one.paused_until > now
        failures = [(issuing_failure(code), code, number) for code, number in one.failures]
        problem = issuing_failure(one.error_code) if one.error_code else None
        shown.append((one, platform_look(one, is_resting), is_resting, problem, failures))
    return render_template("admin/issuing.html", shown=shown, organizations=organizations, form=form)


@blueprint.post("/")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def add() -> Response | str:
    """Use a platform with the institution's account."""
    form = AccountForm.from_request()
    signed_in = _sign_in(form, form.address)
    if isinstance(signed_in, AccountForm):
        return _page(signed_in)
    address, account = signed_in
    try:
        with services().database.write() as session:
            issuing_platforms.add_platform(
                session,
                form.organization_id or 0,
                address,
                form.name,
                account,
                services().vault,
                g.staff.actor,
                services().clock(),
            )
    except ConflictError:
        words = _("This institution uses this platform already.")
        return _page(replace(form, password="", errors={"address": words}))
    flash(_("Badges are issued on “%(name)s” too from now on.", name=form.name), "success")
    return _back()


@blueprint.post("/<int:platform_id>/account")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def sign_in(platform_id: int) -> Response | str:
    """Give the institution's account anew."""
    with services().database.read() as session:
        address = issuing_platforms.get_platform(session, platform_id).address
    signed_in = _sign_in(AccountForm.from_request(platform_id), address)
    if isinstance(signed_in, AccountForm):
        return _page(signed_in)
    with services().database.write() as session:
        vault, now = services().vault, services().clock()
        issuing_platforms.save_account(session, platform_id, signed_in[1], vault, now, actor=g.staff.actor)
    flash(_("The account is signed in. What waited is sent now."), "success")
    return _back()


def _sign_in(form: AccountForm, address: str) -> tuple[str, Account] | AccountForm:
    """Sign in at the platform; returns its address and the account, or the form with what is wrong."""
    if form.errors:
        return replace(form, password="")
    client = services().badgr
    try:
        base = badgr_api.read_address(address)
        tokens: Tokens = client.sign_in(base, form.email, form.password)
        client.account_emails(base, tokens)  # proves that this is the API, and that the account may use it
    except BackpackConsentError:
        return replace(form, password="", errors={"password": _("The platform does not accept this account.")})
    except BackpackError as error:
        name = "password" if form.platform_id else "address"
        return replace(form, password="", errors={name: issuing_failure(error.code)})
    return base, Account(form.email, tokens, form.password)


@blueprint.post("/<int:platform_id>/pause")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def pause(platform_id: int) -> Response:
    """Send nothing for a day."""
    with services().database.write() as session:
        issuing_platforms.pause(session, platform_id, g.staff.actor, services().clock())
    flash(_("Nothing is sent for a day. What is awarded meanwhile waits."), "info")
    return _back()


@blueprint.post("/<int:platform_id>/resume")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def resume(platform_id: int) -> Response:
    """Send again."""
    with services().database.write() as session:
        issuing_platforms.resume(session, platform_id, g.staff.actor, services().clock())
    flash(_("What waited is sent now."), "success")
    return _back()


@blueprint.post("/<int:platform_id>/off")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def switch_off(platform_id: int) -> Response:
    """Stop using a platform."""
    with services().database.write() as session:
        issuing_platforms.switch(session, platform_id, on=False, actor=g.staff.actor, now=services().clock())
    flash(_("The platform is switched off. Badges there stay as they are."), "info")
    return _back()


@blueprint.post("/<int:platform_id>/on")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def switch_on(platform_id: int) -> Response:
    """Use a platform again."""
    with services().database.write() as session:
        issuing_platforms.switch(session, platform_id, on=True, actor=g.staff.actor, now=services().clock())
    flash(_("The platform is in use again. To send what was issued meanwhile, press “Send earlier badges”."), "success")
    return _back()


@blueprint.post("/<int:platform_id>/earlier")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def send_earlier(platform_id: int) -> Response:
    """Send badges that were issued before the platform was in use."""
    with services().database.write() as session:
        issuing_platforms.get_platform(session, platform_id)
        number = mirrored_awards.queue_missing(session, platform_id, services().clock())
    flash(ngettext("%(num)s earlier badge is sent now.", "%(num)s earlier badges are sent now.", number), "info")
    return _back()


@blueprint.post("/<int:platform_id>/again")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def try_again(platform_id: int) -> Response:
    """Try again whatever failed."""
    with services().database.write() as session:
        issuing_platforms.get_platform(session, platform_id)
        number = mirrored_awards.retry_failed(session, platform_id, services().clock())
    flash(ngettext("%(num)s badge is tried again.", "%(num)s badges are tried again.", number), "info")
    return _back()


def _back() -> Response:
    return make_response(redirect(url_for("admin_issuing.platforms"), 303))
