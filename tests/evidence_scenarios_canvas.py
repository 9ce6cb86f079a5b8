"""Evidence scenarios of Canvas's own API."""

from evidence_moments import MET, NOT_MET, QUIZ, UNKNOWN, WORK, Moment, Scenario, at, say

SUBMISSIONS = "vendor document (Canvas, submissions)"
API = "vendor code (canvas-lms, submissions_api_controller.rb)"
KEYS = "vendor document (Canvas, developer keys)"
ENROLMENTS = "vendor document (Canvas, enrolments)"
AFTER_NOON = "2026-11-20T12:00:00Z"


def canvas(name: str, ground: str, *moments: Moment) -> Scenario:
    return Scenario("canvas", name, ground, moments)


SEVENTY_HERE = at(WORK, say("grade", "ann", "70"), facts={"ann": "graded 70/100 70"}, verdicts={"ann: percent 70": MET})
"""Canvas tells the grade as text, too."""

CANVAS: tuple[Scenario, ...] = (
    canvas(
        "graded, handed in, and neither", SUBMISSIONS,
        at(
            WORK, QUIZ, say("grade", "ann", "70"), say("hand_in", "ben"),
            facts={"ann": "graded 70/100 70", "ben": "submitted", "ann/Quiz": "ungraded"},
            verdicts={
                "ann: percent 70": MET, "ben: percent 0": UNKNOWN, "ben: submitted": MET,
                "ann/Quiz: submitted": UNKNOWN,
            },
        ),
    ),
    canvas(
        "not posted is hidden, then posted, then hidden again", SUBMISSIONS,
        at(
            WORK, say("grade", "ann", "70", posted=False), facts={"ann": "hidden"},
            verdicts={"ann: percent 0": UNKNOWN},
        ),
        at(say("change", "ann", posted_at=AFTER_NOON), facts={"ann": "graded 70/100 70"}),
        at(
            say("change", "ann", posted_at=None), facts={"ann": "hidden"}, verdicts={"ann: percent 70": UNKNOWN},
            observations={"ann": 3},
        ),
    ),
    canvas(
        "excused and missing", SUBMISSIONS,
        at(
            WORK, say("change", "ann", excused=True), say("change", "ben", missing=True),
            facts={"ann": "excused", "ben": "missing"},
            verdicts={"ann: percent 0": UNKNOWN, "ben: percent 0": UNKNOWN},
        ),
        at(
            say("change", "ann", excused=None), say("grade", "ann", "70"),
            facts={"ann": "graded 70/100 70"}, verdicts={"ann: percent 70": MET},
        ),
    ),
    canvas(
        "complete and letters", SUBMISSIONS,
        at(
            say("work", "Visit", 10, grading_type="pass_fail"),
            say("grade", "ann", "10", "Visit", grade="complete"),
            say("grade", "ben", "0", "Visit", grade="incomplete"),
            say("work", maximum=None, grading_type="letter_grade"), say("grade", "ann", None, grade="B+"),
            facts={"ann/Visit": "completed 10/10 complete", "ben/Visit": "graded 0/10 incomplete", "ann": "graded B+"},
            verdicts={
                "ann/Visit: completed": MET, "ben/Visit: completed": UNKNOWN, "ann: letter A,B+": MET,
                "ann: percent 0": UNKNOWN,
            },
        ),
    ),
    canvas(
        "negative, over the maximum, maximum zero", "vendor document (Canvas, assignments: any number of points)",
        at(
            WORK, QUIZ, say("work", "Bonus", 0), say("grade", "ann", "-3"), say("grade", "ann", "120", "Quiz"),
            say("grade", "ann", "5", "Bonus"),
            facts={"ann": "graded -3/100 -3", "ann/Quiz": "graded 120/100 120", "ann/Bonus": "graded 5/0 5"},
            verdicts={"ann: percent 0": NOT_MET, "ann/Quiz: percent 110": MET, "ann/Bonus: percent 0": UNKNOWN},
        ),
    ),
    canvas(
        "raised, lowered and taken back", SUBMISSIONS,
        at(WORK, say("grade", "ann", "60"), verdicts={"ann: percent 70": NOT_MET}),
        at(say("grade", "ann", "80"), verdicts={"ann: percent 70": MET}),
        at(say("grade", "ann", "50"), verdicts={"ann: percent 70": NOT_MET}),
        at(say("take_back", "ann"), facts={"ann": "ungraded"}, verdicts={"ann: percent 70": UNKNOWN}),
    ),
    canvas(
        "the points possible change and scores do not", "vendor code (canvas-lms): scores are never rescaled",
        at(say("work", maximum=10), say("grade", "ann", "7"), verdicts={"ann: percent 70": MET}),
        at(say("maximum", 20), facts={"ann": "graded 7/20 7"}, verdicts={"ann: percent 70": NOT_MET}),
        at(say("grade", "ann", "14"), facts={"ann": "graded 14/20 14"}, verdicts={"ann: percent 70": MET}),
    ),
    canvas(
        "a regrade is seen by a reading of changes, a grade hidden again by a whole one", API,
        SEVENTY_HERE,
        at(say("grade", "ann", "80"), facts={"ann": "graded 80/100 80"}, reason="schedule"),
        at(say("grade", "ben", "50"), facts={"ben": "graded 50/100 50"}, reason="schedule"),
        at(say("change", "ann", posted_at=None), facts={"ann": "graded 80/100 80"}, reason="schedule"),
        at(say("wait", days=1), facts={"ann": "hidden"}, reason="schedule"),
    ),
    canvas(
        "unpublished is stale, and fresh when it returns", "vendor code (canvas-lms, assignments)",
        SEVENTY_HERE,
        at(say("delete"), facts={"ann": "graded 70/100 70 (stale)"}, verdicts={"ann: percent 70": UNKNOWN}),
        at(say("restore"), facts={"ann": "graded 70/100 70"}, observations={"ann": 1}),
    ),
    canvas(
        "modules: done, half done, not begun", "vendor document (Canvas, modules)",
        at(
            say("module", "Week 1"), say("complete", "ann", "Week 1"), say("complete", "ben", "Week 1", 1),
            facts={"ann/Week 1": "completed", "ben/Week 1": "ungraded"},
            verdicts={"ann/Week 1: completed": MET, "ben/Week 1: completed": UNKNOWN},
        ),
    ),
    canvas(
        "somebody in two sections is one person", ENROLMENTS,
        at(
            say("join", "eve", sections=2), WORK, say("grade", "eve", "90"), facts={"eve": "graded 90/100 90"},
            observations={"eve": 1},
        ),
    ),
    canvas(
        "the test student never counts", "vendor document (Canvas, Student View)",
        at(
            say("join_as_test_student", "tess"), WORK, say("grade", "tess", "100"), say("grade", "ann", "70"),
            facts={"ann": "graded 70/100 70"}, counts={"tess": False, "ann": True},
        ),
    ),
    canvas(
        "two accounts are merged and the work goes along", "constructed after the vendor's document on merging users",
        SEVENTY_HERE,
        at(
            say("merge", "ann"), say("grade", "ann", "80"), facts={"ann": "graded 80/100 80"}, observations={"ann": 2},
        ),
    ),
    canvas(
        "who drops the course keeps what they have", ENROLMENTS,
        SEVENTY_HERE,
        at(
            say("drop", "ann"), facts={"ann": "graded 70/100 70"}, observations={"ann": 1}, counts={"ben": True},
        ),
    ),
    canvas(
        "who is removed with everything is not graded any more", ENROLMENTS,
        SEVENTY_HERE,
        at(say("erase", "ann"), facts={"ann": "ungraded"}, verdicts={"ann: percent 70": UNKNOWN}),
    ),
    canvas(
        "a concluded course is read as before", ENROLMENTS,
        SEVENTY_HERE,
        at(say("conclude"), say("grade", "ann", "75"), facts={"ann": "graded 75/100 75"}),
    ),
    canvas(
        "pages that shrink, and empty ones in the middle, end nothing early", API,
        at(
            WORK, say("crowd", 12), say("grade", "ann", "70"),
            facts={"ann": "graded 70/100 70", "c11": "graded 11/100 11"},
        ),
        at(say("shrink_pages"), say("wait", hours=1), facts={"ann": "graded 70/100 70"}),
    ),
    canvas(
        "pages that repeat are given up", "constructed",
        SEVENTY_HERE,
        at(
            say("repeat_pages"), ends="pages_endless", facts={"ann": "graded 70/100 70 (pages_endless)"},
            verdicts={"ann: percent 70": UNKNOWN}, observations={"ann": 1},
        ),
    ),
    canvas(
        "a token that dies between two pages is renewed", "vendor document (Canvas, OAuth)",
        at(WORK, say("crowd", 12)),
        at(
            say("page_size", 5), say("grade", "c11", "99"), say("token_dies_at_page", 2),
            facts={"c11": "graded 99/100 99", "c3": "graded 3/100 3"},
        ),
    ),
    canvas(
        "HTML instead of the second page keeps the facts, as failed", "constructed",
        SEVENTY_HERE,
        at(
            say("page_size", 1), say("html_at_page", 2), ends="platform_answer_malformed",
            facts={"ann": "graded 70/100 70 (platform_answer_malformed)"}, verdicts={"ann: percent 70": UNKNOWN},
        ),
        at(facts={"ann": "graded 70/100 70"}),
    ),
    canvas(
        "a grant revoked between two pages keeps what was read", KEYS,
        at(WORK, say("grade", "ann", "70"), say("crowd", 12)),
        at(
            say("page_size", 5), say("grade", "ann", "80"), say("grade", "c11", "99"), say("revoke_at_page", 2),
            ends="grant_refused",
            facts={"ann": "graded 80/100 80 (grant_refused)", "c11": "graded 11/100 11 (grant_refused)"},
            verdicts={"ann: percent 70": UNKNOWN},
        ),
        at(say("grant"), facts={"ann": "graded 80/100 80", "c11": "graded 99/100 99"}),
    ),
    canvas(
        "a scope that is taken away makes facts stale until somebody grants anew", KEYS,
        SEVENTY_HERE,
        at(
            say("narrow"), say("grade", "ann", "10"), ends="grant_narrowed",
            facts={"ann": "graded 70/100 70 (grant_narrowed)"}, verdicts={"ann: percent 70": UNKNOWN},
        ),
        at(say("grant"), facts={"ann": "graded 10/100 10"}, verdicts={"ann: percent 70": NOT_MET}),
    ),
    canvas(
        "the service account is disabled", KEYS,
        SEVENTY_HERE,
        at(
            say("disable_account"), ends="grant_refused", facts={"ann": "graded 70/100 70 (grant_refused)"},
            verdicts={"ann: percent 70": UNKNOWN}, observations={"ann": 1},
        ),
    ),
)  # fmt: skip
