"""Terms: stretches of time that badges earned once a term are counted by, for each institution."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import Organization, Term
from lti_tool.services import terms
from lti_tool.web.access import Role, staff_required
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.roster_form import read_id
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("admin_terms", __name__, url_prefix="/admin/terms")
DAY = timedelta(days=1)
YEARS = range(1970, 3000)


@dataclass(frozen=True, slots=True)
class TermForm:
    """A term as typed. Days are UTC days; ``last_day`` still belongs to the term."""

    name: str = ""
    first_day: str = ""
    last_day: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_term(cls, term: Term) -> "TermForm":
        """Return the form that makes this term."""
        last = term.ends_at - DAY
        return cls(term.name, term.starts_at.date().isoformat(), last.date().isoformat())

    @classmethod
    def from_request(cls) -> "TermForm":
        """Return the form as sent."""
        name, first, last = (request.form.get(key, "").strip()[:100] for key in ("name", "first_day", "last_day"))
        return cls(name, first, last)

    def dates(self) -> tuple[datetime, datetime]:
        """Return start and end; raises ``InvalidInputError`` (``term_date_invalid``) with ``field``."""
        return _day(self.first_day, "first_day"), _day(self.last_day, "last_day") + DAY


def _day(text: str, name: str) -> datetime:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
        if day.year not in YEARS:
            raise ValueError(day)
    except ValueError as error:
        raise InvalidInputError("This is no date.", code="term_date_invalid", field=name) from error
    return datetime.combine(day, time(), UTC)


_FIELDS = {"starts_at": "first_day", "ends_at": "last_day"}


def _with_error(form: TermForm, error: InvalidInputError) -> TermForm:
    name = error.field or "name"
    return replace(form, errors={_FIELDS.get(name, name): field_text(error)})


@blueprint.get("/")
@staff_required(Role.ADMIN, Role.REGISTRAR)
def list_all() -> str:
    """The terms of every institution, and a form for another one."""
    with services().database.read() as session:
        return _list(session)


def _list(session: Session, form: TermForm | None = None, organization_id: int | None = None) -> str:
    organizations = session.scalars(select(Organization).order_by(Organization.name, Organization.id))
    found = [
        (
            one,
            [(term, term.ends_at - DAY, terms.is_in_use(session, term)) for term in terms.list_terms(session, one.id)],
        )
        for one in organizations
    ]
    return render_template("admin/terms.html", found=found, form=form or TermForm(), organization_id=organization_id)


@blueprint.post("/")
@staff_required(Role.ADMIN, Role.REGISTRAR)
def add() -> Response | str:
    """Name a stretch of time."""
    form, organization_id = TermForm.from_request(), read_id(request.form.get("organization", ""))
    try:
        with services().database.write() as session:
            organization = session.get(Organization, organization_id or 0)
            if organization is None:
                raise NotFoundError("There is no such institution.")
            starts_at, ends_at = form.dates()
            now = services().clock()
            terms.add_term(session, organization.id, form.name, starts_at, ends_at, g.staff.actor, now)
    except InvalidInputError as error:
        with services().database.read() as session:
            return _list(session, _with_error(form, error), organization_id)
    flash(_("The term “%(name)s” is there.", name=form.name), "success")
    return _to_list()


@blueprint.get("/<int:term_id>")
@staff_required(Role.ADMIN, Role.REGISTRAR)
def look_at(term_id: int) -> str:
    """One term, to be changed or removed."""
    with services().database.read() as session:
        term = _get(session, term_id)
        return _page(session, term, TermForm.from_term(term))


@blueprint.post("/<int:term_id>")
@staff_required(Role.ADMIN, Role.REGISTRAR)
def change(term_id: int) -> Response | str:
    """Change a term; once badges were awarded for it, its dates only."""
    form = TermForm.from_request()
    try:
        with services().database.write() as session:
            starts_at, ends_at = form.dates()
            term, now = _get(session, term_id), services().clock()
            terms.change_term(session, term, form.name, starts_at, ends_at, g.staff.actor, now)
    except (InvalidInputError, ConflictError) as error:
        problem = error if isinstance(error, InvalidInputError) else InvalidInputError(str(error), code=error.code)
        with services().database.read() as session:
            return _page(session, _get(session, term_id), _with_error(form, problem))
    flash(_("The term is changed."), "success")
    return _to_list()


@blueprint.post("/<int:term_id>/remove")
@staff_required(Role.ADMIN, Role.REGISTRAR)
def remove(term_id: int) -> Response:
    """Forget a term for which nothing was awarded."""
    try:
        with services().database.write() as session:
            terms.remove_term(session, _get(session, term_id), g.staff.actor, services().clock())
    except ConflictError:
        flash(_("Badges were awarded for this term, so it stays."), "warning")
    else:
        flash(_("The term is removed."), "success")
    return _to_list()


def _get(session: Session, term_id: int) -> Term:
    term = session.get(Term, term_id)
    if term is None:
        raise NotFoundError("There is no such term.")
    return term


def _page(session: Session, term: Term, form: TermForm) -> str:
    values: dict[str, Any] = {"term": term, "form": form, "is_in_use": terms.is_in_use(session, term)}
    return render_template("admin/term.html", **values)


def _to_list() -> Response:
    return make_response(redirect(url_for("admin_terms.list_all"), 303))
