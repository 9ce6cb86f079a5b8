"""The circuit breaker: what passes, what is held, and by which figures."""

import pytest

from lti_tool.domain.breaker import DEFAULT_LIMITS, History, Limits, ProposedChanges, check
from lti_tool.domain.lifecycle import AwardState, decide
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import InvalidInputError

LIVE, NEW = History(was_live=True), History(was_live=False)


def published(offers, losses=0):
    return History(True, offers, losses)


CASES = [
    # learners, offers, losses, history, code, limit
    (500, 0, 0, LIVE, None, None),
    (20, 0, 10, LIVE, None, None),
    (20, 0, 11, LIVE, "many_losses", 10),
    (40, 0, 10, LIVE, None, None),
    (40, 0, 11, LIVE, "many_losses", 10),
    (100, 0, 25, LIVE, None, None),
    (100, 0, 26, LIVE, "many_losses", 25),
    (103, 0, 26, LIVE, "many_losses", 25),
    (5, 0, 5, LIVE, None, None),
    (20, 12, 0, LIVE, None, None),
    (20, 13, 0, LIVE, "many_offers", 12),
    (19, 19, 0, LIVE, None, None),
    (500, 300, 0, LIVE, None, None),
    (500, 301, 0, LIVE, "many_offers", 300),
    (500, 500, 0, NEW, None, None),
    (500, 500, 26, NEW, None, None),
    (500, 500, 126, NEW, "many_losses", 125),
    (500, 440, 0, published(400), None, None),
    (500, 441, 0, published(400), "more_offers_than_previewed", 440),
    (500, 12, 0, published(10), None, None),
    (500, 13, 0, published(10), "more_offers_than_previewed", 12),
    (500, 2, 0, published(0), None, None),
    (500, 3, 0, published(0), "more_offers_than_previewed", 2),
    (100, 0, 60, published(0, 60), None, None),
    (100, 0, 66, published(0, 60), None, None),
    (100, 0, 67, published(0, 60), "more_losses_than_previewed", 66),
    (100, 0, 25, published(0, 0), None, None),
    (100, 0, 26, published(0, 0), "more_losses_than_previewed", 2),
    (100, 90, 30, LIVE, "many_losses", 25),
    (0, 0, 0, LIVE, None, None),
]


@pytest.mark.parametrize(("learners", "offers", "losses", "history", "code", "limit"), CASES)
def test_check(learners, offers, losses, history, code, limit):
    hold = check(ProposedChanges(learners, offers, losses), history)
    if code is None:
        assert hold is None
        return
    assert hold.code == code
    assert (hold.figures["learners"], hold.figures["limit"]) == (learners, limit)
    assert hold.figures["count"] == (losses if "losses" in code else offers)
    assert ("previewed" in hold.figures) is ("previewed" in code)


def test_limits_are_data():
    strict = Limits(losses_floor=0, losses_percent=0, offers_learners=0, offers_percent=0)
    assert check(ProposedChanges(3, 0, 1), LIVE, strict).code == "many_losses"
    assert check(ProposedChanges(3, 1, 0), LIVE, strict).code == "many_offers"
    assert Limits() == DEFAULT_LIMITS


def test_a_negative_limit_is_refused():
    with pytest.raises(InvalidInputError) as caught:
        Limits(offers_percent=-1)
    assert (caught.value.code, caught.value.field) == ("limit_invalid", "offers_percent")


def test_decisions_are_counted():
    changes = ProposedChanges(6)
    for state, verdict in [
        (None, Verdict.MET),
        (AwardState.LAPSED, Verdict.MET),
        (AwardState.OFFERED, Verdict.NOT_MET),
        (AwardState.CLAIMED, Verdict.NOT_MET),
        (AwardState.CLAIMED, Verdict.MET),
        (None, Verdict.UNKNOWN),
    ]:
        changes = changes.adding(decide(state, verdict))
    assert changes == ProposedChanges(6, offers=2, losses=2)
