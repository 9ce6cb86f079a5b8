"""Scopes and placements in words: what each is asked for, and what does not work without it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.lti.claims import RESOURCE_LINK_REQUEST
from lti_tool.lti.tool_configuration import DEEP_LINKING_REQUEST, PLACEMENTS, SCOPES
from lti_tool.web.platform_guides import Guide


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that is asked for: its name, why, and what does not work without it, a sentence each."""

    label: Any
    reason: Any
    loss: Any


SCOPE_WISHES: Mapping[str, Wish] = {
    "lineitem.readonly": Wish(
        _l("See its own columns in the gradebook"),
        _l("To know which work can count for a badge. It never sees other columns."),
        _l("The tool does not see its columns, so no badge can be earned by grades."),
    ),
    "result.readonly": Wish(
        _l("Read the grades in its own columns"),
        _l("To tell who has earned a badge, and to say why or why not."),
        _l("The tool cannot read grades, so no badge can be earned by them."),
    ),
    "lineitem": Wish(
        _l("Make columns of its own"),
        _l("So that a checkpoint added in the tool gets its column in the gradebook."),
        _l("Checkpoints get no column from this tool; instructors have to add them as activities instead."),
    ),
    "score": Wish(
        _l("Write grades into its own columns"),
        _l("So that work assessed in the tool counts in the gradebook, and a learner's first visit is noted."),
        _l("Work assessed in the tool does not reach the gradebook, and who never opened it cannot be told."),
    ),
    "contextmembership.readonly": Wish(
        _l("Read who is in a course"),
        _l("So that everybody in the course can earn badges, also before they open the tool."),
        _l("The tool only knows people who have opened it; nobody else can earn a badge."),
    ),
    "contextgroup.readonly": Wish(
        _l("Read a course's groups"),
        _l("So that instructors can look at one group at a time."),
        _l("Learners cannot be looked at by group."),
    ),
    "noticehandlers": Wish(
        _l("Be told when a course is copied"),
        _l("So that a copied course brings its badges as drafts."),
        _l("A copied course only brings its badges once somebody opens the tool there and says so."),
    ),
}

PLACEMENT_WISHES: Mapping[str, Wish] = {
    "course_navigation": Wish(
        _l("In the course's menu"),
        _l("The home of badges in a course, for instructors and learners."),
        _l("Badges have no entry in the course's menu; they open from an activity instead."),
    ),
    "assignment_selection": Wish(
        _l("When an assignment is made"),
        _l("An instructor makes an assignment that is a checkpoint for a badge."),
        _l("Instructors cannot choose a checkpoint when they make an assignment."),
    ),
    "link_selection": Wish(
        _l("When a module item is added"),
        _l("An instructor adds checkpoints to a module."),
        _l("Instructors cannot add checkpoints to modules."),
    ),
    "account_navigation": Wish(
        _l("In the account's menu, for admins"),
        _l("The institution's badges and skills."),
        _l("Admins open the tool by its own address instead of from the account's menu."),
    ),
    "user_navigation": Wish(
        _l("In each person's own menu"),
        _l("My badges, from all courses."),
        _l("Learners find their badges in each course, not all in one place."),
    ),
}

MESSAGE_WISHES: Mapping[str, Wish] = {
    RESOURCE_LINK_REQUEST: Wish(
        _l("An entry of its own in the course"),
        _l("The home of badges in a course, for instructors and learners."),
        _l("Badges have no entry in the course's menu; they open from an activity instead."),
    ),
    DEEP_LINKING_REQUEST: Wish(
        _l("Choose checkpoints while adding an activity (deep linking)"),
        _l("An instructor picks or makes what is to count for a badge."),
        _l("Instructors cannot choose checkpoints while they add an activity."),
    ),
}

NAME_WISH = Wish(
    _l("Names"),
    _l("So that instructors recognise their learners, and a learner can have their name on a badge."),
    _l("Instructors see identifiers instead of names."),
)
EMAIL_WISH = Wish(
    _l("E-mail addresses"),
    _l("So that a badge can be tied to its learner's address (hashed), as most backpacks want it."),
    _l("Badges carry no e-mail address unless the learner gives one; some backpacks refuse them."),
)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Something that was not granted: what, what it costs, and where it can be repaired."""

    label: Any
    loss: Any
    remedy: Any


_NOT_OFFERED = _l("This platform does not offer it.")


def scope_shortages(granted: Collection[str], offered: Collection[str], guide: Guide) -> list[Shortage]:
    """Return one shortage for each scope this tool has a use for and that is not among ``granted`` (URIs)."""
    held = {name for name, uri in SCOPES.items() if uri in granted}
    if "lineitem" in held:  # the larger scope holds the smaller one
        held.add("lineitem.readonly")
    return [
        Shortage(wish.label, wish.loss, guide.allow if name in offered else _NOT_OFFERED)
        for name, wish in SCOPE_WISHES.items()
        if name not in held
    ]


def place_shortages(kept: Mapping[str, Iterable[str]], asked: Iterable[str], guide: Guide) -> list[Shortage]:
    """Return one shortage for each message type or placement that was asked for and not kept.

    ``kept``: placements by message type, as the platform answered; a type without any placement says nothing about
    places. ``asked``: message types and placement names.
    """
    found = []
    for name in asked:
        if name in MESSAGE_WISHES:
            wish, is_missing = MESSAGE_WISHES[name], name not in kept
        else:
            places = list(kept.get(PLACEMENTS[name].message_type, ()))
            wish, is_missing = PLACEMENT_WISHES[name], bool(places) and name not in places
        if is_missing:
            found.append(Shortage(wish.label, wish.loss, guide.place))
    return found
