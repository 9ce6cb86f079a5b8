"""Installing: a link for a platform that registers itself, a renewal link, and the form for all others."""

from collections.abc import Mapping

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for

from lti_tool.characters import one_line
from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.services import platform_invites, registrations
from lti_tool.web.access import Action, Role, staff_required
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.platform_guides import GUIDES, guide_of
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_installing", __name__, url_prefix="/admin/platforms")

REQUIRED = ("name", "issuer", "client_id", "auth_login_url", "auth_token_url", "key_set_url")
OPTIONAL = ("audience", "product")


@blueprint.get("/new")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def choose() -> str:
    """Choose the LMS, name it, get a link."""
    return _choose_page()


@blueprint.post("/new")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def invite() -> Response:
    """Make a link and show it, once: it is a secret, so neither an address nor the database may hold it."""
    name, product = one_line(request.form.get("name", "")), request.form.get("product", "")
    if guide_of(product).name and not guide_of(product).link_steps:
        return _answer(url_for("admin_installing.manual", name=name, product=product))
    try:
        token = _make_invite(name, product if product in GUIDES else "")
    except (InvalidInputError, ConflictError) as error:
        return make_response(_choose_page({"name": field_text(error)}), 422)
    return _link_page(token, name, product)


@blueprint.post("/<int:registration_id>/renew")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def renew(registration_id: int) -> Response:
    """Make a link with which a platform brings its registration up to date, and show it once."""
    with services().database.read() as session:
        registration = registrations.get_by_id(session, registration_id)
    token = _make_invite(registration.name, registration.product or "", renews=True)
    return _link_page(token, registration.name, registration.product, renews=True)


def _make_invite(name: str, product: str, *, renews: bool = False) -> str:
    with services().database.write() as session:
        return platform_invites.invite_platform(
            session, name, product=product or None, renews=renews, actor=g.staff.actor, now=services().clock()
        )


def _link_page(token: str, name: str, product: str | None, *, renews: bool = False) -> Response:
    link = f"{services().settings.public_url}/lti/register?invite={token}"
    expires_at = services().clock() + platform_invites.INVITE_LIFE
    page = render_template(
        "admin/link.html", link=link, name=name, guide=guide_of(product), renews=renews, expires_at=expires_at
    )
    response = make_response(page)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _choose_page(errors: Mapping[str, str] | None = None) -> str:
    with services().database.read() as session:
        invites = platform_invites.list_open(session, services().clock())
    return render_template("admin/new.html", guides=GUIDES, invites=invites, errors=errors or {}, typed=request.form)


@blueprint.get("/manual")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def manual() -> str:
    """The form for what a platform shows, and what the platform wants to know of this tool."""
    return _manual_page(request.args)


@blueprint.post("/manual")
@staff_required(Role.ADMIN, action=Action.MANAGE_PLATFORMS)
def add() -> str | Response:
    """Add a registration that was typed in."""
    values = {name: one_line(request.form.get(name, "")) for name in (*REQUIRED, *OPTIONAL)}
    deployment_ids = request.form.get("deployment_ids", "").split()
    errors = {name: field_text(InvalidInputError(code="entry_missing")) for name in REQUIRED if not values[name]}
    if errors:
        return _manual_page(request.form, errors)
    try:
        with services().database.write() as session:
            added = registrations.add_by_hand(
                session,
                actor=g.staff.actor,
                now=services().clock(),
                settings=services().settings,
                deployment_ids=deployment_ids,
                **values,
            )
    except InvalidInputError as error:
        return _manual_page(request.form, {error.field or "name": field_text(error)})
    except ConflictError as error:
        field = "name" if error.code == "registration_name_taken" else "client_id"
        return _manual_page(request.form, {field: field_text(error)})
    flash(_("“%(name)s” is registered.", name=added.name), "success")
    return _answer(url_for("admin_platforms.platform", registration_id=added.id))


def _manual_page(typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    return render_template(
        "admin/manual.html",
        typed=typed,
        errors=errors or {},
        guides=GUIDES,
        guide=guide_of(typed.get("product")),
        base=services().settings.public_url,
    )


def _answer(address: str) -> Response:
    return make_response(redirect(address, 303))
