"""What a person reads when a step about an award, a run or a review is not possible, by code."""

from flask_babel import lazy_gettext as _l

from lti_tool.web.wording import Message

_LOOK_AGAIN = _l("Open the page again to see how things are now.")

AWARD_MESSAGES: dict[str, Message] = {
    # -- a learner claims -------------------------------------------------------------------------------------------
    "evidence_unknown": Message(
        _l("This badge cannot be claimed at this moment"),
        _l("It can't be told right now whether it is still earned. The offer stands."),
        (_l("Try again later. If it stays like this, ask your instructor."),),
    ),
    "award_lapsed": Message(
        _l("This offer has ended"),
        _l("By today's grades the badge is not earned any more."),
        (_l("Open the badge to see what is missing."),),
    ),
    "award_declined": Message(
        _l("You let this offer go"),
        _l("A badge that was declined is not offered again by itself."),
        (_l("Ask your instructor if you have changed your mind."),),
    ),
    "award_suspended": Message(
        _l("This badge is suspended"),
        _l("Somebody has to look at it before it holds again."),
        (_l("Open the badge to see why."),),
    ),
    "award_revoked": Message(
        _l("This badge was revoked"),
        _l("It was taken back and cannot be claimed."),
        (_l("Open the badge to see why."),),
    ),
    "achievement_retired": Message(
        _l("This badge is not awarded any more"),
        _l("Its course has retired it, so nothing was claimed."),
        (_l("Ask your instructor."),),
    ),
    "appeal_not_possible": Message(
        _l("There is nothing to ask about here"),
        _l("You have this badge, or can take it."),
        (_LOOK_AGAIN,),
    ),
    # -- an instructor decides --------------------------------------------------------------------------------------
    "award_barred": Message(
        _l("This badge is not to be awarded again"),
        _l("Somebody decided that this learner does not get this badge again. Nothing was changed."),
        (_l("Lift that decision on the learner's page first."),),
    ),
    "not_a_learner": Message(
        _l("Only learners can be given badges"),
        _l("One of the people teaches here, is a test user, or is not in the course. Nobody was given anything."),
        (_l("Choose learners of this course only."),),
    ),
    "achievement_not_live": Message(
        _l("This badge is not live"),
        _l("Only a badge that is live can be given to somebody. Nothing was changed."),
        (_l("Publish the badge first."),),
    ),
    "preview_outdated": Message(
        _l("Something has changed since the preview"),
        _l("The table would do something else by now than what you saw. Nothing was changed."),
        (_l("Look at the preview once more, then confirm it."),),
    ),
    "transition_refused": Message(
        _l("This step is not possible now"),
        _l("The badge does not stand as the page showed any more. Nothing was changed."),
        (_LOOK_AGAIN,),
    ),
    "review_is_appeal": Message(
        _l("This is a learner's message"),
        _l("A message is answered. Nothing was changed."),
        (_l("Open it and write an answer."),),
    ),
    "review_not_appeal": Message(
        _l("This is not a learner's message"),
        _l("A changed grade is decided: keep, suspend or revoke. Nothing was changed."),
        (_l("Open it and decide."),),
    ),
    "review_outcome_refused": Message(
        _l("That cannot be decided here"),
        _l("A badge in question is kept, suspended or revoked. Nothing was changed."),
        (_l("Choose one of these."),),
    ),
    # -- runs -------------------------------------------------------------------------------------------------------
    "run_held": Message(
        _l("This run is on hold"),
        _l("None of it was done yet, so there is nothing to undo."),
        (_l("Release the run, or dismiss it."),),
    ),
    "run_not_held": Message(
        _l("This run is not on hold"),
        _l("It was done at once, so there is nothing to release. Nothing was changed."),
        (_LOOK_AGAIN,),
    ),
    "run_released": Message(
        _l("This run was released before"),
        _l("Somebody released it already. Nothing was changed."),
        (_l("Undo the run if it was wrong."),),
    ),
    "run_dismissed": Message(
        _l("This run was dismissed before"),
        _l("Somebody decided that none of it is done. Nothing was changed."),
        (_LOOK_AGAIN,),
    ),
    "run_undone": Message(
        _l("This run was undone before"),
        _l("Somebody took it back already. Nothing was changed."),
        (_LOOK_AGAIN,),
    ),
    "run_not_dismissed": Message(
        _l("This run was not dismissed"),
        _l("Only what was dismissed can be decided anew. Nothing was changed."),
        (_LOOK_AGAIN,),
    ),
}
