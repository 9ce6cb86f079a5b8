"""The role vocabulary of LTI 1.3 (core, appendix A) and what a role means in a course of this tool.

Only roles of the course decide; roles of the institution or the system grant nothing in one. What the vocabulary does
not have grants nothing at all. Accepted besides whole addresses: bare names of course roles (deprecated; Moodle's and
Brightspace's rosters send them) and the ``urn:lti:`` names of LTI 1.1.
"""

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from lti_tool.lti.quirks import quirks_of

LIS = "http://purl.imsglobal.org/vocab/lis/v2"
MEMBERSHIP = f"{LIS}/membership"
INSTITUTION = f"{LIS}/institution/person"
SYSTEM = f"{LIS}/system/person"
TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CORE_ROLES = _names("Administrator ContentDeveloper Instructor Learner Mentor")
SUB_ROLES: Mapping[str, frozenset[str]] = {
    "Administrator": _names(
        "Administrator Developer ExternalDeveloper ExternalSupport ExternalSystemAdministrator Support "
        "SystemAdministrator"
    ),
    "ContentDeveloper": _names("ContentDeveloper ContentExpert ExternalContentExpert Librarian"),
    "Instructor": _names(
        "ExternalInstructor Grader GuestInstructor Lecturer PrimaryInstructor SecondaryInstructor TeachingAssistant "
        "TeachingAssistantGroup TeachingAssistantOffering TeachingAssistantSection TeachingAssistantSectionAssociation "
        "TeachingAssistantTemplate"
    ),
    "Learner": _names("ExternalLearner GuestLearner Instructor Learner NonCreditLearner"),
    "Manager": _names("AreaManager CourseCoordinator ExternalObserver Manager Observer"),
    "Member": _names("Member"),
    "Mentor": _names(
        "Advisor Auditor ExternalAdvisor ExternalAuditor ExternalLearningFacilitator ExternalMentor ExternalReviewer "
        "ExternalTutor LearningFacilitator Mentor Reviewer Tutor"
    ),
    "Officer": _names("Chair Communications Secretary Treasurer Vice-Chair"),
}
"""Course roles and the sub-roles of each."""
INSTITUTION_ROLES = _names(
    "Administrator Faculty Guest None Other Staff Student Alumni Instructor Learner Member Mentor Observer "
    "ProspectiveStudent"
)
SYSTEM_ROLES = _names("Administrator None AccountAdmin Creator SysAdmin SysSupport User")
ACCOUNT_ADMINS = frozenset({"Administrator", "SysAdmin", "AccountAdmin"})
LONGEST = 255


class RoleKind(enum.StrEnum):
    """Where a role holds."""

    COURSE = "course"
    INSTITUTION = "institution"
    SYSTEM = "system"


class CourseRole(enum.StrEnum):
    """What somebody is in a course, the most telling first where several roles came.

    ``MENTOR`` watches others (mentors, advisors, observers) and only reads; ``NONE`` is whoever has no role here.
    """

    TEACHING_ASSISTANT = "teaching_assistant"
    INSTRUCTOR = "instructor"
    ADMINISTRATOR = "administrator"
    CONTENT_DEVELOPER = "content_developer"
    MENTOR = "mentor"
    LEARNER = "learner"
    NONE = "none"


