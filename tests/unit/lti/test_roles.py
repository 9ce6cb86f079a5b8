"""The role vocabulary, whole, and what each role means in a course."""

import pytest
from platforms.quirks import PROFILES

from lti_tool.lti.roles import (
    INSTITUTION_ROLES,
    SUB_ROLES,
    SYSTEM_ROLES,
    TEST_USER,
    CourseRole,
    core_roles,
    course_role,
    has_role,
    is_account_admin,
    is_instructor_role,
    is_learner_role,
    is_teaching_assistant_role,
    is_test_user,
    merged_roles,
    read_role,
)

COURSE = "http://purl.imsglobal.org/vocab/lis/v2/membership"
INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#"
SYSTEM = "http://purl.imsglobal.org/vocab/lis/v2/system/person#"
DEPRECATED = "http://purl.imsglobal.org/vocab/lis/v2/person#"

TABLE = {
    "instructor": """
        #Instructor /Instructor#ExternalInstructor /Instructor#Grader /Instructor#GuestInstructor /Instructor#Lecturer
        /Instructor#PrimaryInstructor /Instructor#SecondaryInstructor""",
    "teaching_assistant": """
        /Instructor#TeachingAssistant /Instructor#TeachingAssistantGroup /Instructor#TeachingAssistantOffering
        /Instructor#TeachingAssistantSection /Instructor#TeachingAssistantSectionAssociation
        /Instructor#TeachingAssistantTemplate""",
    "learner": """
        #Learner /Learner#ExternalLearner /Learner#GuestLearner /Learner#Instructor /Learner#Learner
        /Learner#NonCreditLearner""",
    "mentor": """
        #Mentor /Mentor#Advisor /Mentor#Auditor /Mentor#ExternalAdvisor /Mentor#ExternalAuditor
        /Mentor#ExternalLearningFacilitator /Mentor#ExternalMentor /Mentor#ExternalReviewer /Mentor#ExternalTutor
        /Mentor#LearningFacilitator /Mentor#Mentor /Mentor#Reviewer /Mentor#Tutor
        /Manager#Observer /Manager#ExternalObserver""",
    "administrator": """
        #Administrator /Administrator#Administrator /Administrator#Developer /Administrator#ExternalDeveloper
        /Administrator#ExternalSupport /Administrator#ExternalSystemAdministrator /Administrator#Support
        /Administrator#SystemAdministrator""",
    "content_developer": """
        #ContentDeveloper /ContentDeveloper#ContentDeveloper /ContentDeveloper#ContentExpert
        /ContentDeveloper#ExternalContentExpert /ContentDeveloper#Librarian""",
    "none": """
        #Manager /Manager#AreaManager /Manager#CourseCoordinator /Manager#Manager #Member /Member#Member #Officer
        /Officer#Chair /Officer#Communications /Officer#Secretary /Officer#Treasurer /Officer#Vice-Chair""",
}
COURSE_ROLES = [(COURSE + name, expected) for expected, names in TABLE.items() for name in names.split()]
ELSEWHERE = {
    INSTITUTION: """
        Administrator Faculty Guest None Other Staff Student Alumni Instructor Learner Member Mentor Observer
        ProspectiveStudent""",
    SYSTEM: "Administrator None AccountAdmin Creator SysAdmin SysSupport User",
}
OUTSIDE = [prefix + name for prefix, names in ELSEWHERE.items() for name in names.split()]


def test_the_table_is_the_whole_vocabulary() -> None:
    known = {f"{COURSE}#{name}" for name in SUB_ROLES}
    known |= {f"{COURSE}/{name}#{sub}" for name, subs in SUB_ROLES.items() for sub in subs}
    assert known == {role for role, _ in COURSE_ROLES}
    assert len(known) == 8 + 7 + 4 + 12 + 5 + 5 + 1 + 12 + 5
    outside = {INSTITUTION + name for name in INSTITUTION_ROLES} | {SYSTEM + name for name in SYSTEM_ROLES}
    assert outside == set(OUTSIDE)


@pytest.mark.parametrize(("role", "expected"), COURSE_ROLES)
def test_each_course_role(role: str, expected: str) -> None:
    assert course_role([role]) == expected
    found = read_role(role)
    assert found is not None
    assert found.uri == role
    assert is_instructor_role([role]) == (expected == "instructor")
    assert is_teaching_assistant_role([role]) == (expected == "teaching_assistant")
    assert is_learner_role([role]) == (expected == "learner")
    assert not is_account_admin([role])
    assert not is_test_user([role])


