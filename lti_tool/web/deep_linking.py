"""Choosing content for a course (LTI Deep Linking 2.0): existing checkpoints, new ones, or the course's badges.

What the platform asked for stays in the launch session. New checkpoints wait there, too, and are stored when the answer
is signed; the answer is a form that posts itself to the platform, with a button where scripts are off.
"""

from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask import session as flask_session
from sqlalchemy.orm import Session

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.lti.course_service import LINE_ITEM_SCOPE, SCORE_SCOPES
from lti_tool.lti.deep_linking import ContentLink, DeepLinkingAnswer, DeepLinkingSettings
from lti_tool.models import CheckpointKind, Context, Deployment
from lti_tool.services import achievements, checkpoint_drafts, checkpoints, frameworks, sessions
from lti_tool.services.landing import DEEP_LINKING, asked_content
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.checkpoint_form import CheckpointForm
from lti_tool.web.current import services
from lti_tool.web.field_texts import field_text
from lti_tool.web.security import allow_form_action
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("deep_linking", __name__)

DRAFTS = "content_drafts"
"""Key in ``flask.session``: new checkpoints, as typed, that wait to be put into the course."""
MOST = 20
NEW, HOME = "new", "home"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was ticked: rows of checkpoints, positions of drafts, the course's badges, the new checkpoint typed now."""

    checkpoint_ids: list[int]
    drafts: list[int]
    home: bool
    new: bool

    @property
    def number(self) -> int:
        """How many items that is."""
        return len(self.checkpoint_ids) + len(self.drafts) + self.home + self.new

    @classmethod
    def from_request(cls) -> "Choice":
        """Return what the form at hand holds."""
        chosen = request.form.getlist("choose")[: MOST * 5]

        def numbers(prefix: str) -> list[int]:
            ends = (one.removeprefix(prefix) for one in chosen if one.startswith(prefix))
            return list(dict.fromkeys(int(end) for end in ends if end.isascii() and end.isdigit() and len(end) < 10))

        return cls(numbers("checkpoint-"), numbers("draft-"), HOME in chosen, NEW in chosen)


@blueprint.get("/courses/<int:context_id>/content")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def choose(context_id: int) -> str:
    """What can be put into the course."""
    return _page(context_id, _asked(), CheckpointForm(), {})


@blueprint.post("/courses/<int:context_id>/content")
@launch_required(Role.INSTRUCTOR, action=Action.MAP)
def place(context_id: int) -> str | Response:
    """Keep a new checkpoint for later, drop one, give up, or answer the platform."""
    settings, do = _asked(), request.form.get("do", "")
    if do == "cancel":
        return _answer(settings, [], msg=_("Nothing was added."))
    if do.startswith("drop-"):
        flask_session[DRAFTS] = [one for number, one in enumerate(_drafts()) if do != f"drop-{number}"]
        return make_response(redirect(url_for("deep_linking.choose", context_id=context_id), 303))
    form, choice = CheckpointForm.from_request(), Choice.from_request()
    if form.title and (settings.accept_multiple or not choice.number):
        choice = replace(choice, new=True)  # what somebody described is meant, ticked or not
    errors = _problems(context_id, settings, form, choice, is_kept=do == "more")
    if errors:
        return _page(context_id, settings, form, errors)
    if do == "more":
        flask_session[DRAFTS] = [*_drafts(), form.to_document()]
        return make_response(redirect(url_for("deep_linking.choose", context_id=context_id), 303))
    with services().database.write() as session:
        if not sessions.take(session, g.launch, DEEP_LINKING):  # sent twice: what is new is made once
            raise ConflictError("The platform got its answer already.", code="content_not_asked")
        links = _links(session, context_id, settings, form, choice)
    return _answer(settings, links)


def _asked() -> DeepLinkingSettings:
    """What the platform asked for; raises ``ConflictError`` (``content_not_asked``) when it waits for nothing."""
    settings = asked_content(flask_session)
    if settings is None:
        raise ConflictError("The platform does not wait for content.", code="content_not_asked")
    return settings


