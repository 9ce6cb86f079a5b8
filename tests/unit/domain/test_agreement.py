"""Several sources for one piece of work: one result, or none while they do not agree."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_tool.domain.agreement import Agreed, Reading, agree, contradicts
from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LITTLE = frozenset(EvidenceState) - {EvidenceState.GRADED, EvidenceState.UNGRADED}


def at(hours: float) -> datetime:
    return NINE + timedelta(hours=hours)


def reading(
    key: int,
    score: str | None = None,
    *,
    looked: float | None = 0,
    changed: float | None = None,
    unseen: frozenset[EvidenceState] = frozenset(),
    observed: bool = True,
    **values: Any,
) -> Reading:
    state = EvidenceState.UNGRADED if score is None else EvidenceState.GRADED
    given = {"maximum": Decimal(10), "state": state} | values
    evidence = Evidence("log", "Log", f"source-{key}", score=None if score is None else Decimal(score), **given)
    return Reading(
        key,
        evidence,
        key * 10 if observed else None,
        None if looked is None else at(looked),
        None if changed is None else at(changed),
        unseen,
    )


def said(agreed: Agreed) -> tuple[str, str, Decimal | None]:
    return agreed.evidence.state.value, agreed.evidence.freshness.value, agreed.evidence.score


def test_one_source_says_what_it_says() -> None:
    one = reading(1, "7")
    assert agree([one]) == Agreed(one.evidence, one)


def test_the_same_percent_is_the_same_however_points_are_scaled() -> None:
    agreed = agree([reading(1, "7", changed=-2), reading(2, "70", maximum=Decimal(100), changed=-1)])
    assert (said(agreed), agreed.decided_by.key) == (("graded", "fresh", Decimal(70)), 2)


def test_two_different_results_that_both_hold_now_are_unknown() -> None:
    agreed = agree([reading(1, "7"), reading(2, "6.9")])
    assert agreed.evidence.freshness is Freshness.DISAGREEING
    assert {one.key for one in agreed.differing} == {1, 2}


def test_a_look_before_the_others_change_is_superseded() -> None:
    agreed = agree([reading(1, "7", looked=0), reading(2, "9", looked=3, changed=1)])
    assert (said(agreed), agreed.decided_by.key) == (("graded", "fresh", Decimal(9)), 2)
    after = agree([reading(1, "7", looked=2), reading(2, "9", looked=3, changed=1)])
    assert after.evidence.freshness is Freshness.DISAGREEING, "the first was seen to say seven after that change"


def test_a_clock_that_runs_ahead_is_not_believed() -> None:
    agreed = agree([reading(1, "7", looked=2), reading(2, "9", looked=1, changed=5)])
    assert agreed.evidence.freshness is Freshness.DISAGREEING


@pytest.mark.parametrize("state", list(EvidenceState), ids=str)
def test_a_source_that_says_nothing_contradicts_nobody(state: EvidenceState) -> None:
    knows = reading(1, state=state)
    knows = replace(knows, evidence=replace(knows.evidence, state=state))
    for silent in (reading(2, looked=5, unseen=LITTLE), reading(2, looked=5, observed=False)):
        assert agree([knows, silent]).evidence.state is state
        assert agree([knows, silent]).evidence.freshness is Freshness.FRESH


def test_a_source_that_sees_everything_does_contradict() -> None:
    assert agree([reading(1, "7"), reading(2, looked=5)]).evidence.freshness is Freshness.DISAGREEING
    excused = reading(3, state=EvidenceState.EXCUSED)
    assert agree([reading(1, "7"), excused]).evidence.freshness is Freshness.DISAGREEING


@pytest.mark.parametrize("looked", [-5, 0, 5])
def test_a_hidden_grade_is_not_shown_by_a_source_that_cannot_see_that_it_is_hidden(looked: float) -> None:
    """AGS and uploaded files tell the score of a grade that Canvas has not posted, and tell it later, too."""
    tells = reading(1, "7", changed=1, looked=2, unseen=LITTLE)
    agreed = agree([tells, reading(2, state=EvidenceState.HIDDEN, looked=looked)])
    assert said(agreed) == ("hidden", "disagreeing", None)
    assert {one.key for one in agreed.differing} == {1, 2}
    posted = agree([tells, reading(2, "7", looked=3)])
    assert said(posted) == ("graded", "fresh", Decimal(7))


def test_who_can_see_that_it_is_posted_supersedes_an_older_look() -> None:
    agreed = agree([reading(1, "7", changed=1, looked=2), reading(2, state=EvidenceState.HIDDEN, looked=0)])
    assert said(agreed) == ("graded", "fresh", Decimal(7))


@pytest.mark.parametrize("freshness", [Freshness.STALE, Freshness.FAILED])
def test_what_cannot_be_relied_on_never_overrides(freshness: Freshness) -> None:
    old = reading(1, "7", changed=9, looked=9, freshness=freshness)
    assert said(agree([old, reading(2, "3")])) == ("graded", "fresh", Decimal(3))
    assert said(agree([old, reading(2, unseen=LITTLE)])) == ("ungraded", "fresh", None)
    older = reading(3, "5", changed=1, freshness=freshness)
    assert said(agree([old, older])) == ("graded", freshness.value, Decimal(7))


def test_graded_and_completed_go_together_and_the_score_is_shown() -> None:
    done = reading(1, state=EvidenceState.COMPLETED, looked=9, changed=9)
    assert said(agree([done, reading(2, "7", looked=9)])) == ("graded", "fresh", Decimal(7))


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ({"letter": "A"}, {"letter": " a"}, False),
        ({"letter": "A"}, {"letter": "B"}, True),
        ({"letter": "A"}, {"score": Decimal(7)}, False),
        ({"score": Decimal(7), "maximum": None}, {"score": Decimal(7)}, False),
        ({"score": Decimal(7), "maximum": None}, {"score": Decimal(8)}, True),
        ({"score": Decimal(1), "maximum": Decimal(3)}, {"score": Decimal(2), "maximum": Decimal(6)}, False),
        ({"score": Decimal("33.33"), "maximum": Decimal(100)}, {"score": Decimal(1), "maximum": Decimal(3)}, True),
    ],
)
def test_what_contradicts(one: dict[str, Any], other: dict[str, Any], differs: bool) -> None:
    plain = Evidence("log", "Log", "ags", EvidenceState.GRADED, maximum=Decimal(10))
    assert contradicts(replace(plain, **one), replace(plain, **other)) is differs
    assert contradicts(replace(plain, **other), replace(plain, **one)) is differs


# -- whatever the sources say -----------------------------------------------------------------------------------------

hours = st.none() | st.integers(0, 6).map(float)


@st.composite
def readings(draw: st.DrawFn) -> list[Reading]:
    number = draw(st.integers(1, 5))
    found = []
    for key in range(1, number + 1):
        score = draw(st.sampled_from([None, "3", "7", "7.0", "10"]))
        one = reading(
            key,
            score,
            looked=draw(hours),
            changed=draw(hours),
            unseen=draw(st.sampled_from([frozenset(), LITTLE])),
            observed=draw(st.booleans()) or score is not None,
            freshness=draw(st.sampled_from([Freshness.FRESH] * 3 + [Freshness.STALE, Freshness.FAILED])),
        )
        states = [one.evidence.state] if score is not None else [EvidenceState.UNGRADED, EvidenceState.EXCUSED]
        found.append(replace(one, evidence=replace(one.evidence, state=draw(st.sampled_from(states)))))
    return found


@given(readings(), st.randoms(use_true_random=False))
def test_the_order_of_sources_does_not_matter(found: list[Reading], chance: random.Random) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert agree(shuffled) == agree(found)


@given(readings(), hours, hours, st.sampled_from(["1", "2", "10"]))
def test_adding_a_source_that_agrees_changes_nothing(
    found: list[Reading], looked: float | None, changed: float | None, scale: str
) -> None:
    before = agree(found)
    shown = before.evidence
    if shown.freshness is not Freshness.FRESH:
        return
    factor = Decimal(scale)
    another = replace(
        reading(99, looked=looked, changed=changed),
        evidence=replace(
            shown,
            score=None if shown.score is None else shown.score * factor,
            maximum=None if shown.maximum is None else shown.maximum * factor,
        ),
        unseen=before.decided_by.unseen,
        observed_id=before.decided_by.observed_id,
    )
    after = agree([*found, another]).evidence
    assert (after.state, after.freshness) == (shown.state, shown.freshness)
    assert not contradicts(after, shown)


@given(readings())
def test_nothing_is_known_that_no_fresh_source_says(found: list[Reading]) -> None:
    agreed = agree(found)
    if agreed.evidence.freshness is Freshness.FRESH:
        assert any(
            one.evidence.freshness is Freshness.FRESH and not contradicts(one.evidence, agreed.evidence)
            for one in found
        )
    else:
        assert agreed.differing or all(one.evidence.freshness is not Freshness.FRESH for one in found)