@pytest.mark.parametrize("role", OUTSIDE)
def test_each_role_outside_courses_grants_nothing_in_one(role: str) -> None:
    found = read_role(role)
    assert found is not None
    assert found.uri == role
    assert course_role([role]) is CourseRole.NONE
    assert core_roles([role]) == frozenset()
    assert course_role([role, f"{COURSE}#Learner"]) is CourseRole.LEARNER
    admins = {INSTITUTION + "Administrator", SYSTEM + "Administrator", SYSTEM + "SysAdmin", SYSTEM + "AccountAdmin"}
    assert is_account_admin([role]) == (role in admins)


@pytest.mark.parametrize("name", ["Instructor", "Learner", "Mentor", "Administrator", "ContentDeveloper"])
def test_bare_names_are_course_roles(name: str) -> None:
    assert course_role([name]) is course_role([f"{COURSE}#{name}"])
    assert not is_account_admin([name])


@pytest.mark.parametrize(
    ("role", "same"),
    [
        ("urn:lti:role:ims/lis/Instructor", f"{COURSE}#Instructor"),
        ("urn:lti:role:ims/lis/Learner", f"{COURSE}#Learner"),
        ("urn:lti:role:ims/lis/Learner/NonCreditLearner", f"{COURSE}/Learner#NonCreditLearner"),
        ("urn:lti:role:ims/lis/Learner/Instructor", f"{COURSE}/Learner#Instructor"),
        ("urn:lti:role:ims/lis/TeachingAssistant", f"{COURSE}/Instructor#TeachingAssistant"),
        (
            "urn:lti:role:ims/lis/TeachingAssistant/TeachingAssistantSection",
            f"{COURSE}/Instructor#TeachingAssistantSection",
        ),
        ("urn:lti:role:ims/lis/Mentor/Advisor", f"{COURSE}/Mentor#Advisor"),
        ("urn:lti:instrole:ims/lis/Student", f"{INSTITUTION}Student"),
        ("urn:lti:instrole:ims/lis/Administrator", f"{INSTITUTION}Administrator"),
        ("urn:lti:sysrole:ims/lis/SysAdmin", f"{SYSTEM}SysAdmin"),
        (f"{DEPRECATED}SysAdmin", f"{SYSTEM}SysAdmin"),
        (f"{DEPRECATED}Student", f"{INSTITUTION}Student"),
        (f"{DEPRECATED}Administrator", f"{SYSTEM}Administrator"),
    ],
)
def test_deprecated_forms(role: str, same: str) -> None:
    assert read_role(role) == read_role(same) is not None


@pytest.mark.parametrize(
    "role",
    ["", "#", "Student", "Faculty", "Observer", "instructor", " Instructor", f"{COURSE}#instructor", f"{COURSE}#",
     COURSE, f"{COURSE}s#Instructor", f"{COURSE}#Instructor#Learner", f"{COURSE}/Instructor",
     f"{COURSE}/Instructor#Nobody",
     f"{COURSE}/Instructor#TeachingAssistantOfSomethingNew", f"{COURSE}/Learner#TeachingAssistant",
     f"{COURSE}/Nobody#Instructor", f"{COURSE}/Instructor/Lecturer#Lecturer", "https://evil.example#Instructor",
     f"{INSTITUTION}SysAdmin", f"{SYSTEM}Student", f"{SYSTEM}TestUser", "urn:lti:role:ims/lis/",
     "urn:lti:role:Instructor",
     "urn:lti:role:ims/lis/Student", "urn:lti:other:ims/lis/Instructor", "urn:lti:role:ims/lis/Instructor/Nobody",
     f"{COURSE}#" + "x" * 5000],
)  # fmt: skip
def test_unknown_roles_grant_nothing(role: str) -> None:
    assert read_role(role) is None
    assert course_role([role]) is CourseRole.NONE
    assert not is_account_admin([role])


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("#Instructor /Instructor#TeachingAssistant", "teaching_assistant"),
        ("#Learner /Instructor#TeachingAssistant", "teaching_assistant"),
        ("#Learner #Instructor", "instructor"),
        ("#Instructor #Administrator", "instructor"),
        ("#Instructor #Mentor", "instructor"),
        ("#Learner /Learner#Instructor", "learner"),
        ("#Learner #Mentor", "mentor"),
        ("#Learner /Manager#Observer", "mentor"),
        ("#Learner #ContentDeveloper", "content_developer"),
        ("#Learner #Administrator", "administrator"),
        ("#Learner #Member #Officer", "learner"),
        ("#Manager #Member", "none"),
        ("", "none"),
    ],
)
def test_several_roles_together(roles: str, expected: str) -> None:
    whole = [COURSE + role for role in roles.split()]
    assert course_role(whole) == course_role(reversed(whole)) == expected


