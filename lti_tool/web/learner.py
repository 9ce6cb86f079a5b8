"""A learner's pages inside the course: progress, the claim, and what becomes of a claimed badge.

Looking never offers, claims or issues anything; each change is one button.
"""

from typing import Any, cast

import structlog
from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.domain.award_policy import AwardPolicy
from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import ForbiddenError, NotClaimableError, NotFoundError, ToolError
from lti_tool.services import course_wallet, issuing, notices, reissuing, second_face, wallet
from lti_tool.services.course_wallet import BadgeProgress
from lti_tool.services.overview import CourseState, course_state
from lti_tool.services.sessions import LaunchView
from lti_tool.services.wakeups import ISSUE_CREDENTIAL
from lti_tool.web.access import Action, Role, launch_required
from lti_tool.web.current import services
from lti_tool.web.decision_texts import policy_lines
from lti_tool.web.download_words import download_lines, older_lines
from lti_tool.web.learner_checklist import checklist, checkpoint_links, told_lines
from lti_tool.web.learner_words import linkedin_address, place_lines, refusal_words
from lti_tool.web.notice_texts import ANSWERS, SAID_BY_THE_PAGE
from lti_tool.web.standing_words import standing_lines
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import ClauseLine, Voice, clause_lines, sentence

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
        return render_template("learner/home.html", course=state, **_home(session, context_id, user_id, state))


def _home(session: Session, context_id: int, user_id: int, state: CourseState) -> dict[str, Any]:
    """Return what the page shows: badges with their checklists, and what there is to tell."""
    now = services().clock()
    mine = course_wallet.course_wallet(session, context_id, user_id, now)
    links = checkpoint_links(session, context_id, now)
    names = course_wallet.badge_names(session, context_id)
    unseen = [one for one in notices.unseen(session, user_id, context_id) if one.code not in SAID_BY_THE_PAGE]
    is_test_user = launch().is_test_user

    def with_words(one: BadgeProgress) -> tuple[BadgeProgress, list[str], list[ClauseLine]]:
        lines = [] if one.explanation is None else checklist(one.explanation, state.platform, links)
        return one, standing_lines(one, now=now, is_test_user=is_test_user), lines

    return {
        "ready": mine.ready,
        "kept": [with_words(one) for one in mine.kept],
        "coming": [with_words(one) for one in mine.coming],
        "told": told_lines(unseen, names, state.platform),
        "history": told_lines(notices.history(session, user_id, context_id), names, state.platform),
    }


# -- the claim --------------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:context_id>/mine/awards/<int:award_id>")
@launch_required(Role.LEARNER)
def award(context_id: int, award_id: int) -> Response:
    """What the badge says about me and who will see it, before I claim it; the badge's progress, when I cannot."""
    user_id = known_user()
    with services().database.read() as session:
        offer = wallet.get_offer(session, context_id, user_id, award_id, services().clock())
        state = course_state(session, context_id)
    if offer.credential_id is not None:
        return make_response(_to_badge(context_id, offer.credential_id))
    if offer.award.state is not AwardState.OFFERED:
        return _to_progress(context_id, offer)
    now = services().clock()
    lines = []
    if offer.judgement is not None:
        lines = clause_lines(offer.judgement, voice=Voice.LEARNER, platform=state.platform, titles=offer.titles)
    policy = AwardPolicy.from_document(offer.policy)
    html = render_template(
        "learner/award.html",
        offer=offer,
        lines=lines,
        course=state,
        valid_until=policy.valid_until(now),
        policy=policy_lines(policy, now),
    )
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
            if made is not None:
                notices.mark_award_seen(session, user_id, award_id, services().clock())
    except NotClaimableError as error:
        if error.code == "test_user":
            raise
        if error.code == "award_held":  # its learner never saw this offer
            raise NotFoundError("There is no such badge for you here.") from error
        flash(_why_not_now(context_id, award_id, error.code), "warning")
        return _to_award(context_id, award_id)
    if made is None:
        flash(_("This badge is not offered any more: what it needs has changed since. The reason is below."), "warning")
        with services().database.read() as session:
            return _to_progress(
                context_id, wallet.get_offer(session, context_id, user_id, award_id, services().clock())
            )
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


def _to_progress(context_id: int, offer: wallet.Offer) -> Response:
    """Lead to the badge's progress; raises ``NotFoundError`` for an offer that its learner never saw."""
    if not offer.is_known:
        raise NotFoundError("There is no such badge for you here.")
    target = url_for("learner_progress.progress", context_id=context_id, achievement_id=offer.award.achievement_id)
    return make_response(redirect(target, 303))


def _to_award(context_id: int, award_id: int) -> Response:
    return make_response(redirect(url_for("learner.award", context_id=context_id, award_id=award_id), 303))


def _to_badge(context_id: int, credential_id: int) -> Response:
    return make_response(redirect(url_for("learner.badge", context_id=context_id, credential_id=credential_id), 303))


# -- a claimed badge --------------------------------------------------------------------------------------------------


@blueprint.get("/courses/<int:context_id>/mine/badges/<int:credential_id>")
@launch_required(Role.LEARNER)
def badge(context_id: int, credential_id: int) -> str:
    """A claimed badge: keep it, share it, or leave it."""
    now = services().clock()
    with services().database.read() as session:
        mine = wallet.get_badge(session, context_id, launch().user_id, credential_id)
        one = course_wallet.progress_of_award(session, mine.award, now)
        platform = course_state(session, context_id).platform
        told = [one for one in notices.about_award(session, mine.award.id) if one.code not in ANSWERS]
        hosted = second_face.find_hosted(session, mine.credential)
        has_older = hosted is not None and not second_face.is_revoked(hosted)
        choices = reissuing.choices(mine.credential)
        places = place_lines(mine.places, now)
    achievement_id = mine.award.achievement_id
    page_url = services().settings.public_url + url_for("public.credential", public_id=mine.credential.public_id)
    return render_template(
        "learner/badge.html",
        mine=mine,
        state=one.state,
        sentences=standing_lines(one, now=now),
        told=told_lines(told[:1], {achievement_id: mine.version.name}, platform),
        page_url=page_url,
        progress_url=url_for("learner_progress.progress", context_id=context_id, achievement_id=achievement_id),
        places=places,
        linkedin=linkedin_address(mine, page_url),
        downloads=download_lines(mine),
        older_downloads=older_lines(mine) if has_older else [],
        choices=choices,
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
