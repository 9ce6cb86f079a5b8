"""The policy of a badge: its document, its defaults, and what it refuses."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_tool.domain.award_policy import DEFAULT_AWARD_POLICY, AwardPolicy, ClaimMode, Duplicates, GradeChange
from lti_tool.errors import InvalidInputError

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)


def test_an_empty_document_means_the_defaults():
    assert AwardPolicy.from_document({}) == DEFAULT_AWARD_POLICY == AwardPolicy()
    assert AwardPolicy().to_document() == {
        "claim_mode": "learner",
        "grade_change": "flag",
        "grace_days": 14,
        "hold_until": None,
        "needs_posted_grades": False,
        "duplicates": "once",
        "validity_days": None,
        "renewal_window_days": 0,
        "assessors": 1,
    }


@given(
    st.builds(
        AwardPolicy,
        st.sampled_from(ClaimMode),
        st.sampled_from(GradeChange),
        st.integers(1, 365),
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.booleans(),
        st.sampled_from(Duplicates),
        st.integers(10, 36_500),
        st.integers(0, 10),
    )
)
def test_a_policy_survives_its_document(policy):
    assert AwardPolicy.from_document(json.loads(json.dumps(policy.to_document()))) == policy


REFUSED = [
    ([], "policy_value_invalid", None),
    ({"grace": 3}, "policy_key_unknown", "grace"),
    ({"claim_mode": "both"}, "policy_value_invalid", "claim_mode"),
    ({"claim_mode": None}, "policy_value_invalid", "claim_mode"),
    ({"grade_change": ["flag"]}, "policy_value_invalid", "grade_change"),
    ({"duplicates": "twice"}, "policy_value_invalid", "duplicates"),
    ({"grace_days": 0}, "policy_value_invalid", "grace_days"),
    ({"grace_days": 366}, "policy_value_invalid", "grace_days"),
    ({"grace_days": "14"}, "policy_value_invalid", "grace_days"),
    ({"grace_days": True}, "policy_value_invalid", "grace_days"),
    ({"grace_days": 1.5}, "policy_value_invalid", "grace_days"),
    ({"hold_until": "soon"}, "policy_value_invalid", "hold_until"),
    ({"hold_until": 5}, "policy_value_invalid", "hold_until"),
    ({"hold_until": "2026-11-01T00:00:00"}, "policy_value_invalid", "hold_until"),
    ({"needs_posted_grades": 1}, "policy_value_invalid", "needs_posted_grades"),
    ({"validity_days": 0}, "policy_value_invalid", "validity_days"),
    ({"validity_days": 36_501}, "policy_value_invalid", "validity_days"),
    ({"validity_days": False}, "policy_value_invalid", "validity_days"),
    ({"renewal_window_days": -1}, "policy_value_invalid", "renewal_window_days"),
    ({"validity_days": 30, "renewal_window_days": 31}, "policy_window_too_long", "renewal_window_days"),
    ({"duplicates": "renew"}, "policy_renewal_without_validity", "validity_days"),
]


@pytest.mark.parametrize(("document", "code", "field"), REFUSED)
def test_what_it_refuses(document, code, field):
    with pytest.raises(InvalidInputError) as caught:
        AwardPolicy.from_document(document)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_validity_counts_from_the_claim():
    assert AwardPolicy().valid_until(MOMENT) is None
    assert AwardPolicy(validity_days=30).valid_until(MOMENT) == datetime(2026, 12, 1, tzinfo=UTC)
    assert AwardPolicy(grace_days=3).grace.days == 3
