"""Evidence scenarios of Moodle's web services."""

from evidence_moments import MET, NOT_MET, QUIZ, SEVENTY, UNKNOWN, WORK, Moment, Scenario, at, say
from platforms.moodle_api import ACTIVITIES, FUNCTIONS, GRADES

REPORT = "vendor code (Moodle 4.5, grade/report/user)"
COMPLETION = "vendor code (Moodle 4.5, completion/classes/external.php)"
SERVICES = "vendor code (Moodle 4.5, webservice)"


def moodle(name: str, ground: str, *moments: Moment) -> Scenario:
    return Scenario("moodle", name, ground, moments)


MOODLE: tuple[Scenario, ...] = (
    moodle(
        "graded and ungraded", REPORT,
        at(
            WORK, say("grade", "ann", "70"), facts={"ann": "graded 70/100", "ben": "ungraded"},
            verdicts={"ann: percent 70": MET, "ben: percent 70": UNKNOWN},
        ),
    ),
    moodle(
        "hidden, shown, hidden again", REPORT,
        at(
            WORK, say("grade", "ann", "70", is_hidden=True), facts={"ann": "hidden"},
            verdicts={"ann: percent 70": UNKNOWN},
        ),
        at(say("show", "ann"), facts={"ann": "graded 70/100"}, verdicts={"ann: percent 70": MET}),
        at(
            say("hide", "ann"), facts={"ann": "hidden"}, verdicts={"ann: percent 70": UNKNOWN},
            observations={"ann": 3},
        ),
    ),
    moodle(
        "hidden from an account that may not see it", REPORT,
        SEVENTY,
        at(say("cannot_see_hidden"), say("hide_column"), facts={"ann": "hidden"}, verdicts={"ann: percent 0": UNKNOWN}),
    ),
    moodle(
        "excluded work is excused where Moodle says so", REPORT,
        at(
            WORK, say("grade", "ann", "20", status="excluded"), say("grade", "ben", "20", status="dropped"),
            facts={"ann": "excused", "ben": "graded 20/100"}, verdicts={"ann: percent 0": UNKNOWN},
        ),
    ),
    moodle(
        "a scale is letters only", REPORT,
        at(
            say("work", scale=("Not yet", "Competent", "Excellent")), say("grade", "ann", "2"),
            facts={"ann": "graded Competent"},
            verdicts={"ann: letter Competent,Excellent": MET, "ann: percent 0": UNKNOWN, "ann: points 1": UNKNOWN},
        ),
    ),
    moodle(
        "a letter is shown beside points", REPORT,
        at(
            say("work", display="letter_real"), say("grade", "ann", "87"), facts={"ann": "graded 87/100 B+"},
            verdicts={"ann: letter A,B": NOT_MET, "ann: letter B+": MET, "ann: percent 87": MET},
        ),
    ),
    moodle(
        "a minimum that is not zero leaves percent unknown", REPORT,
        at(
            say("work", maximum=6, minimum=1.0), say("grade", "ann", "4"), facts={"ann": "graded 4/?"},
            verdicts={"ann: percent 60": UNKNOWN, "ann: points 4": MET},
        ),
    ),
    moodle(
        "negative, over the maximum, maximum zero", REPORT,
        at(
            WORK, QUIZ, say("work", "Bonus", 0), say("grade", "ann", "-3"), say("grade", "ann", "120", "Quiz"),
            say("grade", "ann", "5", "Bonus"),
            facts={"ann": "graded -3/100", "ann/Quiz": "graded 120/100", "ann/Bonus": "graded 5/0"},
            verdicts={"ann: percent 0": NOT_MET, "ann/Quiz: percent 110": MET, "ann/Bonus: percent 0": UNKNOWN},
        ),
    ),
    moodle(
        "regraded: raised, lowered, and read again without a change", REPORT,
        at(WORK, say("grade", "ann", "60"), verdicts={"ann: percent 70": NOT_MET}),
        at(say("grade", "ann", "80"), verdicts={"ann: percent 70": MET}),
        at(say("grade", "ann", "50"), facts={"ann": "graded 50/100"}, verdicts={"ann: percent 70": NOT_MET}),
        at(facts={"ann": "graded 50/100"}, observations={"ann": 3}),
    ),
    moodle(
        "an override that is taken back shows the older date and counts", REPORT,
        at(WORK, say("grade", "ann", "90", graded=1795000000), facts={"ann": "graded 90/100"}),
        at(say("grade", "ann", "60", graded=1794000000), facts={"ann": "graded 60/100"}),
    ),
    moodle(
        "a deleted grade is unknown", REPORT,
        SEVENTY,
        at(say("ungrade", "ann"), facts={"ann": "ungraded"}, verdicts={"ann: percent 70": UNKNOWN}),
    ),
    moodle(
        "a deleted item is stale, and fresh when it returns", REPORT,
        SEVENTY,
        at(say("delete"), facts={"ann": "graded 70/100 (stale)"}, verdicts={"ann: percent 70": UNKNOWN}),
        at(say("restore"), facts={"ann": "graded 70/100"}, observations={"ann": 1}),
    ),
    moodle(
        "the maximum changes and the grade does not", REPORT,
        at(say("work", maximum=10), say("grade", "ann", "7"), verdicts={"ann: percent 70": MET}),
        at(say("maximum", "20"), facts={"ann": "graded 7/20"}, verdicts={"ann: percent 70": NOT_MET}),
    ),
    moodle(
        "completed, passed, failed and not complete", COMPLETION,
        at(
            say("activity", "Reading"), say("activity", "Test"), say("complete", "ann", "Reading", 1),
            say("complete", "ann", "Test", 2), say("complete", "ben", "Test", 3),
            facts={
                "ann/Reading": "completed", "ann/Test": "completed", "ben/Reading": "ungraded", "ben/Test": "ungraded",
                "tara/Reading": "nothing",
            },
            verdicts={"ann/Test: completed": MET, "ben/Test: completed": UNKNOWN, "ben/Reading: completed": UNKNOWN},
        ),
        at(say("complete", "ann", "Test", 0), facts={"ann/Test": "ungraded"}, observations={"ann/Test": 2}),
    ),
    moodle(
        "the course is completed", COMPLETION,
        at(
            say("complete_course", "ann"),
            facts={"ann/Course completion": "completed", "ben/Course completion": "ungraded"},
            verdicts={"ann/Course completion: completed": MET, "ben/Course completion: completed": UNKNOWN},
        ),
    ),
    moodle(
        "work of one section only is hidden from the other", REPORT,
        at(
            WORK, QUIZ, say("only_for", "ann", "Essay"), say("only_for", "ben", "Quiz"),
            say("grade", "ann", "70"), say("grade", "ben", "80", "Quiz"),
            facts={
                "ann": "graded 70/100", "ann/Quiz": "hidden", "ben": "hidden", "ben/Quiz": "graded 80/100",
            },
            verdicts={"ann/Quiz: percent 0": UNKNOWN, "ben/Quiz: percent 80": MET},
        ),
    ),
    moodle(
        "who leaves keeps what they have, and a grade changed afterwards is seen", "vendor code (Moodle 4.5, enrol)",
        SEVENTY,
        at(say("suspend_enrolment", "ann"), facts={"ann": "graded 70/100"}, observations={"ann": 1}),
        at(say("grade", "ann", "75"), facts={"ann": "graded 75/100"}),
    ),
    moodle(
        "whose enrolment is deleted has no grade that anybody can see", "vendor code (Moodle 4.5, enrol)",
        SEVENTY,
        at(say("unenrol", "ann"), facts={"ann": "ungraded"}, verdicts={"ann: percent 70": UNKNOWN}),
    ),
    moodle(
        "a suspended account keeps nobody else from being read", "vendor code (Moodle 4.5, core_user)",
        at(WORK, say("crowd", 60), say("grade", "ben", "30")),
        at(say("suspend_account", "ann"), say("grade", "ben", "80"), facts={"ben": "graded 80/100"}),
    ),
    moodle(
        "a revoked token makes facts stale until another is entered", SERVICES,
        SEVENTY,
        at(
            say("revoke"), ends="grant_refused", facts={"ann": "graded 70/100 (grant_refused)"},
            verdicts={"ann: percent 70": UNKNOWN}, observations={"ann": 1},
        ),
        at(facts={"ann": "graded 70/100 (grant_refused)"}),
        at(say("grant"), facts={"ann": "graded 70/100"}, verdicts={"ann: percent 70": MET}),
    ),
    moodle(
        "a token that dies mid-way keeps what was read", SERVICES,
        at(WORK, say("crowd", 60), say("grade", "ann", "70")),
        at(
            say("grade", "ann", "90"), say("at_call", 40, "revoke"), ends="grant_refused",
            facts={"ann": "graded 90/100 (grant_refused)"}, verdicts={"ann: percent 70": UNKNOWN},
        ),
        at(say("grant"), facts={"ann": "graded 90/100"}),
    ),
    *(
        moodle(
            f"services switched off ({status} and nothing), then on again", SERVICES,
            SEVENTY,
            at(
                say("services_off", status), say("grade", "ann", "10"), ends="moodle_services_off",
                facts={"ann": "graded 70/100 (moodle_services_off)"}, verdicts={"ann: percent 70": UNKNOWN},
                observations={"ann": 1},
            ),
            at(say("services_on"), facts={"ann": "graded 10/100"}, verdicts={"ann: percent 70": NOT_MET}),
        )
        for status in (200, 403)
    ),
    moodle(
        "the service's account is disabled, then free again", SERVICES,
        SEVENTY,
        at(
            say("disable_account"), ends="moodle_access_refused",
            facts={"ann": "graded 70/100 (moodle_access_refused)"}, verdicts={"ann: percent 70": UNKNOWN},
        ),
        at(say("enable_account"), facts={"ann": "graded 70/100"}, verdicts={"ann: percent 70": MET}),
    ),
    moodle(
        "a service that is narrowed makes facts stale until it is granted so", SERVICES,
        at(WORK, say("activity", "Test"), say("grade", "ann", "70"), say("complete", "ann", "Test", 1)),
        at(
            say("lose", ACTIVITIES), ends="grant_narrowed",
            facts={"ann": "graded 70/100 (grant_narrowed)", "ann/Test": "completed (grant_narrowed)"},
        ),
        at(
            say("grant", tuple(one for one in FUNCTIONS if one != ACTIVITIES)),
            facts={"ann": "graded 70/100", "ann/Test": "completed (grant_narrowed)"},
            verdicts={"ann: percent 70": MET, "ann/Test: completed": UNKNOWN},
        ),
    ),
    moodle(
        "completion that the account may not see fails alone", SERVICES,
        at(WORK, say("activity", "Test"), say("grade", "ann", "70"), say("complete", "ann", "Test", 1)),
        at(
            say("forbid", ACTIVITIES), say("grade", "ann", "75"), ends="grant_not_allowed",
            facts={"ann": "graded 75/100", "ann/Test": "completed (grant_not_allowed)"},
            verdicts={"ann: percent 75": MET, "ann/Test: completed": UNKNOWN},
        ),
    ),
    moodle(
        "grades that the account may not see any more", SERVICES,
        SEVENTY,
        at(say("forbid", GRADES), ends="grant_not_allowed", facts={"ann": "graded 70/100 (grant_not_allowed)"}),
    ),
    moodle(
        "a maintenance page instead of JSON", "vendor code (Moodle 4.5, climaintenance.html)",
        SEVENTY,
        at(
            say("maintenance"), ends="platform_answer_malformed",
            facts={"ann": "graded 70/100 (platform_answer_malformed)"}, observations={"ann": 1},
        ),
        at(facts={"ann": "graded 70/100"}),
    ),
    moodle(
        "notices in front of the JSON", "other tools' code: clients skip them",
        at(say("notices"), WORK, say("grade", "ann", "70"), facts={"ann": "graded 70/100"}),
    ),
    moodle(
        "Moodle's services are off and line items are read all the same", SERVICES,
        at(
            WORK, say("grade", "ann", "70"), say("line_item", "Badge work", "7"),
            facts={"ann": "graded 70/100", "ann/ags:Badge work": "graded 7/10"},
        ),
        at(
            say("services_off"), say("line_item", "Badge work", "9"), ends="moodle_services_off",
            facts={"ann": "graded 70/100 (moodle_services_off)", "ann/ags:Badge work": "graded 9/10"},
            verdicts={"ann: percent 70": UNKNOWN, "ann/ags:Badge work: percent 90": MET},
        ),
    ),
    moodle(
        "LTI services are down and the gradebook is read all the same", "constructed",
        at(WORK, say("grade", "ann", "70"), say("line_item", "Badge work", "7")),
        at(
            say("lti_down"), say("grade", "ann", "80"), ends="platform_unavailable",
            facts={"ann": "graded 80/100", "ann/ags:Badge work": "graded 7/10"},
            verdicts={"ann: percent 80": MET},
        ),
    ),
    moodle(
        "a teacher is graded and does not count", REPORT,
        at(
            WORK, say("grade", "tara", "100"), say("grade", "ann", "70"), facts={"ann": "graded 70/100"},
            counts={"tara": False, "ann": True},
        ),
    ),
)  # fmt: skip