TEACHING_SIDE = frozenset(
    {CourseRole.TEACHING_ASSISTANT, CourseRole.INSTRUCTOR, CourseRole.ADMINISTRATOR, CourseRole.CONTENT_DEVELOPER}
)
_BY_NAME = {
    "Instructor": CourseRole.INSTRUCTOR,
    "Administrator": CourseRole.ADMINISTRATOR,
    "ContentDeveloper": CourseRole.CONTENT_DEVELOPER,
    "Mentor": CourseRole.MENTOR,
    "Learner": CourseRole.LEARNER,
}
_OBSERVERS = {"Observer", "ExternalObserver"}


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the vocabulary: ``name`` and, for course roles, ``sub_role`` (``Instructor#Lecturer``)."""

    kind: RoleKind
    name: str
    sub_role: str | None = None

    @property
    def uri(self) -> str:
        """The role as the standard writes it."""
        if self.kind is RoleKind.COURSE:
            return f"{MEMBERSHIP}#{self.name}" if self.sub_role is None else f"{MEMBERSHIP}/{self.name}#{self.sub_role}"
        return f"{INSTITUTION if self.kind is RoleKind.INSTITUTION else SYSTEM}#{self.name}"

    @property
    def course_role(self) -> CourseRole:
        """What this one role makes somebody in a course."""
        if self.kind is not RoleKind.COURSE:
            return CourseRole.NONE
        if self.name == "Instructor" and (self.sub_role or "").startswith("TeachingAssistant"):
            return CourseRole.TEACHING_ASSISTANT
        if self.sub_role in _OBSERVERS:
            return CourseRole.MENTOR
        return _BY_NAME.get(self.name, CourseRole.NONE)


@lru_cache(maxsize=1024)
def read_role(role: str) -> Role | None:
    """Return the role that a text names, ``None`` for one that the vocabulary does not have."""
    if len(role) > LONGEST:
        return None
    if role.startswith("urn:lti:"):
        return _of_urn(role)
    vocabulary, separator, name = role.rpartition("#")
    if not separator:
        return _course(role, None)
    if vocabulary == MEMBERSHIP:
        return _course(name, None)
    if vocabulary.startswith(f"{MEMBERSHIP}/"):
        return _course(vocabulary.removeprefix(f"{MEMBERSHIP}/"), name)
    return _elsewhere(vocabulary, name)


def course_role(roles: Iterable[str]) -> CourseRole:
    """Return what ``roles`` together make somebody in a course.

    A teaching assistant stays one with ``#Instructor`` beside it: platforms send both. A mentor or observer reads only
    and is never a learner. Roles of the institution never make an instructor, whatever their name.
    """
    found = {role.course_role for role in map(read_role, roles) if role is not None}
    return next((role for role in CourseRole if role in found), CourseRole.NONE)


def core_roles(roles: Iterable[str]) -> frozenset[str]:
    """Return the core course roles among ``roles``, by simple name; a sub-role counts for the role it belongs to.

    ``membership/Learner#Instructor`` is a Learner.
    """
    found = {role.name for role in map(read_role, roles) if role is not None and role.kind is RoleKind.COURSE}
    return CORE_ROLES & found


def is_teaching_assistant_role(roles: Iterable[str]) -> bool:
    """Whether ``roles`` name a teaching assistant, of the course, a group, a section …"""
    return course_role(roles) is CourseRole.TEACHING_ASSISTANT


def is_instructor_role(roles: Iterable[str]) -> bool:
    """Whether ``roles`` name an instructor; platforms send teaching assistants as both, and those are none."""
    return course_role(roles) is CourseRole.INSTRUCTOR


def is_learner_role(roles: Iterable[str]) -> bool:
    """Whether ``roles`` name somebody who can earn badges: a Learner who neither teaches here nor watches others."""
    return course_role(roles) is CourseRole.LEARNER


def is_account_admin(roles: Iterable[str]) -> bool:
    """Whether ``roles`` name an administrator of the institution or the platform.

    Chooses which page to show, and nothing else: rights outside courses come from staff sessions alone.
    """
    found = (role for role in map(read_role, roles) if role is not None)
    return any(role.kind is not RoleKind.COURSE and role.name in ACCOUNT_ADMINS for role in found)


def is_test_user(roles: Iterable[str]) -> bool:
    """Whether ``roles`` carry the marker of a platform's preview user, who comes with a real role as well.

    Rosters that send simple names send this one bare, too; whoever is taken for a test user only looks.
    """
    return not {TEST_USER, "TestUser"}.isdisjoint(roles)


def has_role(roles: Collection[str], wanted: str) -> bool:
    """Whether ``wanted`` is among ``roles``, however each is written; a role is there with its sub-roles."""
    asked = read_role(wanted)
    if asked is None:
        return wanted in roles
    found = [role for role in map(read_role, roles) if role is not None]
    if asked.sub_role is not None:
        return asked in found
    return any((role.kind, role.name) == (asked.kind, asked.name) for role in found)


def merged_roles(launch_roles: Collection[str], roster_roles: Collection[str], product: str | None) -> tuple[str, ...]:
    """Return the roles that hold for a membership, given those of the person's last launch and of the roster.

    The roster is newer and wins, except where

    - it names no role at all;
    - the product's rosters understate (``quirks.roster_understates_teachers``; Moodle 4.5 asks ``mod/lti:manage`` at a
      launch and ``course:manageactivities`` for the roster, so a non-editing teacher launches as Instructor and is
      listed as Learner): then a role of the teaching side that a launch brought stays until a launch brings another;
    - it leaves the preview user's marker out that a launch carried.
    """
    kept = tuple(roster_roles) or tuple(launch_roles)
    if (
        quirks_of(product).roster_understates_teachers
        and course_role(launch_roles) in TEACHING_SIDE
        and course_role(kept) is CourseRole.LEARNER
    ):
        kept = tuple(launch_roles)
    if is_test_user(launch_roles) and not is_test_user(kept):
        kept = (*kept, TEST_USER)
    return kept


def _course(name: str, sub_role: str | None) -> Role | None:
    known = SUB_ROLES.get(name)
    if known is None or (sub_role is not None and sub_role not in known):
        return None
    return Role(RoleKind.COURSE, name, sub_role)


def _elsewhere(vocabulary: str, name: str) -> Role | None:
    """Roles outside courses; ``lis/v2/person`` is the deprecated name of both vocabularies."""
    if vocabulary in {SYSTEM, f"{LIS}/person"} and name in SYSTEM_ROLES:
        return Role(RoleKind.SYSTEM, name)
    if vocabulary in {INSTITUTION, f"{LIS}/person"} and name in INSTITUTION_ROLES:
        return Role(RoleKind.INSTITUTION, name)
    return None


def _of_urn(role: str) -> Role | None:
    """Names of LTI 1.1 (implementation guide 1.1, appendix A.2), where teaching assistants were a role of their own."""
    prefix, _, path = role.partition(":ims/lis/")
    name, _, sub_role = path.partition("/")
    if prefix == "urn:lti:role" and name == "TeachingAssistant":
        return _course("Instructor", sub_role or name)
    if prefix == "urn:lti:role":
        return _course(name, sub_role or None)
    vocabulary = {"urn:lti:instrole": INSTITUTION, "urn:lti:sysrole": SYSTEM}.get(prefix)
    return None if vocabulary is None else _elsewhere(vocabulary, name)
