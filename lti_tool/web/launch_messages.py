"""What a person reads when a login or launch was refused, by code."""

from flask_babel import lazy_gettext as _l

from lti_tool.web.wording import ASK_ADMIN, LATER, RELAUNCH, TELL_ADMIN, Message

_NOT_SAFE = _l("This launch could not be checked")
_AGAIN_OR_ADMIN = (RELAUNCH, ASK_ADMIN)

LAUNCH_MESSAGES: dict[str, Message] = {
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
        (_l("Ask the person who looks after your learning platform to register it with this tool."), TELL_ADMIN),
    ),
    "platform_disabled": Message(
        _l("This learning platform was switched off here"),
        _l("An admin of this tool disabled the connection to your learning platform."),
        (TELL_ADMIN,),
    ),
    "platform_refused_login": Message(
        _l("Your learning platform stopped the launch"),
        _l("It did not confirm who you are. Perhaps you are signed out there."),
        (_l("Sign in to your learning platform again, then open the tool from your course."), ASK_ADMIN),
    ),
    "state_unknown": Message(
        _l("This launch is not known here"), _l("It was never begun here, or long ago."), _AGAIN_OR_ADMIN
    ),
    "launch_replayed": Message(
        _l("This launch was used before"),
        _l("Each launch works once. Loading the page again or going back sends the old one."),
        (RELAUNCH,),
    ),
    "state_expired": Message(
        _l("This launch took too long"), _l("A launch must be finished within ten minutes."), (RELAUNCH,)
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
    "cookies_blocked_in_window": Message(
        _l("Your browser keeps this tool from starting"),
        _l("It blocks the cookie that shows that this launch is yours, also in a window of its own."),
        (_l("Allow cookies for this site, then open the tool from your course again."), ASK_ADMIN),
    ),
    "proof_missing": Message(
        _l("Your browser keeps this tool from starting here"),
        _l("Nothing came along that shows that this launch is yours."),
        (_l("Open the tool in a window of its own."), RELAUNCH),
    ),
    "proof_wrong": Message(
        _l("This launch was begun in another browser"),
        _l("What your browser showed belongs to another launch."),
        _AGAIN_OR_ADMIN,
    ),
    "proof_attempts": Message(
        _l("This launch cannot be checked any more"),
        _l("Too many wrong answers came for it, so it was closed."),
        _AGAIN_OR_ADMIN,
    ),
    "ticket_expired": Message(
        _l("This launch waited too long"),
        _l("A launch whose browser is not known waits for two minutes."),
        (RELAUNCH,),
    ),
    "ticket_spent": Message(
        _l("This launch is open already"),
        _l("It was shown to be yours before, perhaps in another window."),
        (RELAUNCH,),
    ),
    "nonce_mismatch": Message(
        _NOT_SAFE, _l("The platform's answer does not belong to the launch that was begun."), _AGAIN_OR_ADMIN
    ),
    "token_malformed": Message(
        _NOT_SAFE, _l("The platform's answer is not a signed message that can be read."), _AGAIN_OR_ADMIN
    ),
    "token_algorithm": Message(
        _NOT_SAFE, _l("The platform's answer is not signed in the way the standard asks for."), (TELL_ADMIN,)
    ),
    "token_key_unknown": Message(
        _NOT_SAFE,
        _l("The platform's answer is signed with a key that the platform does not publish."),
        (LATER, TELL_ADMIN),
    ),
    "token_signature": Message(_NOT_SAFE, _l("The signature of the platform's answer is wrong."), _AGAIN_OR_ADMIN),
    "token_expired": Message(_l("This launch is too old"), _l("The platform's answer has run out."), _AGAIN_OR_ADMIN),
    "token_time": Message(
        _NOT_SAFE,
        _l("The time in the platform's answer is wrong. One of the two clocks may be off."),
        (RELAUNCH, TELL_ADMIN),
    ),
    "token_old": Message(
        _l("This launch is too old"),
        _l("The platform's answer was made more than ten minutes ago, or one of the two clocks is off."),
        (RELAUNCH, TELL_ADMIN),
    ),
    "token_claim_nonce": Message(
        _NOT_SAFE,
        _l("The platform's answer does not say which launch it belongs to."),
        (TELL_ADMIN,),
    ),
    "token_claim_message_type": Message(
        _l("This launch is incomplete"),
        _l("The platform's answer does not say what it is for."),
        (TELL_ADMIN,),
    ),
    "parameter_repeated": Message(
        _NOT_SAFE,
        _l("The platform's answer says the same thing twice, so nobody can tell which of the two holds."),
        (RELAUNCH, TELL_ADMIN),
    ),
    "deployment_unknown": Message(
        _l("This installation is not known here"),
        _l("The tool was never opened from this place of your learning platform."),
        (_l("Open the tool from a course there, so that its admin can accept it."), TELL_ADMIN),
    ),
    "token_claim": Message(
        _l("This launch is incomplete"),
        _l("The platform's answer lacks something a launch needs, or it has the wrong form."),
        (TELL_ADMIN,),
    ),
    "token_audience": Message(_NOT_SAFE, _l("The platform's answer is meant for another tool."), (TELL_ADMIN,)),
    "token_party": Message(_NOT_SAFE, _l("The platform's answer names another party than this tool."), (TELL_ADMIN,)),
    "token_issuer": Message(
        _NOT_SAFE, _l("The answer came from another platform than the one where the launch began."), (TELL_ADMIN,)
    ),
    "target_link_foreign": Message(
        _l("This link leads to another tool"),
        _l("The link in your course points to an address that is not this tool's."),
        (_l("Ask your instructor to add the link again."), TELL_ADMIN),
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
        (TELL_ADMIN,),
    ),
    "content_unsupported": Message(
        _l("This tool cannot be added in this place"),
        _l("Your learning platform takes other things here than activities of a tool."),
        (_l("Add the tool where your course takes activities or external tools."), ASK_ADMIN),
    ),
    "message_unsupported": Message(
        _l("This tool cannot be used in this place"),
        _l("Your learning platform asked for something this tool does not offer."),
        (_l("Add the tool to a course and open it from there."), ASK_ADMIN),
    ),
}
