"""Judgements and rules in words: a sentence for every reason, numbers and dates by locale, checklists, rules."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.rules import Facts, evaluate, parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.web.words import ClauseLine, Voice, clause_lines, rule_sentence, seen_value, sentence

NOW = datetime(2026, 11, 5, tzinfo=UTC)
FIGURES = {
    "title": "Final project",
    "value": "64",
    "needed": "70",
    "have": "1",
    "unknown": "1",
    "at": "2026-11-03T10:00:00+00:00",
    "date": "2026-11-01T00:00:00+00:00",
}
LETTERS = {ReasonCode.LETTER_MET, ReasonCode.OTHER_LETTER}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    app = Flask("words")
    Babel(app, default_locale="en")
    with app.test_request_context("/"):
        yield


def work(score: str | None = "64", state: EvidenceState = EvidenceState.GRADED, **more: object) -> Evidence:
    values = {"graded_at": datetime(2026, 11, 3, tzinfo=UTC), "checked_at": NOW} if score else {"checked_at": NOW}
    made = Evidence(
        slot="final-project",
        title="Final project",
        source="ags",
        state=state,
        score=None if score is None else Decimal(score),
        maximum=Decimal(100),
    )
    return replace(made, **(values | more))  # type: ignore[arg-type]


def column(needed: str = "70", evidence: Evidence | None = None) -> Judgement:
    rule = parse_rule({"column": "final-project", "percent": {"at_least": needed}})
    found = {} if evidence is None else {"final-project": evidence}
    return evaluate(rule, Facts(evidence=found, competencies={}, now=NOW))


def plan(calculation: Calculation, *slots: str) -> CompetencyPlan:
    parts = tuple(Part(slot, Decimal(70)) for slot in slots)
    return CompetencyPlan("fish", "Keep the fish healthy", calculation, Decimal(70), parts)


def skill(calculation: Calculation, *evidence: Evidence) -> Judgement:
    found = {one.slot: one for one in evidence}
    facts = Facts(evidence=found, competencies={"fish": plan(calculation, *found)}, now=NOW)
    return evaluate(parse_rule({"competency": "fish"}), facts)


# -- sentences --------------------------------------------------------------------------------------------------------


KINDS = (Kind.COLUMN, Kind.COMPETENCY, Kind.ALL, Kind.BEFORE, Kind.AFTER)


@pytest.mark.parametrize("voice", list(Voice))
@pytest.mark.parametrize("code", list(ReasonCode))
def test_every_reason_has_a_sentence(code: ReasonCode, voice: Voice) -> None:
    figures = FIGURES | ({"value": "C", "needed": "A, B"} if code in LETTERS else {})
    for kind in KINDS:
        judgement = Judgement(Verdict.UNKNOWN, kind, Reason(code, figures), "x")
        text = sentence(judgement, voice=voice, platform="Lakeside")
        assert text.endswith(".")
        assert "%(" not in text
        assert "_" not in text


def test_no_two_reasons_read_the_same() -> None:
    texts = {
        code: sentence(Judgement(Verdict.UNKNOWN, Kind.COLUMN, Reason(code, FIGURES)), voice=Voice.INSTRUCTOR)
        for code in set(ReasonCode) - LETTERS - {ReasonCode.ENOUGH, ReasonCode.NEEDS_MORE}
    }
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize("voice", list(Voice))
@pytest.mark.parametrize("code", list(ReasonCode))
def test_a_sentence_can_be_made_when_nothing_is_known(code: ReasonCode, voice: Voice) -> None:
    text = sentence(Judgement(Verdict.UNKNOWN, Kind.COLUMN, Reason(code, {}), None), voice=voice)
    assert text.endswith(".")
    assert "None" not in text


def test_below_the_threshold_says_what_is_needed_and_what_the_platform_shows() -> None:
    text = sentence(column(evidence=work("64")), voice=Voice.INSTRUCTOR, platform="Lakeside")
    assert text == "Needs 70% in Final project. Lakeside shows 64% (graded Nov 3, 2026)."


def test_a_near_miss_is_not_rounded_up() -> None:
    text = sentence(column(evidence=work("69.96")), voice=Voice.LEARNER, platform="Lakeside")
    assert "shows 69.96%" in text


def test_without_a_platform_the_source_stands_there_with_a_capital_at_the_beginning() -> None:
    text = sentence(column(evidence=work("80")), voice=Voice.INSTRUCTOR)
    assert text == "Your learning platform shows 80% in Final project (graded Nov 3, 2026). 70% is enough."


def test_numbers_and_dates_follow_the_locale() -> None:
    with force_locale("fr"):
        text = sentence(column("70.5", work("64.5")), voice=Voice.INSTRUCTOR, platform="Lakeside")
    assert "64,5\N{NO-BREAK SPACE}%" in text
    assert "70,5\N{NO-BREAK SPACE}%" in text
    assert "3 nov. 2026" in text


@pytest.mark.parametrize(
    ("evidence", "instructor", "learner"),
    [
        (work(None, EvidenceState.HIDDEN), "hidden from learners", "Your grade in Final project has not been released"),
        (work(None, EvidenceState.NOT_OPENED), "has not been opened yet", "You have not opened Final project"),
        (work(None, EvidenceState.EXCUSED), "is excused", "You are excused from Final project"),
    ],
)
def test_learners_are_spoken_to(evidence: Evidence, instructor: str, learner: str) -> None:
    judgement = column(evidence=evidence)
    assert instructor in sentence(judgement, voice=Voice.INSTRUCTOR)
    assert learner in sentence(judgement, voice=Voice.LEARNER)


def test_work_that_was_handed_in_waits_for_a_grade() -> None:
    submitted = column(evidence=work(None, EvidenceState.SUBMITTED))
    ungraded = column(evidence=work(None, EvidenceState.UNGRADED))
    assert sentence(submitted, voice=Voice.LEARNER) == "Final project is handed in and waits for a grade."
    assert sentence(ungraded, voice=Voice.LEARNER) == "Final project is not graded yet."


def test_stale_says_when_it_was_last_checked_and_never_read_says_so() -> None:
    stale = column(evidence=work("80", freshness=Freshness.STALE))
    never = column(evidence=work("80", freshness=Freshness.STALE, checked_at=None))
    assert "last checked on Nov 5, 2026" in sentence(stale, voice=Voice.INSTRUCTOR)
    assert sentence(never, voice=Voice.INSTRUCTOR, platform="Lakeside") == (
        "Final project has not been read from Lakeside yet."
    )


def test_an_average_speaks_of_the_average() -> None:
    one, other = work("60", slot="a", title="Quiz"), work("70", slot="b", title="Log")
    text = sentence(skill(Calculation.AVERAGE, one, other), voice=Voice.INSTRUCTOR)
    assert text == "Needs an average of 70% in “Keep the fish healthy”. It is 65%."


def test_an_average_that_is_decided_early_says_so() -> None:
    grades = [work("100", slot=name) for name in "abcd"]
    text = sentence(
        skill(Calculation.AVERAGE, *grades, work(None, EvidenceState.UNGRADED, slot="e")), voice=Voice.INSTRUCTOR
    )
    assert text == "The average in “Keep the fish healthy” is at least 80%, whatever is still to come. 70% is enough."


def test_missing_grades_of_an_average_are_counted() -> None:
    open_work = [work(None, EvidenceState.UNGRADED, slot=name) for name in "ab"]
    assert "2 grades are still missing" in sentence(skill(Calculation.AVERAGE, *open_work), voice=Voice.INSTRUCTOR)
    assert "1 grade is still missing" in sentence(
        skill(Calculation.AVERAGE, work("75"), open_work[0]), voice=Voice.INSTRUCTOR
    )


def test_the_latest_grade_shows_its_own_date() -> None:
    text = sentence(skill(Calculation.LATEST, work("64")), voice=Voice.INSTRUCTOR, platform="Lakeside")
    assert text == "Needs 70% in Final project. Lakeside shows 64% (graded Nov 3, 2026)."


# -- checklists -------------------------------------------------------------------------------------------------------


def whole(rule: dict[str, object], *evidence: Evidence) -> list[ClauseLine]:
    found = {one.slot: one for one in evidence}
    facts = Facts(
        evidence=found,
        competencies={"fish": plan(Calculation.ALL, *found)},
        now=NOW,
        titles={"badge-1": "Water keeper"},
    )
    return clause_lines(evaluate(parse_rule(rule), facts), voice=Voice.INSTRUCTOR, platform="Lakeside")


def test_all_of_is_left_out_and_a_skill_with_one_piece_of_work_takes_one_line() -> None:
    lines = whole({"all": [{"competency": "fish"}, {"achievement": "badge-1"}]}, work("80"))
    assert [(one.verdict, one.heading, one.parts) for one in lines] == [
        (Verdict.MET, "Keep the fish healthy", ()),
        (Verdict.NOT_MET, "", ()),
    ]
    assert lines[0].text == "Lakeside shows 80% in Final project (graded Nov 3, 2026). 70% is enough."
    assert lines[0].seen == "80 of 100 points (80%)"
    assert (lines[0].source, lines[0].checked_at) == ("Lakeside", NOW)
    assert lines[1].text == "Needs the badge “Water keeper” first."


def test_the_work_behind_a_skill_stands_below_it_and_the_name_is_said_once() -> None:
    (line,) = whole({"competency": "fish"}, work("80", slot="a"), work(None, EvidenceState.UNGRADED, slot="b"))
    assert line.heading == "Keep the fish healthy"
    assert line.text == "1 of the 2 pieces of work needed are good enough. 1 is not known yet."
    assert [(one.verdict, one.heading) for one in line.parts] == [(Verdict.MET, ""), (Verdict.UNKNOWN, "")]


def test_excused_work_does_not_decide() -> None:
    (line,) = whole({"competency": "fish"}, work("80", slot="a"), work(None, EvidenceState.EXCUSED, slot="b"))
    assert [one.decides for one in line.parts] == [True, False]


def test_more_than_enough_is_enough() -> None:
    lines = whole({"any": [{"competency": "fish"}, {"column": "a", "submitted": True}]}, work("80", slot="a"))
    assert lines[0].text == "1 of the 1 needed is there."


def test_at_least_says_how_many() -> None:
    (line,) = whole({"at_least": 2, "of": [{"competency": "fish"}, {"achievement": "b"}, {"achievement": "c"}]})
    assert line.heading == "At least 2 of these"
    assert len(line.parts) == 3


@pytest.mark.parametrize(
    ("evidence", "seen"),
    [
        (work("16", maximum=Decimal(25)), "16 of 25 points (64%)"),
        (work("16", maximum=None), "16 points"),
        (work("16", maximum=Decimal(0)), "16 of 0 points"),
        (work("2", maximum=Decimal(3)), "2 of 3 points (66.7%)"),
        (work(None, letter="B+"), "B+"),
        (work(None, EvidenceState.UNGRADED), None),
        (work("50", EvidenceState.HIDDEN), None),
    ],
)
def test_what_was_seen(evidence: Evidence, seen: str | None) -> None:
    assert seen_value(evidence) == seen


# -- rules ------------------------------------------------------------------------------------------------------------

TITLES = {"a": "Balance the water", "b": "Keep the fish", "k": "Water keeper", "final-project": "Final project"}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"all": [{"competency": "a"}]}, "the skill “Balance the water”"),
        (
            {"all": [{"competency": "a"}, {"competency": "b"}, {"achievement": "k"}]},
            "the skill “Balance the water”, the skill “Keep the fish”, and the badge “Water keeper”",
        ),
        (
            {"any": [{"competency": "a"}, {"achievement": "k"}]},
            "the skill “Balance the water” or the badge “Water keeper”",
        ),
        (
            {"at_least": 1, "of": [{"competency": "a"}, {"competency": "b"}]},
            "at least 1 of these: the skill “Balance the water” and the skill “Keep the fish”",
        ),
        (
            {"at_least": 2, "of": [{"competency": "a"}, {"competency": "b"}]},
            "the skill “Balance the water” and the skill “Keep the fish”",
        ),
        (
            {"all": [{"competency": "a"}, {"any": [{"competency": "b"}, {"achievement": "k"}]}]},
            "the skill “Balance the water” and (the skill “Keep the fish” or the badge “Water keeper”)",
        ),
        ({"column": "final-project", "percent": {"at_least": "69.5"}}, "at least 69.5% in “Final project”"),
        ({"column": "final-project", "points": {"at_least": "12"}}, "at least 12 points in “Final project”"),
        ({"column": "final-project", "letter": {"one_of": ["A", "B"]}}, "A or B in “Final project”"),
        ({"column": "final-project", "completed": True}, "completed “Final project”"),
        ({"column": "final-project", "submitted": True}, "handed in “Final project”"),
        ({"assessor": "final-project"}, "an assessor's confirmation of “Final project”"),
        ({"not": {"achievement": "k"}}, "by the end of the course not: the badge “Water keeper”"),
        ({"competency": "gone"}, "the skill “something that is no longer here”"),
    ],
)
def test_a_rule_is_one_sentence(rule: dict[str, object], said: str) -> None:
    assert rule_sentence(parse_rule(rule), TITLES) == f"Learners earn this when they have {said}."


def test_a_rule_names_its_dates() -> None:
    rule = {"before": "2026-01-31T23:59:00Z", "of": {"after": "2025-09-01T00:00:00Z", "of": {"competency": "a"}}}
    said = rule_sentence(parse_rule(rule), TITLES, voice=Voice.LEARNER)
    assert said.startswith("You earn this when you have before Jan 31, 2026")
    assert "after Sep 1, 2025" in said
