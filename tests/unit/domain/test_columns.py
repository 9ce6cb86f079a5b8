"""One column: what each state and freshness means for each way of looking at it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lti_tool.domain.columns import (
    Window,
    judge_completed,
    judge_letter,
    judge_percent,
    judge_points,
    judge_submitted,
    judge_timing,
    within,
)
from lti_tool.domain.evidence import DEFAULT_POLICY, Evidence, EvidenceState, Freshness, Policy

STRICT = Policy(missing_counts_as_zero=True)
DAY = {day: datetime(2025, 11, day, tzinfo=UTC) for day in range(1, 10)}


def work(state="graded", freshness="fresh", score=None, maximum="10", **more):
    return Evidence(
        "quiz",
        "Quiz",
        "ags",
        EvidenceState(state),
        Freshness(freshness),
        None if score is None else Decimal(score),
        None if maximum is None else Decimal(maximum),
        **more,
    )


def answer(judgement):
    return judgement.verdict.value, judgement.reason.code.value


def percent_judged(evidence, needed="70", policy=DEFAULT_POLICY, window=None):
    return judge_percent("quiz", evidence, Decimal(needed), policy, window)


PERCENT = [
    (work(score="7"), "70", "met", "threshold_met"),
    (work(score="69.5", maximum="100"), "70", "not_met", "below_threshold"),
    (work(score="12"), "110", "met", "threshold_met"),
    (work("completed", score="7"), "70", "met", "threshold_met"),
    (work("completed"), "0", "met", "threshold_met"),
    (work("completed"), "1", "unknown", "no_score"),
    (work(score=None), "0", "unknown", "no_score"),
    (work(score="7", maximum="0"), "70", "unknown", "no_maximum"),
    (work(score="7", maximum=None), "70", "unknown", "no_maximum"),
    (work("ungraded"), "70", "unknown", "not_graded"),
    (work("ungraded", score="9"), "70", "unknown", "not_graded"),
    (work("submitted"), "70", "unknown", "not_graded"),
    (work("excused"), "70", "unknown", "excused"),
    (work("hidden", score="9"), "70", "unknown", "hidden"),
    (work("missing"), "70", "unknown", "missing"),
    (work("not_opened"), "70", "unknown", "not_opened"),
    (work(freshness="stale", score="9"), "70", "unknown", "stale"),
    (work(freshness="failed", score="9"), "70", "unknown", "source_failed"),
    (work(freshness="disagreeing", score="9"), "70", "unknown", "sources_disagree"),
    (work("excused", freshness="stale"), "70", "unknown", "stale"),
    (None, "70", "unknown", "column_unknown"),
]


@pytest.mark.parametrize(("evidence", "needed", "verdict", "code"), PERCENT)
def test_percent(evidence, needed, verdict, code):
    judgement = percent_judged(evidence, needed)
    assert answer(judgement) == (verdict, code)
    assert judgement.subject == "quiz"
    assert judgement.evidence is evidence


def test_percent_says_what_it_saw():
    params = percent_judged(work(score="6.95")).reason.params
    assert params == {"title": "Quiz", "value": "69.5", "needed": "70"}


@pytest.mark.parametrize(
    ("needed", "verdict", "code"), [("1", "not_met", "below_threshold"), ("0", "met", "threshold_met")]
)
def test_missing_counts_as_zero_by_policy(needed, verdict, code):
    assert answer(percent_judged(work("missing", maximum=None), needed, STRICT)) == (verdict, code)


def test_stale_missing_is_no_zero():
    assert answer(percent_judged(work("missing", freshness="stale"), policy=STRICT)) == ("unknown", "stale")


@pytest.mark.parametrize(
    ("evidence", "needed", "policy", "verdict", "code"),
    [
        (work(score="12", maximum="0"), "12", DEFAULT_POLICY, "met", "points_met"),
        (work(score="11.99"), "12", DEFAULT_POLICY, "not_met", "below_points"),
        (work(), "12", DEFAULT_POLICY, "unknown", "no_score"),
        (work("completed"), "12", DEFAULT_POLICY, "unknown", "no_score"),
        (work("completed"), "0", DEFAULT_POLICY, "met", "points_met"),
        (work("hidden", score="20"), "12", DEFAULT_POLICY, "unknown", "hidden"),
        (work("missing"), "12", DEFAULT_POLICY, "unknown", "missing"),
        (work("missing"), "12", STRICT, "not_met", "below_points"),
    ],
)
def test_points(evidence, needed, policy, verdict, code):
    assert answer(judge_points(evidence, Decimal(needed), policy)) == (verdict, code)


@pytest.mark.parametrize(
    ("evidence", "policy", "verdict", "code"),
    [
        (work(letter="A"), DEFAULT_POLICY, "met", "letter_met"),
        (work(letter=" b+ "), DEFAULT_POLICY, "met", "letter_met"),
        (work(letter="B"), DEFAULT_POLICY, "not_met", "other_letter"),
        (work(letter=" "), DEFAULT_POLICY, "unknown", "no_letter"),
        (work(score="10"), DEFAULT_POLICY, "unknown", "no_letter"),
        (work("ungraded", letter="A"), DEFAULT_POLICY, "unknown", "not_graded"),
        (work(freshness="disagreeing", letter="A"), DEFAULT_POLICY, "unknown", "sources_disagree"),
        (work("missing", letter="A"), STRICT, "not_met", "missing"),
        (work("missing"), DEFAULT_POLICY, "unknown", "missing"),
    ],
)
def test_letter(evidence, policy, verdict, code):
    assert answer(judge_letter(evidence, ("A", "B+"), policy)) == (verdict, code)


DONE = [
    (work("completed"), DEFAULT_POLICY, ("met", "completed"), ("met", "submitted")),
    (work(score="1"), DEFAULT_POLICY, ("met", "completed"), ("met", "submitted")),
    (work(score="0", submitted_at=DAY[1]), DEFAULT_POLICY, ("met", "completed"), ("met", "submitted")),
    (work(score="0"), DEFAULT_POLICY, ("unknown", "submission_unknown"), ("unknown", "submission_unknown")),
    (work("submitted"), DEFAULT_POLICY, ("unknown", "not_graded"), ("met", "submitted")),
    (work("ungraded", submitted_at=DAY[1]), DEFAULT_POLICY, ("unknown", "not_graded"), ("met", "submitted")),
    (work("ungraded"), DEFAULT_POLICY, ("unknown", "not_graded"), ("unknown", "not_graded")),
    (work("hidden", submitted_at=DAY[1]), DEFAULT_POLICY, ("unknown", "hidden"), ("unknown", "hidden")),
    (work("excused"), DEFAULT_POLICY, ("unknown", "excused"), ("unknown", "excused")),
    (work("not_opened"), DEFAULT_POLICY, ("not_met", "not_opened"), ("not_met", "not_opened")),
    (work("missing"), DEFAULT_POLICY, ("unknown", "missing"), ("unknown", "missing")),
    (work("missing"), STRICT, ("not_met", "missing"), ("not_met", "missing")),
    (work("completed", "stale"), DEFAULT_POLICY, ("unknown", "stale"), ("unknown", "stale")),
    (work("not_opened", "failed"), DEFAULT_POLICY, ("unknown", "source_failed"), ("unknown", "source_failed")),
]


@pytest.mark.parametrize(("evidence", "policy", "completed", "submitted"), DONE)
def test_completed_and_submitted(evidence, policy, completed, submitted):
    assert answer(judge_completed(evidence, policy)) == completed
    assert answer(judge_submitted(evidence, policy)) == submitted


def test_window_includes_its_beginning_and_excludes_its_end():
    window = Window(after=DAY[2], before=DAY[4])
    codes = {
        day: timing and timing.reason.code.value
        for day in (1, 2, 3, 4)
        for timing in [judge_timing(work(score="9", submitted_at=DAY[day]), window)]
    }
    assert codes == {1: "too_early", 2: None, 3: None, 4: "too_late"}


def test_windows_only_get_narrower():
    assert Window().until(DAY[5]).until(DAY[3]).until(DAY[4]) == Window(before=DAY[3])
    assert Window().since(DAY[1]).since(DAY[3]).since(DAY[2]) == Window(after=DAY[3])


@pytest.mark.parametrize("evidence", [None, work(), work(freshness="stale", submitted_at=DAY[1])])
def test_without_a_date_to_trust_the_time_is_unknown(evidence):
    timing = judge_timing(evidence, Window(before=DAY[5]))
    assert answer(timing) == ("unknown", "date_unknown")


@pytest.mark.parametrize(
    ("evidence", "verdict", "code"),
    [
        (work(score="9", submitted_at=DAY[1]), "met", "threshold_met"),
        (work(score="9", submitted_at=DAY[1], graded_at=DAY[9]), "met", "threshold_met"),
        (work(score="9", submitted_at=DAY[9]), "not_met", "too_late"),
        (work(score="9", graded_at=DAY[9]), "not_met", "too_late"),
        (work(score="9"), "unknown", "date_unknown"),
        (work(score="5", submitted_at=DAY[9]), "not_met", "below_threshold"),
        (work("submitted", submitted_at=DAY[1]), "unknown", "not_graded"),
        (work("submitted", submitted_at=DAY[9]), "not_met", "too_late"),
        (work("ungraded"), "unknown", "not_graded"),
        (work("excused", submitted_at=DAY[9]), "unknown", "excused"),
        (work(freshness="stale", score="9", submitted_at=DAY[9]), "unknown", "stale"),
        (None, "unknown", "column_unknown"),
    ],
)
def test_percent_in_a_window(evidence, verdict, code):
    assert answer(percent_judged(evidence, window=Window(before=DAY[5]))) == (verdict, code)


def test_a_reason_of_time_names_both_times():
    judgement = within(percent_judged(work(score="9", submitted_at=DAY[1])), Window(after=DAY[3]))
    assert judgement.reason.params == {
        "title": "Quiz",
        "at": "2025-11-01T00:00:00+00:00",
        "date": "2025-11-03T00:00:00+00:00",
    }
