"""What somebody reads when giving leave to read a platform was refused or failed."""

from flask_babel import lazy_gettext as _l

from lti_tool.web.wording import ASK_ADMIN, LATER, Message

_AGAIN = _l("Go back to the page where you began, and begin again.")

GRANT_MESSAGES: dict[str, Message] = {
    "consent_denied": Message(
        _l("Nothing was allowed"),
        _l("You did not allow it, so nothing is read with your account."),
        (_l("You can close this window."), _AGAIN),
    ),
    "consent_state_mismatch": Message(
        _l("This permission does not belong here"),
        _l("It was begun in another browser, or more than fifteen minutes ago. Nothing was stored."),
        (_AGAIN,),
    ),
    "consent_scopes_refused": Message(
        _l("The developer key lacks a scope"),
        _l("The platform refused, because the developer key does not have every scope that the tool asks for."),
        (_l("In the platform, add the scopes that the tool's page lists to the developer key."), ASK_ADMIN),
    ),
    "consent_failed": Message(
        _l("The platform did not complete the permission"),
        _l("It did not answer as expected. Nothing was stored."),
        (_AGAIN, ASK_ADMIN),
    ),
    "client_refused": Message(
        _l("The platform does not accept the developer key"),
        _l("Its number or its secret is not the one the platform has, or it is switched off there."),
        (_l("Enter both again on the tool's page about the platform."), ASK_ADMIN),
    ),
    "api_not_set_up": Message(
        _l("This is not set up for your institution"),
        _l("Nobody has told the tool yet how to read the course's own assignments."),
        (ASK_ADMIN,),
    ),
    "api_disabled": Message(
        _l("This is switched off"),
        _l("Reading the course's own assignments is switched off for your institution."),
        (ASK_ADMIN,),
    ),
}

WINDOW_MESSAGES: dict[str, Message] = {
    "ticket_refused": Message(
        _l("This link has been used or is too old"),
        _l("The link to the platform works once, for one minute."),
        (_AGAIN,),
    ),
    "platform_unavailable": Message(
        _l("The platform does not answer"),
        _l("It failed or could not be reached. Nothing was stored."),
        (LATER, ASK_ADMIN),
    ),
}
"""Words of their own for codes that mean something else elsewhere."""