def test_an_administrator_of_the_institution_is_no_instructor() -> None:
    canvas_admin = [f"{INSTITUTION}Administrator", f"{INSTITUTION}Instructor", f"{INSTITUTION}Staff", f"{SYSTEM}User"]
    assert course_role(canvas_admin) is CourseRole.NONE
    assert is_account_admin(canvas_admin)
    moodle_admin = [f"{INSTITUTION}Administrator", f"{COURSE}#Instructor", f"{SYSTEM}Administrator"]
    assert course_role(moodle_admin) is CourseRole.INSTRUCTOR


@pytest.mark.parametrize(
    ("roles", "expected"), [([TEST_USER], True), (["TestUser"], True), ([f"{COURSE}#Learner"], False)]
)
def test_the_preview_user(roles: list[str], expected: bool) -> None:
    assert is_test_user([*roles, f"{COURSE}#Learner"]) is expected
    assert course_role([*roles, f"{COURSE}#Learner"]) is CourseRole.LEARNER


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [
        ("Learner", f"{COURSE}#Learner", True),
        (f"{COURSE}#Learner", "Learner", True),
        (f"{COURSE}/Learner#GuestLearner", f"{COURSE}#Learner", True),
        (f"{COURSE}#Learner", f"{COURSE}/Learner#GuestLearner", False),
        (f"{COURSE}/Learner#GuestLearner", f"{COURSE}/Learner#GuestLearner", True),
        (f"{INSTITUTION}Learner", f"{COURSE}#Learner", False),
        ("https://school.example/roles#Helper", "https://school.example/roles#Helper", True),
        ("Learner", "https://school.example/roles#Helper", False),
    ],
)
def test_having_a_role(held: str, wanted: str, expected: bool) -> None:
    assert has_role(["nonsense", held], wanted) is expected


# -- launches and rosters ---------------------------------------------------------------------------------------------

TEACHER, LEARNER = f"{COURSE}#Instructor", f"{COURSE}#Learner"


@pytest.mark.parametrize(
    ("launch", "roster", "expected"),
    [
        ([TEACHER], ["Learner"], [TEACHER]),  # a non-editing teacher
        ([f"{COURSE}/Instructor#TeachingAssistant"], ["Learner"], [f"{COURSE}/Instructor#TeachingAssistant"]),
        ([LEARNER], ["Instructor"], ["Instructor"]),
        ([LEARNER], ["Learner"], ["Learner"]),
        ([TEACHER], ["Instructor"], ["Instructor"]),
        ([TEACHER], [], [TEACHER]),
        ([], ["Learner"], ["Learner"]),
        ([f"{COURSE}#Mentor"], ["Learner"], ["Learner"]),
        ([LEARNER, TEST_USER], ["Learner"], ["Learner", TEST_USER]),
        ([LEARNER, TEST_USER], ["Learner", "TestUser"], ["Learner", "TestUser"]),
        ([], [], []),
    ],
)
def test_moodles_roster_does_not_take_a_teacher_away(launch: list[str], roster: list[str], expected: list[str]) -> None:
    assert merged_roles(launch, roster, "moodle") == tuple(expected)


@pytest.mark.parametrize("product", [*sorted(set(PROFILES) - {"moodle"}), None])
def test_elsewhere_the_roster_decides(product: str | None) -> None:
    assert merged_roles([TEACHER], [LEARNER], product) == (LEARNER,)
    assert merged_roles([TEACHER], [], product) == (TEACHER,)
    assert merged_roles([LEARNER, TEST_USER], [LEARNER], product) == (LEARNER, TEST_USER)
