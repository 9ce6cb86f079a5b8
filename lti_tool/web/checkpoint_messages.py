"""What a person reads when a step at a checkpoint is not possible, by code."""

from flask_babel import lazy_gettext as _l

from lti_tool.web.wording import Message

CHECKPOINT_MESSAGES: dict[str, Message] = {
    "content_not_asked": Message(
        _l("Your learning platform does not wait for a choice"),
        _l("The choice was made already, or this page was opened by its address."),
        (_l("Begin again in your course, where you add an activity."),),
    ),
    "checkpoint_not_open": Message(
        _l("This checkpoint takes no work now"),
        _l("It is not open yet, or it has closed. Nothing was handed in."),
        (_l("Open the checkpoint again to see its dates, or ask your instructor."),),
    ),
    "checkpoint_takes_no_work": Message(
        _l("Nothing is handed in at this checkpoint"),
        _l("Your instructor assesses it without work that is sent here."),
        (_l("Ask your instructor what to do."),),
    ),
    "checkpoint_not_assessed": Message(
        _l("Nothing is assessed here"),
        _l("This checkpoint is of another kind. Nothing was changed."),
        (_l("Go back to the list of checkpoints."),),
    ),
    "assesses_own_work": Message(
        _l("This is your own work"),
        _l("Nobody assesses what they handed in themselves. Nothing was changed."),
        (_l("Ask another instructor of the course to assess it."),),
    ),
    "link_fixed": Message(
        _l("These belong together"),
        _l("They are two views of one checkpoint of this tool. Nothing was changed."),
        (_l("Go back to the page before."),),
    ),
    "link_same_source": Message(
        _l("These cannot be the same work"),
        _l("One source would then show the same work twice. Nothing was changed."),
        (_l("Take back the other link of this work first, then confirm this one."),),
    ),
    "submissions_exhausted": Message(
        _l("You have handed in too often here"),
        _l("Work can be handed in fifty times at one checkpoint."),
        (_l("Ask your instructor."),),
    ),
    "test_user_hands_in": Message(
        _l("Preview users hand nothing in"),
        _l("You are here as a preview or test user, so nothing is kept."),
        (_l("Open the checkpoint as a learner to hand something in."),),
    ),
}
