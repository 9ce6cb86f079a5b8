"""What a person reads when something was refused or failed: per code a title, what happened, and what to try."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.errors import ToolError


@dataclass(frozen=True, slots=True)
class Message:
    """Texts for one code; lazy, so that each reader gets their language."""

    title: Any
    happened: Any
    remedies: tuple[Any, ...]


_RELAUNCH = _l("Go back to your course and open this tool from there again.")
_ASK_ADMIN = _l("If it stays like this, tell the person who looks after your learning platform, with the code below.")
_TELL_ADMIN = _l("Tell the person who looks after your learning platform, with the code below.")
_LATER = _l("Wait a minute and try again.")

_NOT_SAFE = _l("This launch could not be checked")
_AGAIN_OR_ADMIN = (_RELAUNCH, _ASK_ADMIN)

MESSAGES: dict[str, Message] = {
    # -- general ----------------------------------------------------------------------------------------------------
    "internal": Message(
        _l("Something went wrong here"),
        _l("The tool made a mistake. It is not yours, and it was written down for the people who run it."),
        (_LATER, _ASK_ADMIN),
    ),
    "settings_incomplete": Message(
        _l("The tool is not set up completely"),
        _l("A setting is missing that this page needs."),
        (_TELL_ADMIN,),
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
        _l(
            "You opened another course meanwhile, perhaps in another tab, so this page was closed to keep the two apart."
        ),
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
        _l("This page was open too long"),
        _l("The form belongs to a session that has ended. Nothing was changed."),
        (_l("Open the page again and send the form once more."),),
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
        (_LATER,),
    ),
    "session_expired": Message(
        _l("Your session has ended"),
        _l("You were away for more than thirty minutes, or this page was opened without your course."),
        (_RELAUNCH,),
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
    # -- launches ---------------------------------------------------------------------------------------------------
    "launch_refused": Message(
        _NOT_SAFE, _l("Something in the launch was not as it must be, so it was refused."), _AGAIN_OR_ADMIN
    ),
    "launch_request_invalid": Message(
        _l("This launch is incomplete"),
        _l("The learning platform left out something a launch needs, or this address was opened directly."),
        _AGAIN_OR_ADMIN,
    ),
    "platform_unknown": Message(
        _l("This learning platform is not registered here"),
        _l("The tool does not know the platform that sent you, or knows it under other names."),
        (_l("Ask the person who looks after your learning platform to register it with this tool."), _TELL_ADMIN),
    ),
    "platform_disabled": Message(
        _l("This learning platform was switched off here"),
        _l("An admin of this tool disabled the connection to your learning platform."),
        (_TELL_ADMIN,),
    ),
    "platform_refused_login": Message(
        _l("Your learning platform stopped the launch"),
        _l("It did not confirm who you are. Perhaps you are signed out there."),
        (_l("Sign in to your learning platform again, then open the tool from your course."), _ASK_ADMIN),
    ),
    "state_unknown": Message(
        _l("This launch is not known here"), _l("It was never begun here, or long ago."), _AGAIN_OR_ADMIN
    ),
    "launch_replayed": Message(
        _l("This launch was used before"),
        _l("Each launch works once. Loading the page again or going back sends the old one."),
        (_RELAUNCH,),
    ),
    "state_expired": Message(
        _l("This launch took too long"), _l("A launch must be finished within ten minutes."), (_RELAUNCH,)
    ),
    "browser_mismatch": Message(
        _l("This launch was begun in another browser"),
        _l("For your safety a launch must end in the browser where it began."),
        _AGAIN_OR_ADMIN,
    ),
    "cookies_blocked": Message(
        _l("Your browser keeps this tool from starting here"),
        _l("It blocks the cookie that shows that this launch is yours."),
        (_l("Open the tool in a window of its own."), _l("Or allow cookies for this site and try again.")),
    ),
    "nonce_mismatch": Message(
        _NOT_SAFE, _l("The platform's answer does not belong to the launch that was begun."), _AGAIN_OR_ADMIN
    ),
    "token_malformed": Message(
        _NOT_SAFE, _l("The platform's answer is not a signed message that can be read."), _AGAIN_OR_ADMIN
    ),
    "token_algorithm": Message(
        _NOT_SAFE, _l("The platform's answer is not signed in the way the standard asks for."), (_TELL_ADMIN,)
    ),
    "token_key_unknown": Message(
        _NOT_SAFE,
        _l("The platform's answer is signed with a key that the platform does not publish."),
        (_LATER, _TELL_ADMIN),
    ),
    "token_signature": Message(_NOT_SAFE, _l("The signature of the platform's answer is wrong."), _AGAIN_OR_ADMIN),
    "token_expired": Message(_l("This launch is too old"), _l("The platform's answer has run out."), _AGAIN_OR_ADMIN),
    "token_time": Message(
        _NOT_SAFE,
        _l("The time in the platform's answer is wrong. One of the two clocks may be off."),
        (_RELAUNCH, _TELL_ADMIN),
    ),
    "token_claim": Message(
        _l("This launch is incomplete"),
        _l("The platform's answer lacks something a launch needs, or it has the wrong form."),
        (_TELL_ADMIN,),
    ),
    "token_audience": Message(_NOT_SAFE, _l("The platform's answer is meant for another tool."), (_TELL_ADMIN,)),
    "token_party": Message(_NOT_SAFE, _l("The platform's answer names another party than this tool."), (_TELL_ADMIN,)),
    "token_issuer": Message(
        _NOT_SAFE, _l("The answer came from another platform than the one where the launch began."), (_TELL_ADMIN,)
    ),
    "target_link_foreign": Message(
        _l("This link leads to another tool"),
        _l("The link in your course points to an address that is not this tool's."),
        (_l("Ask your instructor to add the link again."), _TELL_ADMIN),
    ),
    "deployment_pending": Message(
        _l("Almost there: an admin has to accept this installation"),
        _l("The tool was installed in a new place of your learning platform and waits to be accepted."),
        (
            _l("Ask the admin of this tool to accept it; it is on their first page."),
            _l("Then open the tool from your course again."),
        ),
    ),
    "deployment_disabled": Message(
        _l("This installation was refused"),
        _l("An admin of this tool refused or disabled this installation."),
        (_TELL_ADMIN,),
    ),
    "message_unsupported": Message(
        _l("This tool cannot be used in this place"),
        _l("Your learning platform asked for something this tool does not offer."),
        (_l("Add the tool to a course and open it from there."), _ASK_ADMIN),
    ),
    # -- other hosts ------------------------------------------------------------------------------------------------
    "host_unavailable": Message(
        _l("Another service does not answer"),
        _l("This step needs another service, which failed."),
        (_LATER, _ASK_ADMIN),
    ),
    "platform_unavailable": Message(
        _l("Your learning platform does not answer"),
        _l("The tool asked it for something and got no usable answer. Nothing is lost."),
        (_LATER, _ASK_ADMIN),
    ),
    "missing_scope": Message(
        _l("The tool lacks a permission"),
        _l("Your learning platform has not allowed this tool to do that."),
        (_l("Ask the person who looks after your learning platform to grant it."), _TELL_ADMIN),
    ),
    "backpack_unavailable": Message(
        _l("The backpack does not answer"),
        _l("Your badge is safe here. It will be sent again by itself."),
        (_LATER,),
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
        (_LATER, _ASK_ADMIN),
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
