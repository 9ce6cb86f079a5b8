"""A learner's pages inside the course: progress, the claim, and what becomes of a claimed badge.

Looking never offers, claims or issues anything; each change is one button.
"""

from typing import cast

import structlog
from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import ForbiddenError, NotClaimableError, ToolError
from lti_tool.services import issuing, wallet
from lti_tool.services.overview import course_state
from lti_tool.services.sessions import LaunchView
from lti_tool.services.wakeups import ISSUE_CREDENTIAL
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.learner_words import linkedin_address, place_lines, refusal_words
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import Voice, clause_lines, sentence

blueprint = Blueprint("learner", __name__)
log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.web")


def launch() -> LaunchView:
    """Return the launch of this request."""
    return cast("LaunchView", g.launch)


def known_user() -> int:
    """Return who this is; raises ``ForbiddenError`` (``anonymous_read_only``) when the platform did not say."""
    user_id = launch().user_id
    if user_id is None:
        raise ForbiddenError("The platform did not say who this is.", code="anonymous_read_only")
    return user_id


@blueprint.get("/courses/<int:context_id>/mine")
@launch_required(Role.LEARNER)
def home(context_id: int) -> str:
    """My badges in this course: what is ready on top, what I have, then how far I am."""
    user_id = launch().user_id
    with services().database.read() as session:
        state = course_state(session, context_id)
        if user_id is None:
            offers = wallet.open_achievements(session, context_id)
            return render_template("learner/anonymous.html", offers=offers, course=state)
        mine = wallet.course_wallet(session, context_id, user_id, services().clock())
    coming = [
        (one, clause_lines(one.judgement, voice=Voice.LEARNER, platform=state.platform, titles=mine.titles))
        for one in mine.coming
        if one.judgement is not None
    ]
    return render_template("learner/home.html", mine=mine, coming=coming, course=state)


# -- the claim --------------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:context_id>/mine/awards/<int:award_id>")
@launch_required(Role.LEARNER)
def award(context_id: int, award_id: int) -> Response:
    """What the badge says about me and who will see it, before I claim it; why, when I cannot."""
    user_id = known_user()
    with services().database.read() as session:
        offer = wallet.get_offer(session, context_id, user_id, award_id, services().clock())
        state = course_state(session, context_id)
    if offer.credential_id is not None:
        return make_response(_to_badge(context_id, offer.credential_id))
    lines = []
    if offer.judgement is not None:
        lines = clause_lines(offer.judgement, voice=Voice.LEARNER, platform=state.platform, titles=offer.titles)
    is_open = offer.award.state is AwardState.OFFERED
    html = render_template("learner/award.html", offer=offer, lines=lines, course=state, is_open=is_open)
    return make_response(html)


@blueprint.post("/courses/<int:context_id>/mine/awards/<int:award_id>/claim")
@launch_required(Role.LEARNER, action=Action.CLAIM)
def claim(context_id: int, award_id: int) -> Response:
    """Claim the badge, and sign it at once."""
    user_id, show_name = known_user(), request.form.get("show_name") == "yes"
    if launch().is_test_user:
        raise NotClaimableError("Test users see badges but cannot claim them.", code="test_user")
    try:
        with services().database.write() as session:
            made = issuing.claim(session, context_id, award_id, user_id, show_name=show_name, now=services().clock())
    except NotClaimableError as error:
        if error.code == "test_user":
            raise
        flash(_why_not_now(context_id, award_id, error.code), "warning")
        return _to_award(context_id, award_id)
    if made is None:
        flash(_("This badge is not offered any more: what it needs has changed since. The reason is below."), "warning")
        return _to_award(context_id, award_id)
    sign_now(made.version_id)
    return _to_badge(context_id, made.credential_id)


def _why_not_now(context_id: int, award_id: int, code: str) -> str:
    """Return why the claim was refused, with the reason of today's judgement where that is what is unknown."""
    words = refusal_words(code)
    if code != "evidence_unknown":
        return words
    with services().database.read() as session:
        offer = wallet.get_offer(session, context_id, known_user(), award_id, services().clock())
        state = course_state(session, context_id)
    if offer.judgement is None:
        return words
    return f"{words} {sentence(offer.judgement, voice=Voice.LEARNER, platform=state.platform)}"


def sign_now(version_id: int) -> bool:
    """Sign a claimed badge before its page shows; ``False`` when that failed and is left to the sweep."""
    try:
        with services().database.read() as session:
            unsigned = issuing.compose(session, version_id, services().vault)
        if unsigned is not None:
            text = issuing.sign(unsigned)
            with services().database.write() as session:
                issuing.store_signed(session, version_id, text, services().clock())
    except ToolError as error:
        log.error("issuing.failed", version_id=version_id, error_code=error.code)
        services().queue.wake(ISSUE_CREDENTIAL, version_id)
        return False
    return True


def _to_award(context_id: int, award_id: int) -> Response:
    return make_response(redirect(url_for("learner.award", context_id=context_id, award_id=award_id), 303))


def _to_badge(context_id: int, credential_id: int) -> Response:
    return make_response(redirect(url_for("learner.badge", context_id=context_id, credential_id=credential_id), 303))


# -- a claimed badge --------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:context_id>/mine/badges/<int:credential_id>")
@launch_required(Role.LEARNER)
def badge(context_id: int, credential_id: int) -> str:
    """A claimed badge: keep it, share it, or leave it."""
    with services().database.read() as session:
        mine = wallet.get_badge(session, context_id, launch().user_id, credential_id)
    page_url = services().settings.public_url + url_for("public.credential", public_id=mine.credential.public_id)
    return render_template(
        "learner/badge.html",
        mine=mine,
        page_url=page_url,
        places=place_lines(mine.places, services().clock()),
        linkedin=linkedin_address(mine, page_url),
    )


@blueprint.post("/courses/<int:context_id>/mine/badges/<int:credential_id>/share")
@launch_required(Role.LEARNER, action=Action.SHARE)
def share(context_id: int, credential_id: int) -> Response:
    """Open the badge's page to whoever has its address."""
    with services().database.write() as session:
        mine = wallet.get_credential(session, context_id, known_user(), credential_id)
        wallet.share(session, mine, launch().actor, services().clock())
    flash(_("The badge's page is open. Whoever has its address can see it."), "success")
    return _to_badge(context_id, credential_id)


@blueprint.post("/courses/<int:context_id>/mine/badges/<int:credential_id>/withdraw")
@launch_required(Role.LEARNER, action=Action.SHARE)
def withdraw(context_id: int, credential_id: int) -> Response:
    """Close the badge's page."""
    with services().database.write() as session:
        mine = wallet.get_credential(session, context_id, known_user(), credential_id)
        wallet.withdraw(session, mine, launch().actor, services().clock())
    flash(_("The badge's page is closed. Copies you gave away can still be checked."), "success")
    return _to_badge(context_id, credential_id)
