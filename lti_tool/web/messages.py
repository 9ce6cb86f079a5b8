"""What a person reads when something was refused or failed: per code a title, what happened, and what to try."""

from flask_babel import lazy_gettext as _l

from lti_tool.errors import ToolError
from lti_tool.web.award_messages import AWARD_MESSAGES
from lti_tool.web.checkpoint_messages import CHECKPOINT_MESSAGES
from lti_tool.web.grant_messages import GRANT_MESSAGES
from lti_tool.web.launch_messages import LAUNCH_MESSAGES
from lti_tool.web.registration_messages import REGISTRATION_MESSAGES
from lti_tool.web.wording import ASK_ADMIN, LATER, RELAUNCH, TELL_ADMIN, Message

_ELSEWHERE = LAUNCH_MESSAGES | REGISTRATION_MESSAGES | CHECKPOINT_MESSAGES | AWARD_MESSAGES | GRANT_MESSAGES

MESSAGES: dict[str, Message] = _ELSEWHERE | {
    # -- general ----------------------------------------------------------------------------------------------------
    "internal": Message(
        _l("Something went wrong here"),
        _l("The tool made a mistake. It is not yours, and it was written down for the people who run it."),
        (LATER, ASK_ADMIN),
    ),
    "settings_incomplete": Message(
        _l("The tool is not set up completely"),
        _l("A setting is missing that this page needs."),
        (TELL_ADMIN,),
    ),
    "not_found": Message(
        _l("There is nothing here"),
        _l("The address is wrong, or what was here is not there for you any more."),
        (_l("Check the address, or go back and follow the link again."),),
    ),
    "method_not_allowed": Message(
        _l("This address cannot be used that way"),
        _l("The page was asked for in a way it does not answer."),
        (_l("Go back and use the buttons on the page."),),
    ),
    "too_large": Message(
        _l("That is too large"),
        _l("What was sent is larger than this page accepts."),
        (_l("Choose a smaller file and send it again."),),
    ),
    "bad_request": Message(
        _l("This could not be understood"),
        _l("Something in the request is missing or has the wrong form."),
        (_l("Go back, check what you entered and try again."),),
    ),
    "forbidden": Message(
        _l("This is not for your role"),
        _l("Your role does not allow this page."),
        (_l("Go back. If you need this page, ask the person who looks after the tool."),),
    ),
    "action_not_allowed": Message(
        _l("Somebody else has to do this"),
        _l("Your institution's policy leaves this step to another role."),
        (_l("Ask for approval, or ask the person who looks after the tool."),),
    ),
    "instructor_only": Message(
        _l("This page is for instructors"),
        _l("You came to this course as somebody who does not teach it."),
        (_l("Go back to your own badges in this course."),),
    ),
    "learner_only": Message(
        _l("This page is for learners"),
        _l("You came to this course as somebody who does not learn in it."),
        (_l("Go back to the badges of this course."),),
    ),
    "other_course": Message(
        _l("This page belongs to another course"),
        _l("You opened another course meanwhile, perhaps in another tab. This page was closed to keep the two apart."),
        (_l("Open the tool from that course again."),),
    ),
    "anonymous_read_only": Message(
        _l("You can look, but not change anything"),
        _l("Your learning platform did not say who you are, so nothing can be kept for you."),
        (_l("Ask the person who looks after your learning platform to share user identifiers with this tool."),),
    ),
    "foreign_origin": Message(
        _l("This came from another site"),
        _l("To protect you, changes are accepted from this tool's own pages only."),
        (
            _l("Open the page again and use its button."),
            _l("If that does not help, use a current version of your browser."),
        ),
    ),
    "form_expired": Message(
        _l("This form is out of date"),
        _l(
            "It was open too long, or somebody else opened the tool in this browser meanwhile, perhaps in another tab. "
            "Nothing was changed."
        ),
        (_l("Open the page again, from your course if it is in one, and send the form once more."),),
    ),
    "invalid_input": Message(
        _l("Something you entered cannot be used"),
        _l("One of the entries is missing or has the wrong form. Nothing was changed."),
        (_l("Go back, check what you entered and try again."),),
    ),
    "rule_invalid": Message(
        _l("This rule cannot be used"),
        _l("The rule is incomplete or contradicts itself. Nothing was changed."),
        (_l("Go back and complete the rule."),),
    ),
    "picture_invalid": Message(
        _l("This picture cannot be used"),
        _l("The file is not a picture this tool can read, or it is too large."),
        (_l("Use a PNG or SVG picture."),),
    ),
    "conflict": Message(
        _l("This has changed meanwhile"),
        _l("Somebody or something else was faster, so this step is not possible any more. Nothing was changed."),
        (_l("Open the page again to see how things are now."),),
    ),
    "rate_limited": Message(
        _l("Too many requests"),
        _l("Many requests came from one place within a short time."),
        (LATER,),
    ),
    "session_expired": Message(
        _l("Your session has ended"),
        _l("You were away for more than thirty minutes, or this page was opened without your course."),
        (RELAUNCH,),
    ),
    "context_missing": Message(
        _l("This was opened outside a course"),
        _l("Badges belong to courses, and your learning platform named none."),
        (_l("Open the tool from a course."),),
    ),
    # -- staff ------------------------------------------------------------------------------------------------------
    "staff_session_expired": Message(
        _l("Please sign in"),
        _l("You are not signed in, or you were away for more than thirty minutes."),
        (_l("Use your one-time link, or ask another admin for a new one."),),
    ),
    "invite_unknown": Message(
        _l("This link is not known"),
        _l("The link is incomplete, or a newer one replaced it."),
        (_l("Copy the whole link, or ask for a new one."),),
    ),
    "invite_used": Message(
        _l("This link was used before"),
        _l("Each link works once."),
        (_l("If it was not you, tell the admin at once. Otherwise ask for a new link."),),
    ),
    "invite_expired": Message(
        _l("This link has ended"),
        _l("Links are good for three days, and a newer link ends the older one."),
        (_l("Ask for a new link."),),
    ),
    "deployment_decided": Message(
        _l("This was decided before"),
        _l("Somebody accepted or refused this deployment already. Nothing was changed."),
        (_l("Open the list again to see how things are now."),),
    ),
    # -- other hosts ------------------------------------------------------------------------------------------------
    "host_unavailable": Message(
        _l("Another service does not answer"),
        _l("This step needs another service, which failed."),
        (LATER, ASK_ADMIN),
    ),
    "platform_unavailable": Message(
        _l("Your learning platform does not answer"),
        _l("The tool asked it for something and got no usable answer. Nothing is lost."),
        (LATER, ASK_ADMIN),
    ),
    "missing_scope": Message(
        _l("The tool lacks a permission"),
        _l("Your learning platform has not allowed this tool to do that."),
        (_l("Ask the person who looks after your learning platform to grant it."), TELL_ADMIN),
    ),
    "backpack_unavailable": Message(
        _l("The backpack does not answer"),
        _l("Your badge is safe here. It will be sent again by itself."),
        (LATER,),
    ),
    "backpack_refused": Message(
        _l("The backpack did not take the badge"),
        _l("Your badge is safe here, but this backpack refused it."),
        (_l("Download the badge instead, or connect another backpack."),),
    ),
    "backpack_consent_needed": Message(
        _l("The backpack asks for your consent again"),
        _l("The connection to your backpack has ended."),
        (_l("Connect the backpack again."),),
    ),
    # -- making badges ----------------------------------------------------------------------------------------------
    "upload_decided": Message(
        _l("This was decided before"),
        _l("Somebody decided about this file already. Nothing was changed."),
        (_l("Open the list again to see how things are now."),),
    ),
    "copy_decided": Message(
        _l("This was decided before"),
        _l("Somebody decided about the copied course already. Nothing was changed."),
        (_l("Open the page again to see how things are now."),),
    ),
    "copy_in_use": Message(
        _l("What came with the course is in use"),
        _l("Somebody has built upon it, so it can only be removed piece by piece. Nothing was changed."),
        (_l("Open the badges and skills that you do not want, and remove them there."),),
    ),
    "badge_incomplete": Message(
        _l("This badge is not complete"),
        _l("It has no rule yet, so nobody could earn it."),
        (_l("Go back, say how the badge is earned, and try again."),),
    ),
    "badge_locked": Message(
        _l("This badge cannot be changed now"),
        _l("It is live or waits for approval, so what it says and how it is earned stay as they are."),
        (_l("Take it back while it waits for approval, or make another badge."),),
    ),
    "mapping_locked": Message(
        _l("Your organization keeps this locked"),
        _l("It comes from a template of your organization, which says what counts. Nothing was changed."),
        (_l("Ask the registrar or admin of your institution, who look after the template."),),
    ),
    "column_bound": Message(
        _l("This work is taken"),
        _l("It counts for something else already, and work can stand for one thing of a template only."),
        (_l("Choose other work, or free this one first."),),
    ),
    "competency_used": Message(
        _l("This skill is in use"),
        _l("Work counts for it, or a badge names it or did. Nothing was changed."),
        (_l("Take it out of the rules and of what counts first."),),
    ),
    "course_empty": Message(
        _l("There is nothing to take from this course"),
        _l("The course has no badge with a rule yet."),
        (_l("Choose another course, or finish a badge there first."),),
    ),
    "approval_decided": Message(
        _l("This was decided before"),
        _l("The badge does not wait for approval any more. Nothing was changed."),
        (_l("Open the list again to see what waits."),),
    ),
    # -- badges -----------------------------------------------------------------------------------------------------
    "not_claimable": Message(
        _l("This badge cannot be claimed now"),
        _l("What it needs has changed since it was offered."),
        (_l("Open your badges to see why."),),
    ),
    "test_user": Message(
        _l("Preview users cannot keep badges"),
        _l("You are here as a preview or test user, so nothing is awarded for real."),
        (_l("Open the course as a learner to claim badges."),),
    ),
    "issuing_failed": Message(
        _l("The badge could not be made"),
        _l("It was not signed, and nothing half-done was kept. Your claim is not lost."),
        (LATER, ASK_ADMIN),
    ),
    "credential_invalid": Message(
        _l("This is not a badge that can be read"),
        _l("The document is not a badge, or a check on it failed."),
        (_l("Use the file or link exactly as you received it."),),
    ),
    "subject_not_bound": Message(
        _l("This form of the badge does not exist"),
        _l("It would need an identifier of its owner, which this badge does not carry."),
        (_l("Use another form of the badge."),),
    ),
}


def message_for(error: ToolError) -> Message:
    """Return the texts for an error: of its own code, else of the nearest class above that has some."""
    codes = [error.code, *(one.code for one in type(error).__mro__ if issubclass(one, ToolError))]
    return next(MESSAGES[code] for code in codes if code in MESSAGES)
