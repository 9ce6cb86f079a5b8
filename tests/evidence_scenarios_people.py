"""Evidence scenarios of people: gradebook files that are uploaded, work that is assessed in the tool."""

from evidence_moments import MET, NOT_MET, UNKNOWN, Scenario, at, say

EXPORT = "vendor code (canvas-lms, lib/gradebook_exporter.rb)"

PEOPLE: tuple[Scenario, ...] = (
    Scenario(
        "csv_upload", "graded, excused and empty", EXPORT,
        (
            at(
                say("upload", ann="70", ben="EX"), facts={"ann": "graded 70/100", "ben": "excused"},
                verdicts={"ann: percent 70": MET, "ben: percent 0": UNKNOWN},
            ),
            at(
                say("upload", ann="", ben="80"), facts={"ann": "ungraded", "ben": "graded 80/100"},
                verdicts={"ann: percent 0": UNKNOWN},
            ),
        ),
    ),
    Scenario(
        "csv_upload", "the same file again says nothing new", "constructed",
        (
            at(say("upload", ann="70"), facts={"ann": "graded 70/100"}, observations={"ann": 1}),
            at(say("upload", ann="70"), facts={"ann": "graded 70/100"}, observations={"ann": 1}),
        ),
    ),
    Scenario(
        "csv_upload", "an older export that is uploaded later does not hold", "constructed",
        (
            at(say("upload", hours_old=1, ann="80"), facts={"ann": "graded 80/100"}),
            at(say("upload", hours_old=48, ann="60"), facts={"ann": "graded 80/100"}, observations={"ann": 1}),
            at(say("upload", ann="65"), facts={"ann": "graded 65/100"}, verdicts={"ann: percent 70": NOT_MET}),
        ),
    ),
    Scenario(
        "csv_upload", "it does not go stale by itself", "constructed",
        (
            at(say("upload", ann="70"), facts={"ann": "graded 70/100"}),
            at(say("wait", days=30), facts={"ann": "graded 70/100"}, verdicts={"ann: percent 70": MET}),
        ),
    ),
    Scenario(
        "assessor", "assessed, changed, and taken back", "constructed",
        (
            at(
                say("checkpoint"), say("assess", "ann", "7"), facts={"ann": "graded 7/10", "ben": "nothing"},
                verdicts={"ann: percent 70": MET},
            ),
            at(say("assess", "ann", "5"), facts={"ann": "graded 5/10"}, verdicts={"ann: percent 70": NOT_MET}),
            at(
                say("assess", "ann", None), facts={"ann": "ungraded"}, verdicts={"ann: percent 0": UNKNOWN},
                observations={"ann": 3},
            ),
        ),
    ),
    Scenario(
        "assessor", "where two have to assess, one is not enough", "constructed",
        (
            at(
                say("join", "otto", roles=("Instructor",)), say("checkpoint", assessors=2), say("assess", "ann", "8"),
                say("assess", "ben", "8"), say("assess", "ben", "9", by="otto"),
                facts={"ann": "nothing"}, counts={"otto": False},
            ),
            at(
                say("assess", "ann", "8", by="otto"), facts={"ann": "graded 8/10"}, verdicts={"ann: percent 80": MET},
            ),
        ),
    ),
)  # fmt: skip