def _drafts() -> list[dict[str, str]]:
    return list(flask_session.get(DRAFTS, []))


def _problems(
    context_id: int, settings: DeepLinkingSettings, form: CheckpointForm, choice: Choice, *, is_kept: bool
) -> dict[str, str]:
    """What is wrong, by field."""
    if choice.new or is_kept:
        try:
            with services().database.read() as session:
                checkpoint_drafts.check(session, context_id, form.draft())
        except InvalidInputError as error:
            return {error.field or "title": field_text(error)}
    if is_kept:
        return {"title": _("More than %(most)s cannot be added at once.", most=MOST)} if len(_drafts()) >= MOST else {}
    if not choice.number:
        return {"choose": _("Choose at least one.")}
    if choice.number > MOST:
        return {"choose": _("More than %(most)s cannot be added at once.", most=MOST)}
    if choice.number > 1 and not settings.accept_multiple:
        return {"choose": _("Your learning platform takes one at a time here.")}
    return {}


def _links(
    session: Session, context_id: int, settings: DeepLinkingSettings, form: CheckpointForm, choice: Choice
) -> list[ContentLink]:
    """Store what is new and return all chosen items; raises ``NotFoundError`` for what is not this course's."""
    context, now = session.get_one(Context, context_id), services().clock()
    public_url, drafts = services().settings.public_url, _drafts()
    if any(number >= len(drafts) for number in choice.drafts):
        raise NotFoundError("There is no such new checkpoint any more.")
    typed = [CheckpointForm.from_document(drafts[number]) for number in choice.drafts] + [form] * choice.new
    chosen = [checkpoints.get_checkpoint(session, context_id, one) for one in choice.checkpoint_ids]
    chosen += [checkpoints.create(session, context, one.draft(), g.launch.actor, now) for one in typed]
    links = [checkpoints.content_link(one, public_url, with_line_item=settings.accepts_line_items) for one in chosen]
    if choice.home:
        icon = f"{public_url}{checkpoints.ICON}"
        links.insert(0, ContentLink(url=f"{public_url}/", title=_("Badges in this course"), icon_url=icon, custom={}))
    return links


def _answer(settings: DeepLinkingSettings, links: list[ContentLink], msg: str | None = None) -> Response:
    with services().database.read() as session:
        deployment = session.get_one(Deployment, g.launch.deployment_row_id)
        parties = deployment.registration.issuer, deployment.registration.client_id, deployment.deployment_id
    answer = DeepLinkingAnswer(
        settings,
        issuer=parties[0],
        client_id=parties[1],
        deployment_id=parties[2],
        key=services().tool_keys.active(),
        now=services().clock(),
    )
    for key in (DRAFTS, DEEP_LINKING):  # the return address can hold a secret of the person's session (Moodle)
        flask_session.pop(key, None)
    allow_form_action(settings.return_url)
    page = render_template(
        "deep_linking/answer.html",
        return_url=settings.return_url,
        token=answer.token(links, msg=msg),
        titles=[link.title for link in links],
    )
    return make_response(page)


def _page(context_id: int, settings: DeepLinkingSettings, form: CheckpointForm, errors: dict[str, str]) -> str:
    """The page of choices; what was ticked stays ticked."""
    ticked = set(request.form.getlist("choose"))
    with services().database.read() as session:
        context = session.get_one(Context, context_id)
        found: dict[str, Any] = {
            "existing": checkpoints.course_checkpoints(session, context_id),
            "items": frameworks.course_items(session, context_id),
            "badges": achievements.course_achievements(session, context_id),
        }
        scopes = set(context.ags_scopes)
        is_empty = not (found["existing"] or _drafts())
        return render_template(
            "deep_linking/choose.html",
            settings=settings,
            form=form,
            errors=errors,
            drafts=[CheckpointForm.from_document(one) for one in _drafts()],
            ticked=ticked or ({NEW} if is_empty else {f"draft-{number}" for number in range(len(_drafts()))}),
            kinds=CheckpointKind,
            can_send=bool(scopes & set(SCORE_SCOPES)),
            can_make=LINE_ITEM_SCOPE in scopes,
            **found,
        )
