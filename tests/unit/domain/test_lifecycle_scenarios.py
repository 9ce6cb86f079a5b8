"""Every life in ``lifecycle_scenarios``, lived by the pure functions."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from lifecycle_scenarios import SCENARIOS

from lti_tool.domain.award_policy import AwardPolicy, ClaimMode
from lti_tool.domain.interventions import act_by_hand, decide_claim, resolve_review, undo
from lti_tool.domain.lifecycle import (
    AwardAction,
    AwardStanding,
    AwardState,
    Decision,
    NoticeCode,
    OpenReview,
    ReviewChange,
    ReviewOutcome,
    advance,
    decide_award,
    hold_back,
)
from lti_tool.domain.occasions import Term, occasion
from lti_tool.domain.verdict import Verdict

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)


def at(day):
    return BEGIN + timedelta(days=day)


def policy_of(document):
    document = dict(document)
    if "hold_until" in document:
        document["hold_until"] = at(document["hold_until"]).isoformat()
    return AwardPolicy.from_document(document)


@dataclass
class Life:
    """The least there is to remember: awards by occasion, one open review, a bar, and what was said."""

    policy: AwardPolicy
    term: Term | None
    awards: dict[str, AwardStanding] = field(default_factory=dict)
    review: OpenReview | None = None
    is_barred: bool = False
    notices: list[NoticeCode] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)
    reason: str | None = None

    @property
    def newest(self):
        return list(self.awards.values())[-1] if self.awards else None

    def evaluate(self, verdict, now, details):
        chosen = occasion(self.policy, self.term, self.awards.values(), now)
        if chosen.key is None:
            return
        if chosen.notice is not None:
            self.tell(chosen.notice, self.newest)
        standing = self.awards.get(chosen.key)
        decision = decide_award(
            standing,
            verdict,
            self.policy,
            now,
            is_barred=self.is_barred,
            open_review=self.review,
            grades_posted="hidden grades" not in details,
        )
        if "run held" in details:
            decision = hold_back(standing, decision)
        self.carry_out(decision, chosen.key, now)

    def carry_out(self, decision: Decision, key, now, *, by_hand=False):
        self.reason = decision.reason.value
        self.audit += decision.events
        for action in (decision.action, decision.then):
            if action is not None:
                self.move(action, key, now, by_hand=by_hand)
        if decision.notice is not None:
            self.tell(decision.notice, self.awards[key])
        wish = decision.review
        if wish is not None:
            is_over = wish.change is ReviewChange.SETTLE
            self.review = None if is_over else OpenReview(wish.kind, wish.due_at)
            if wish.outcome is ReviewOutcome.KEPT:
                self.awards[key] = replace(self.awards[key], is_kept=True)

    def move(self, action, key, now, *, by_hand):
        current = self.awards.get(key)
        state = advance(current.state if current else None, action)
        award = replace(current, state=state) if current else AwardStanding(state, key, is_by_hand=by_hand)
        if action in (AwardAction.OFFER, AwardAction.OFFER_AGAIN):
            award = replace(award, offered_at=now)
        if action is AwardAction.CLAIM:
            award = replace(award, claimed_at=now, valid_until=self.policy.valid_until(now))
        self.awards[key] = award

    def tell(self, notice, award):
        self.notices.append(notice)
        self.awards[award.occasion] = replace(award, told=award.told | {notice})

    def live(self, day, event, more):
        """One event: a person's decision (``name: what``), or what an evaluation or the learner brings."""
        now, name, what = at(day), *event.partition(": ")[::2]
        if what:
            self.decide(name, what, now, more)
        elif name.split(", ")[0] in list(Verdict):
            self.evaluate(Verdict(name.split(", ")[0]), now, name)
        elif name.startswith("claim while "):
            verdict = Verdict(name.removeprefix("claim while "))
            self.act(decide_claim(self.newest, verdict, is_barred=self.is_barred), now)
        elif name == "appeal":
            self.review = self.review._replace(is_appealed=True)
        elif name == "decline":
            self.act(act_by_hand(self.newest, AwardAction.DECLINE, self.policy), now)
        elif name == "undo":
            self.act(undo(self.newest, open_review=self.review), now)
        else:
            self.is_barred = {"bar": True, "unbar": False}[name]

    def decide(self, name, what, now, more):
        if name == "by hand":
            decision = act_by_hand(self.newest, AwardAction(what), self.policy, open_review=self.review)
            self.act(decision, now, by_hand=True)
        elif name == "review":
            self.act(resolve_review(self.newest, self.review, ReviewOutcome(what)), now)
        elif name == "term":
            self.term = Term(what, now)
        else:
            assert name == "policy"
            self.policy = policy_of(more["policy"])

    def act(self, decision, now, *, by_hand=False):
        self.carry_out(decision, self.newest.occasion if self.newest else "", now, by_hand=by_hand)


def review_of(life):
    if life.review is None:
        return "-"
    return "open" if life.review.due_at is None else (life.review.due_at - BEGIN) / timedelta(days=1)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario):
    term = Term(scenario.term, BEGIN) if scenario.term else None
    life = Life(policy_of(scenario.policy), term)
    expected_review = "-"
    for day, event, state, more in scenario.steps:
        life.notices, life.audit, life.reason = [], [], None
        life.live(day, event, more)
        where = f"day {day}: {event}"
        assert (life.newest.state.value if life.newest else "-") == state, where
        assert life.notices == [f"award.{notice}" for notice in [more.get("notice")] if notice], where
        assert life.audit == [f"award.{action}" for action in more.get("audit", [])], where
        expected_review = more.get("review", expected_review)
        assert review_of(life) == expected_review, where
        if "reason" in more:
            assert life.reason == more["reason"], where
        if "occasion" in more:
            assert life.newest.occasion == more["occasion"], where


def test_there_are_enough_of_them_and_none_twice():
    assert len(SCENARIOS) >= 60
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert len({repr(replace(scenario, name="")) for scenario in SCENARIOS}) == len(SCENARIOS)


def test_every_state_and_every_notice_occurs():
    steps = [step for scenario in SCENARIOS for step in scenario.steps]
    assert {state for _, _, state, _ in steps} == {"-", *AwardState}
    assert {f"award.{more['notice']}" for *_, more in steps if "notice" in more} == set(NoticeCode)
    assert any(policy_of(scenario.policy).claim_mode is ClaimMode.AUTO for scenario in SCENARIOS)
