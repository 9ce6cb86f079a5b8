"""Why a platform's own API cannot be read, and what to do about it: for its admin, and for who teaches the course."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.web.platform_words import FAILURES
from lti_tool.web.translated import gettext as _


@dataclass(frozen=True, slots=True)
class Problem:
    """``fact``: what is the matter. ``admin``, ``instructor``: what each of them can do."""

    fact: Any
    admin: Any
    instructor: Any


_ASK = _l("Ask the person who looks after this tool at your institution.")
_CONNECT = _l("Connect the account again on the platform's page, under “Grades of the course's own assignments”.")

PROBLEMS: Mapping[str, Problem] = {
    "api_not_set_up": Problem(
        _l("Nobody has set this up for your institution."),
        _l("Enter the platform's address and key on its page."),
        _ASK,
    ),
    "api_disabled": Problem(_l("It is switched off."), _l("Switch it on again on the platform's page."), _ASK),
    "api_changed": Problem(
        _l("The platform's address or key was changed, so the permission has to be given again."),
        _CONNECT,
        _l("Allow it again."),
    ),
    "grant_missing": Problem(
        _l("Nobody has allowed the tool to read the course's own assignments."),
        _l("Connect an account on the platform's page, under “Grades of the course's own assignments”."),
        _l("Allow it for this course, or ask the person who looks after this tool to allow it for all."),
    ),
    "grant_refused": Problem(
        _l("The platform no longer accepts the permission: it was withdrawn, or its account is disabled."),
        _CONNECT,
        _l("Allow it again, or ask the person who looks after this tool."),
    ),
    "client_refused": Problem(
        _l("The platform no longer accepts this tool's developer key."),
        _l("Check that the key is switched on there, enter its number and secret again, and connect the account."),
        _ASK,
    ),
    "grant_narrowed": Problem(
        _l("The platform allows less than before."),
        _l("Switch the missing scopes of the developer key on again, then connect the account."),
        _ASK,
    ),
    "grant_not_allowed": Problem(
        _l("The account may not see the grades of this course."),
        _l("Give the account a role on the platform that may view all grades."),
        _l("Allow it with your own account, if you may see all grades, or ask the person who looks after this tool."),
    ),
    "moodle_services_off": Problem(
        _l("Moodle's web services, or their REST protocol, are switched off."),
        _l("In Moodle's site administration, switch on web services and the REST protocol."),
        _ASK,
    ),
    "moodle_access_refused": Problem(
        _l("Moodle refuses the token: its service or its account is disabled, or it has ended."),
        _l("In Moodle, check that the service is switched on, the account is not suspended and the token is valid."),
        _ASK,
    ),
    "moodle_account_unfinished": Problem(
        _l("The token's account still has to complete its profile, accept a policy or change its password in Moodle."),
        _l("Sign in to Moodle once with that account."),
        _ASK,
    ),
    "moodle_functions_missing": Problem(
        _l("The token's service in Moodle lacks functions that are needed."),
        _l("In Moodle, add the functions that the platform's page lists to the service, then enter the token again."),
        _ASK,
    ),
}


def fact_of(code: str) -> str:
    """Return what is the matter, in a sentence; an unknown code is named."""
    found = PROBLEMS.get(code)
    words = found.fact if found else FAILURES.get(code)
    return str(words) if words else _("The last reading failed (%(code)s).", code=code)


def admin_remedy(code: str) -> str:
    """Return what an admin can do, empty where nothing is known."""
    found = PROBLEMS.get(code)
    return str(found.admin) if found else ""


def instructor_remedy(code: str) -> str:
    """Return what an instructor can do, empty where nothing is known."""
    found = PROBLEMS.get(code)
    return str(found.instructor) if found else ""
