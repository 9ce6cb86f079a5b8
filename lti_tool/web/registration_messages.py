"""What the admin of a platform, or of this tool, reads when installing failed, by code."""

from flask_babel import lazy_gettext as _l

from lti_tool.web.wording import Message

_NEW_LINK = _l("Ask the person who looks after this tool for a new link.")
_AGAIN = _l("The link was not used up: paste it into your platform again.")
_CLEAN_UP = _l("Look in your platform for an entry of this tool that was made just now, and remove it.")
_BY_HAND = _l("If it stays like this, the person who looks after this tool can enter the registration by hand.")

REGISTRATION_MESSAGES: dict[str, Message] = {
    "platform_invite_unknown": Message(
        _l("This link is not known"),
        _l("It is incomplete, or it was never made by this tool."),
        (_l("Copy the whole link and paste it again."), _NEW_LINK),
    ),
    "platform_invite_used": Message(
        _l("This link was used before"),
        _l("Each link registers one platform once."),
        (_CLEAN_UP, _NEW_LINK),
    ),
    "platform_invite_expired": Message(
        _l("This link has ended"),
        _l("Links are good for seven days, and a newer link for the same platform ends the older one."),
        (_NEW_LINK,),
    ),
    "configuration_invalid": Message(
        _l("Your platform's description cannot be used"),
        _l("Something that is needed is missing from what your platform says about itself, or has the wrong form."),
        (_AGAIN, _BY_HAND),
    ),
    "configuration_address_invalid": Message(
        _l("The address of your platform's description cannot be used"),
        _l("It has to be an https address. Others work only for hosts that the operator of this tool listed."),
        (_l("Let the operator list an internal host in LTI_BADGES_ALLOWED_PRIVATE_HOSTS."), _BY_HAND),
    ),
    "configuration_unavailable": Message(
        _l("Your platform's description could not be read"),
        _l("The tool asked your platform to describe itself and got no usable answer."),
        (
            _l("Check that this tool's server can reach your platform."),
            _l("Let the operator list an internal host in LTI_BADGES_ALLOWED_PRIVATE_HOSTS."),
            _AGAIN,
        ),
    ),
    "configuration_redirected": Message(
        _l("Your platform's description is somewhere else"),
        _l("Your platform sent the tool on to another address. It is not followed, so that nobody can be misled."),
        (_l("Set your platform's own address to the one it is reached at."), _BY_HAND),
    ),
    "configuration_refused": Message(
        _l("Your platform does not let the tool read its description"),
        _l("The permission that came with the link has ended, or was used before."),
        (_AGAIN,),
    ),
    "configuration_malformed": Message(
        _l("Your platform's description is not one"),
        _l("Something else came back, perhaps a page to sign in, or far too much."),
        (_l("Check that the description can be read without signing in."), _BY_HAND),
    ),
    "configuration_unsupported": Message(
        _l("Your platform and this tool have no way in common"),
        _l("Your platform does not offer the way of signing or proving that LTI 1.3 demands."),
        (_l("Look for a newer version of your platform."),),
    ),
    "configuration_foreign": Message(
        _l("This description belongs to another platform"),
        _l("It names an issuer that is not the address it came from. Anybody could claim that, so it is refused."),
        (
            _l("Set your platform's own address to the one it is reached at."),
            _l("If your platform calls itself by its maker's address, let it be entered by hand."),
        ),
    ),
    "registration_form_expired": Message(
        _l("This page was open too long"),
        _l("Your platform's permission lasts an hour. Nothing was registered."),
        (_AGAIN,),
    ),
    "registration_failed": Message(
        _l("The registration failed"),
        _l("It could not be completed. Nothing was stored here."),
        (_AGAIN, _BY_HAND),
    ),
    "registration_rejected": Message(
        _l("Your platform refused to register the tool"),
        _l("Nothing was made there, and nothing was stored here."),
        (_AGAIN, _BY_HAND),
    ),
    "registration_unreachable": Message(
        _l("Your platform could not be reached"),
        _l("The tool was not able to send its registration. Nothing was made there, and nothing was stored here."),
        (_l("Check that this tool's server can reach your platform."), _AGAIN),
    ),
    "registration_unanswered": Message(
        _l("Your platform did not confirm the registration"),
        _l("It failed or took too long. It may have made an entry all the same; nothing was stored here."),
        (_CLEAN_UP, _AGAIN),
    ),
    "registration_answer_invalid": Message(
        _l("Your platform's answer cannot be used"),
        _l("It did not say under which client id it registered the tool. Nothing was stored here."),
        (_CLEAN_UP, _AGAIN, _BY_HAND),
    ),
    "registration_not_stored": Message(
        _l("The registration could not be stored"),
        _l("Your platform registered the tool, but this tool failed to keep it. Nothing half-done was kept."),
        (_CLEAN_UP, _AGAIN),
    ),
    "registration_name_taken": Message(
        _l("A platform has this name already"),
        _l("Each platform here has a name of its own. Nothing was changed."),
        (_l("Choose another name, or make a renewal link for the one that is there."),),
    ),
    "registration_exists": Message(
        _l("This platform is registered already"),
        _l("Its issuer and client id belong to another registration here. Nothing was changed."),
        (_l("Make a renewal link for the registration that is there."),),
    ),
    "registration_adopted": Message(
        _l("Another registration took over"),
        _l("Its people and badges moved to its successor, so this one stays switched off. Nothing was changed."),
        (_l("Use the successor."),),
    ),
    "renewal_other_platform": Message(
        _l("This link renews another platform"),
        _l("People are known by what their platform calls them, so one platform cannot take the place of another."),
        (_CLEAN_UP, _l("Paste the link into the platform it was made for, or ask for a link for a new one.")),
    ),
    "platform_not_found": Message(
        _l("There is no such platform"),
        _l("The address is wrong, or the name is spelt differently."),
        (_l("Choose it from the list of platforms."),),
    ),
    "adopt_other_issuer": Message(
        _l("These are two different platforms"),
        _l("Only a registration with the same issuer can take over. Nothing was changed."),
        (_l("Choose another registration."),),
    ),
    "adopt_several_institutions": Message(
        _l("More than one institution is involved"),
        _l("One of the two serves several institutions, which must not be mixed. Nothing was changed."),
        (_l("Keep both registrations."),),
    ),
    "adopt_needs_launch": Message(
        _l("The new registration was not opened yet"),
        _l("Its first launch shows whether people and courses are the same. Nothing was changed."),
        (_l("Open the tool once through the new registration, in a course that had it before, and come back."),),
    ),
    "adopt_nothing_in_common": Message(
        _l("The two have nothing in common"),
        _l("No person and no course of the old registration is known to the new one. Nothing was changed."),
        (_l("Open the tool through the new registration in a course that had it before, and come back."),),
    ),
    "adopt_changed": Message(
        _l("Something changed meanwhile"),
        _l("The figures you confirmed are not right any more. Nothing was changed."),
        (_l("Look at the preview again."),),
    ),
}
