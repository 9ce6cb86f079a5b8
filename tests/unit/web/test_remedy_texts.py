"""Every code a learner or instructor can meet has words, in English and French, and every value finds its place."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from french import catalogue

from lti_tool.domain.award_policy import AwardPolicy, ClaimMode, Duplicates, GradeChange
from lti_tool.domain.award_states import NoticeCode
from lti_tool.domain.decisions import Decision, DecisionReason
from lti_tool.domain.judgement import ReasonCode
from lti_tool.domain.remedies import Remedy, RemedyCode
from lti_tool.domain.verdict import Verdict
from lti_tool.models import LearnerNotice, TraceMoment
from lti_tool.services.explaining import Idle
from lti_tool.services.rebuilding import RebuildOutcome
from lti_tool.services.review_decisions import APPEAL_GRANTED, APPEAL_REFUSED
from lti_tool.web import decision_texts, notice_texts, reason_texts, remedy_texts
from lti_tool.web.decision_texts import decision_text, policy_lines
from lti_tool.web.notice_texts import notice_line
from lti_tool.web.reason_texts import Voice
from lti_tool.web.remedy_texts import Link, hints_by_path, remedy_text

NOW = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)
PARAMS = {
    "title": "Final project 100 %s",
    "value": "64",
    "needed": "70",
    "missing": "1.5",
    "maximum": "25",
    "have": "1",
    "of": "3",
    "at": "2026-11-03T10:00:00+00:00",
    "date": "2026-11-01T00:00:00+00:00",
}
OWN_PARAMS = {
    RemedyCode.BETTER_LETTER: {"value": "C", "needed": "A, B"},
    RemedyCode.MORE_OF_THESE: {"missing": "2"},
}
NOTICES = [*(code.value for code in NoticeCode), APPEAL_GRANTED, APPEAL_REFUSED]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    app = Flask("words")
    Babel(app, default_locale="en")
    with app.test_request_context("/"):
        yield


def remedy(code: RemedyCode, **params: str | None) -> Remedy:
    given = {**PARAMS, **OWN_PARAMS.get(code, {}), **params}
    return Remedy(code, "$", Verdict.NOT_MET, "final-project", given)


def notice(code: str, **details: object) -> LearnerNotice:
    return LearnerNotice(id=7, achievement_id=3, code=code, details=details, created_at=NOW)


# -- nothing is without words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "codes"),
    [
        (reason_texts.TEXTS, list(ReasonCode)),
        (remedy_texts.TEXTS, list(RemedyCode)),
        (decision_texts.TEXTS, list(DecisionReason)),
        (decision_texts.IDLE, list(Idle)),
        (decision_texts.MOMENTS, list(TraceMoment)),
        (decision_texts.REBUILT, list(RebuildOutcome)),
        (notice_texts.TEXTS, NOTICES),
    ],
    ids=["reasons", "remedies", "decisions", "idle", "moments", "rebuilt", "notices"],
)
def test_every_code_has_words_in_both_languages(texts: Mapping[Any, Any], codes: list[Any]) -> None:
    assert set(texts) == set(codes)
    assert untranslated(texts) == []


@pytest.mark.parametrize("texts", [reason_texts.LEARNER, remedy_texts.LEARNER, decision_texts.LEARNER])
def test_what_learners_read_is_in_both_languages(texts: Mapping[Any, Any]) -> None:
    assert untranslated(texts) == []


def untranslated(texts: Mapping[Any, Any]) -> list[str]:
    """The English texts that have no French."""
    french = {message.id: message.string for message in catalogue()}
    return [text._args[0] for text in texts.values() if not french.get(text._args[0])]


@pytest.mark.parametrize("voice", list(Voice))
@pytest.mark.parametrize("code", list(RemedyCode))
def test_every_remedy_is_a_sentence(code: RemedyCode, voice: Voice) -> None:
    said = remedy_text(remedy(code), voice=voice, platform="Lakeside")
    assert said[-1] in ".:"
    assert "%(" not in said
    assert "None" not in said
    bare = remedy_text(Remedy(code, "$", Verdict.UNKNOWN), voice=voice)
    assert bare[-1] in ".:"
    assert "%(" not in bare


@pytest.mark.parametrize("voice", list(Voice))
@pytest.mark.parametrize("reason", list(DecisionReason))
def test_every_decision_is_a_sentence(reason: DecisionReason, voice: Voice) -> None:
    said = decision_text(Decision(None, reason, not_before=NOW), voice=voice)
    assert said.endswith(".")
    assert "%(" not in said
    assert ("Nov 5, 2026" in said) is (reason in {DecisionReason.WAITS_FOR_DATE, DecisionReason.IN_GRACE})


@pytest.mark.parametrize("code", [*NOTICES, "award.of_a_later_version"])
def test_every_notice_names_its_badge(code: str) -> None:
    line = notice_line(notice(code, due_at=NOW.isoformat()), "Water 100 %s", "Lakeside")
    assert "“Water 100 %s”" in line.text
    assert "%(" not in line.text
    assert ("Nov 5, 2026" in line.text) is (code == NoticeCode.WILL_BE_REVOKED)
    assert (line.notice_id, line.achievement_id, line.at, line.more) == (7, 3, NOW, ())


# -- what they say ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "params", "said"),
    [
        (RemedyCode.SCORE_MORE, {}, "You need 1.5 more of the 25 points."),
        (RemedyCode.SCORE_MORE, {"missing": None, "maximum": None}, "70% would be enough."),
        (RemedyCode.POINTS_MORE, {}, "Points still missing: 1.5."),
        (RemedyCode.BETTER_LETTER, {}, "You need one of these grades: A, B."),
        (RemedyCode.RAISE_AVERAGE, {"value": "69.5"}, "The average has to rise from 69.5% to 70%."),
        (RemedyCode.MORE_OF_THESE, {"missing": "1"}, "One of these 3 would be enough:"),
        (RemedyCode.MORE_OF_THESE, {"missing": "2"}, "2 of these 3 would be enough:"),
        (RemedyCode.MORE_OF_THESE, {"missing": "3"}, "All of these are needed:"),
        (RemedyCode.WAIT_FOR_GRADE, {}, "You have nothing to do: it waits for a grade."),
        (RemedyCode.OPENS_AT, {}, "Work counts from Nov 1, 2026, 12:00:00\u202fAM UTC on."),
    ],
)
def test_what_would_help(code: RemedyCode, params: dict[str, str | None], said: str) -> None:
    assert remedy_text(remedy(code, **params), voice=Voice.LEARNER, platform="Lakeside") == said


def test_hints_stand_at_their_clause_with_the_next_step() -> None:
    option = Remedy(RemedyCode.NOT_GRADED_YET, "$.all[1].of[0]", Verdict.UNKNOWN, "log", PARAMS)
    graded = Remedy(RemedyCode.WAIT_FOR_GRADE, "$.all[1].of[1]", Verdict.UNKNOWN, "quiz", PARAMS)
    several = Remedy(
        RemedyCode.MORE_OF_THESE, "$.all[1]", Verdict.UNKNOWN, None, PARAMS | {"missing": "1"}, (option, graded)
    )
    links = {"log": Link("/log", "Water log"), "quiz": Link("/quiz", "Quiz")}
    hints = hints_by_path([several], voice=Voice.LEARNER, platform=None, links=links)
    assert list(hints) == ["$.all[1]", "$.all[1].of[0]", "$.all[1].of[1]"]
    assert hints["$.all[1].of[0]"].link == links["log"]
    assert (hints["$.all[1].of[1]"].link, hints["$.all[1].of[1]"].state) == (None, "waiting")
    staff = hints_by_path([several], voice=Voice.INSTRUCTOR, platform=None, links=links)
    assert [one.link for one in staff.values()] == [None, None, None]


def test_a_notice_gives_the_reason_and_what_a_person_wrote() -> None:
    reason = {"code": "below_threshold", "params": {"title": "Quiz", "value": "40", "needed": "70"}}
    line = notice_line(notice(NoticeCode.LAPSED, reason=reason, note="Copied."), "Water", "Lakeside")
    assert line.more == ("Needs 70% in Quiz. Lakeside shows 40%.", "The reason that was given: “Copied.”")
    assert line.tone == "warning"
    assert notice_line(notice(APPEAL_GRANTED, answer="Yes."), "Water", "").more == ("The answer: “Yes.”",)


def test_a_review_says_that_a_grade_changed_only_where_one_did() -> None:
    reason = {"code": "below_threshold", "params": {"title": "Quiz", "value": "40", "needed": "70"}}
    assert "Your grade changed" in notice_line(notice(NoticeCode.REVIEW_OPENED, reason=reason), "W", "L").text
    assert "Your grade changed" not in notice_line(notice(NoticeCode.REVIEW_OPENED), "W", "L").text


@pytest.mark.parametrize("broken", ["text", {"code": "of_a_later_version", "params": {}}, {"code": "below_threshold"}])
def test_a_reason_that_cannot_be_read_is_left_out(broken: object) -> None:
    assert notice_line(notice(NoticeCode.LAPSED, reason=broken), "Water", "Lakeside").more == ()


def test_a_policy_is_said_fact_by_fact() -> None:
    policy = AwardPolicy(
        claim_mode=ClaimMode.AUTO,
        grade_change=GradeChange.REVOKE_AFTER_GRACE,
        grace_days=1,
        hold_until=datetime(2026, 12, 1, tzinfo=UTC),
        needs_posted_grades=True,
        duplicates=Duplicates.RENEW,
        validity_days=365,
        renewal_window_days=30,
    )
    assert policy_lines(policy, NOW) == [
        "It is offered from Dec 1, 2026, 12:00:00\u202fAM UTC on, not before.",
        "It is offered once all grades it looks at are released.",
        "It is given without a claim, and stays private until its holder shares it.",
        "It is valid for 365 days from its claim.",
        "It can be earned anew from 30 days before that ends.",
        "If it is not earned any more after the claim, its holder is told, and 1 day later it is revoked.",
    ]
    after = policy_lines(policy, datetime(2026, 12, 1, tzinfo=UTC))
    assert after[0] == "It is offered once all grades it looks at are released."
    assert policy_lines(AwardPolicy(grade_change=GradeChange.IGNORE), NOW) == [
        "Once claimed it stays, whatever happens to the grades."
    ]
    assert "once a term" in policy_lines(AwardPolicy(duplicates=Duplicates.PER_TERM), NOW)[0]
