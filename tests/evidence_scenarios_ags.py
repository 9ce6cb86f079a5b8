"""Evidence scenarios of line items and results (AGS 2.0)."""

from evidence_moments import MET, NOT_MET, SEVENTY, UNKNOWN, WORK, Moment, Scenario, at, say

RESULTS = "AGS 2.0, section 3.3"


def ags(name: str, ground: str, *moments: Moment, stage: str = "ags") -> Scenario:
    return Scenario(stage, name, ground, moments)


AGS: tuple[Scenario, ...] = (
    ags(
        "graded, exactly and just not enough", RESULTS,
        at(
            WORK, say("grade", "ann", "70"), say("grade", "ben", "69.9999"),
            facts={"ann": "graded 70/100", "ben": "graded 69.9999/100"},
            verdicts={"ann: percent 70": MET, "ben: percent 70": NOT_MET, "ben: points 69.9999": MET},
        ),
    ),
    ags(
        "without a score, or not listed, it is unknown", RESULTS,
        at(
            WORK, say("grade", "ann", None), facts={"ann": "ungraded", "ben": "nothing"},
            verdicts={"ann: percent 0": UNKNOWN, "ben: percent 0": UNKNOWN},
        ),
    ),
    ags(
        "zero is a score", RESULTS,
        at(WORK, say("grade", "ann", "0"), facts={"ann": "graded 0/100"}, verdicts={"ann: percent 1": NOT_MET}),
    ),
    ags(
        "negative points", "constructed: penalties in some gradebooks",
        at(WORK, say("grade", "ann", "-5"), facts={"ann": "graded -5/100"}, verdicts={"ann: points 0": NOT_MET}),
    ),
    ags(
        "more than the maximum", "AGS 2.0, section 3.4.9: scores above the maximum are legal",
        at(WORK, say("grade", "ann", "110"), facts={"ann": "graded 110/100"}, verdicts={"ann: percent 105": MET}),
    ),
    ags(
        "a maximum of zero leaves percent unknown", "constructed: extra credit without points of its own",
        at(
            say("work", maximum=0), say("grade", "ann", "5"), facts={"ann": "graded 5/0"},
            verdicts={"ann: percent 0": UNKNOWN, "ann: points 5": MET},
        ),
    ),
    ags(
        "raised", RESULTS,
        at(WORK, say("grade", "ann", "60"), verdicts={"ann: percent 70": NOT_MET}),
        at(say("grade", "ann", "80"), facts={"ann": "graded 80/100"}, verdicts={"ann: percent 70": MET}),
        at(facts={"ann": "graded 80/100"}, observations={"ann": 2}),
    ),
    ags(
        "lowered after it was met", RESULTS,
        SEVENTY,
        at(
            say("grade", "ann", "40"), facts={"ann": "graded 40/100"}, verdicts={"ann: percent 70": NOT_MET},
            observations={"ann": 2},
        ),
    ),
    ags(
        "a deleted grade is unknown, and a new one counts", RESULTS,
        SEVENTY,
        at(say("ungrade", "ann"), facts={"ann": "ungraded"}, verdicts={"ann: percent 70": UNKNOWN}),
        at(say("grade", "ann", "90"), facts={"ann": "graded 90/100"}, observations={"ann": 3}),
    ),
    ags(
        "a deleted column is stale, and fresh when it returns", RESULTS,
        SEVENTY,
        at(say("delete"), facts={"ann": "graded 70/100 (stale)"}, verdicts={"ann: percent 70": UNKNOWN}),
        at(
            say("restore"), facts={"ann": "graded 70/100"}, verdicts={"ann: percent 70": MET}, observations={"ann": 1},
        ),
    ),
    ags(
        "the maximum changes from points to percent", RESULTS,
        at(say("work", maximum=10), say("grade", "ann", "7"), verdicts={"ann: percent 70": MET}),
        at(say("maximum", "100"), facts={"ann": "graded 7/100"}, verdicts={"ann: percent 70": NOT_MET}),
        at(say("grade", "ann", "70"), facts={"ann": "graded 70/100"}, verdicts={"ann: percent 70": MET}),
    ),
    ags(
        "one result that cannot be read makes nobody's vanish", "constructed",
        at(WORK, say("grade", "ann", "70"), say("grade", "ben", "30")),
        at(say("garble", "ben"), facts={"ann": "graded 70/100", "ben": "graded 30/100"}),
    ),
    ags(
        "a token that dies between two pages is replaced", "AGS 2.0, section 3: 401, then a new token",
        at(WORK, say("grade", "ann", "70"), say("crowd", 7)),
        at(
            say("grade", "c6", "99"), say("token_dies_at_results", 3),
            facts={"ann": "graded 70/100", "c6": "graded 99/100"},
        ),
    ),
    ags(
        "HTML instead of the second page keeps the facts, as failed", "captured: Moodle's errors are pages with 404",
        at(WORK, say("grade", "ann", "70"), say("crowd", 7), facts={"c6": "graded 6/100"}),
        at(
            say("grade", "c6", "99"), say("html_at_results", 2), ends="platform_answer_malformed",
            facts={"c6": "graded 6/100 (platform_answer_malformed)"}, verdicts={"ann: percent 70": UNKNOWN},
        ),
        at(facts={"ann": "graded 70/100", "c6": "graded 99/100"}, verdicts={"ann: percent 70": MET}),
    ),
    ags(
        "pages that repeat are given up", "constructed",
        SEVENTY,
        at(
            say("pages_repeat"), ends="pages_endless", facts={"ann": "graded 70/100 (pages_endless)"},
            verdicts={"ann: percent 70": UNKNOWN}, observations={"ann": 1},
        ),
    ),
    ags(
        "pages that shrink while they are read lose nobody for good", "constructed",
        at(WORK, say("crowd", 9), say("grade", "ann", "70"), facts={"ann": "graded 70/100"}),
        at(say("ungraded_at_results", "c0", 2)),
        at(facts={"c0": "ungraded", "c3": "graded 3/100", "ann": "graded 70/100"}),
    ),
    ags(
        "throttled for long, it is read later", "vendor document (Canvas, throttling)",
        SEVENTY,
        at(say("grade", "ann", "80"), say("throttled"), ends="platform_throttled", facts={"ann": "graded 70/100"}),
        at(facts={"ann": "graded 80/100"}),
        stage="ags, canvas",
    ),
    ags(
        "who drops the course keeps what they have", "NRPS 2.0, section 2.3: departed members are not listed",
        SEVENTY,
        at(say("leave", "ann"), facts={"ann": "graded 70/100"}, observations={"ann": 1}),
    ),
    ags(
        "a scope that is taken away makes facts stale, with the reason", "vendor code (Canvas, developer keys)",
        SEVENTY,
        at(
            say("scope_taken_away"), ends="missing_scope", facts={"ann": "graded 70/100 (missing_scope)"},
            verdicts={"ann: percent 70": UNKNOWN}, observations={"ann": 1},
        ),
    ),
    ags(
        "an older word that arrives later does not hold", "captured: Moodle 4.5 dates its results",
        at(
            WORK, say("graded_at", "ann", "80", "2026-11-03T10:00:00+00:00"), facts={"ann": "graded 80/100"},
        ),
        at(
            say("graded_at", "ann", "60", "2026-11-02T10:00:00+00:00"), facts={"ann": "graded 80/100"},
            observations={"ann": 1},
        ),
        at(say("graded_at", "ann", "90", "2026-11-04T10:00:00+00:00"), facts={"ann": "graded 90/100"}),
        stage="ags, dated",
    ),
    ags(
        "a score that is null is no score", "constructed: AGS 2.0 leaves the field out",
        at(WORK, say("null_score", "ann"), facts={"ann": "ungraded"}, verdicts={"ann: percent 0": UNKNOWN}),
    ),
    ags(
        "the test student never counts", "vendor document (Canvas, Student View)",
        at(
            say("join_as_test_student", "tess"), WORK, say("grade", "tess", "100"), say("grade", "ann", "70"),
            facts={"ann": "graded 70/100"}, counts={"tess": False, "ann": True},
        ),
        stage="ags, canvas",
    ),
)  # fmt: skip
