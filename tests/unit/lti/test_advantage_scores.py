"""Scores, sent to platforms that check them to the letter."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from platforms.quirks import BLACKBOARD, CANVAS, MOODLE, PROFILES, STANDARD
from platforms.reading import START, Reading, reading
from sqlalchemy import Engine

from lti_tool.errors import (
    AddressRefusedError,
    InvalidInputError,
    MissingScopeError,
    PlatformServiceError,
    PlatformThrottledError,
    ScoreOutdatedError,
    ScoreRefusedError,
    ServiceRefusedError,
)
from lti_tool.lti.advantage import ActivityProgress, Advantage, GradingProgress, Score, next_timestamp, score_step

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
AT = datetime(2026, 11, 20, 8, 59, 58, 250_000, tzinfo=UTC)


@pytest.fixture
def tool(engine: Engine) -> Iterator[Reading]:
    """A client and a platform to the letter of the standard, with one column."""
    with reading(engine) as found:
        found.platform.add_line_item("Badge", maximum=10)
        yield found


def score_for(tool: Reading, **changes: Any) -> Score:
    """A sound score of the learner."""
    fields: dict[str, Any] = {
        "platform_user_id": tool.platform.personas["learner"],
        "timestamp": AT,
        "activity_progress": ActivityProgress.COMPLETED,
        "grading_progress": GradingProgress.FULLY_GRADED,
        "score_given": Decimal("4.5"),
        "score_maximum": Decimal(5),
    }
    return Score(**fields | changes)


def post(tool: Reading, is_repeat: bool = False, url: str | None = None, **changes: Any) -> None:
    """Send a score for the one column."""
    url = url or tool.platform.line_item_url(tool.platform.columns[1])
    Advantage(tool.client).post_score(
        tool.registration, tool.context, url, score_for(tool, **changes), is_repeat=is_repeat
    )


def refused(tool: Reading, kind: type[PlatformServiceError], **changes: Any) -> Any:
    """The error of sending a score, which tells no secrets."""
    with pytest.raises(kind) as caught:
        post(tool, **changes)
    assert "secret" not in str(caught.value)
    assert tool.platform.personas["learner"] + " " not in str(caught.value)
    assert "/services/" not in str(caught.value)
    return caught.value


def posts(tool: Reading) -> list[int]:
    """What scores were answered with."""
    return [asked.status for asked in tool.platform.requests if asked.kind == "scores"]


# -- what is sent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PROFILES)
def test_a_score_arrives_and_shows_as_a_result(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        tool.platform.add_line_item("Badge", maximum=10)
        post(tool)
        asked = tool.platform.requests[-1]
        assert asked.path.endswith("/scores")
        assert asked.headers["Content-Type"] == "application/vnd.ims.lis.v1.score+json"
        assert dict(asked.query) == ({"type_id": "1"} if product == "moodle" else {})
        assert list(tool.platform.token_scopes) == [AGS + "score"]
        pages = Advantage(tool.client).iter_results(tool.registration, tool.context, tool.platform.line_item_url(
            tool.platform.columns[1]))  # fmt: skip
        assert [(one.score, one.maximum) for page in pages for one in page] == [(Decimal(9), Decimal(10))]


def test_a_score_carries_everything_the_standard_knows(tool: Reading) -> None:
    zone = timezone(timedelta(hours=-5))
    post(tool, comment="Well <done>", scoring_user_id="teacher", started_at=AT.astimezone(zone), submitted_at=AT,
         extensions={"https://tool.example/why": ["a"]})  # fmt: skip
    assert json.loads(tool.platform.requests[-1].body) == {
        "userId": "learner",
        "timestamp": "2026-11-20T08:59:58.250000+00:00",
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "scoreGiven": 4.5,
        "scoreMaximum": 5,
        "comment": "Well <done>",
        "scoringUserId": "teacher",
        "submission": {
            "startedAt": "2026-11-20T08:59:58.250000+00:00",
            "submittedAt": "2026-11-20T08:59:58.250000+00:00",
        },
        "https://tool.example/why": ["a"],
    }


def test_what_is_not_given_is_not_sent(tool: Reading) -> None:
    post(tool)
    post(tool, score_given=None, score_maximum=None, timestamp=AT + timedelta(seconds=1))
    assert set(tool.platform.scores[-1]) == {"userId", "timestamp", "activityProgress", "gradingProgress"}
    assert tool.platform.columns[1].scores == {"learner": None}


def test_canvas_is_told_that_a_score_is_no_new_attempt(engine: Engine) -> None:
    extension = "https://canvas.instructure.com/lti/submission"
    with reading(engine, CANVAS) as tool:
        tool.platform.add_line_item("Badge")
        post(tool)
        assert tool.platform.scores[-1][extension] == {"new_submission": False}
        post(tool, timestamp=AT + timedelta(seconds=1), extensions={extension: {"new_submission": True}})
        assert tool.platform.scores[-1][extension] == {"new_submission": True}


@pytest.mark.parametrize("activity", ActivityProgress)
@pytest.mark.parametrize("grading", GradingProgress)
def test_every_progress_is_known(tool: Reading, activity: ActivityProgress, grading: GradingProgress) -> None:
    post(tool, activity_progress=activity, grading_progress=grading)
    assert posts(tool) == [204]
    shown = tool.platform.columns[1].scores["learner"]
    assert (shown is None) == (grading is not GradingProgress.FULLY_GRADED)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", [b"", b"<html>", b"{}"])
def test_any_success_is_one(tool: Reading, status: int, body: bytes) -> None:
    from werkzeug.wrappers import Response

    tool.platform._mishaps.append(Response(b"" if status == 204 else body, status))
    post(tool)
    assert posts(tool) == [status]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"platform_user_id": ""}, "platform_user_id"),
        ({"timestamp": AT.replace(tzinfo=None)}, "timestamp"),
        ({"submitted_at": AT.replace(tzinfo=None)}, "submitted_at"),
        ({"score_given": Decimal(-1)}, "score_given"),
        ({"score_given": Decimal("NaN")}, "score_given"),
        ({"score_maximum": None}, "score_maximum"),
        ({"score_maximum": Decimal(0)}, "score_maximum"),
        ({"score_maximum": Decimal("Infinity")}, "score_maximum"),
        ({"extensions": {"new_submission": False}}, "extensions"),
    ],
)
def test_a_score_that_no_platform_can_take_is_not_made(tool: Reading, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        score_for(tool, **changes)
    assert (caught.value.code, caught.value.field) == ("score_invalid", field)


def test_more_than_the_maximum_is_allowed(tool: Reading) -> None:
    post(tool, score_given=Decimal("5.5"))
    assert tool.platform.columns[1].scores == {"learner": Decimal(11)}


# -- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("previous", "now", "expected"),
    [
        (None, AT, AT),
        (AT - timedelta(days=1), AT, AT),
        (AT, AT, AT + timedelta(milliseconds=1)),
        (AT - timedelta(microseconds=999), AT, AT + timedelta(microseconds=1)),
        (AT + timedelta(seconds=5), AT, AT + timedelta(seconds=5, milliseconds=1)),
        (AT.astimezone(timezone(timedelta(hours=9))), AT, AT + timedelta(milliseconds=1)),
    ],
)
def test_the_next_timestamp_is_later(previous: datetime | None, now: datetime, expected: datetime) -> None:
    assert next_timestamp(previous, now) == expected
    assert previous is None or next_timestamp(previous, now) >= previous + timedelta(milliseconds=1)
    assert next_timestamp(previous, now, step=timedelta(0)) == expected


@pytest.mark.parametrize("product", PROFILES)
def test_scores_one_after_the_other_are_all_taken(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        tool.platform.add_line_item("Badge")
        last: datetime | None = None
        for _ in range(4):  # the clock stands still
            last = next_timestamp(last, START, step=score_step(tool.registration.product))
            post(tool, timestamp=last)
        assert len(tool.platform.scores) == 4


@pytest.mark.parametrize(
    ("quirks", "status"), [(STANDARD, 409), (CANVAS, 400), (MOODLE, 409)], ids=lambda one: str(one)[:9]
)
def test_a_score_that_is_not_the_newest_is_outdated(engine: Engine, quirks: Any, status: int) -> None:
    with reading(engine, quirks) as tool:
        tool.platform.add_line_item("Badge")
        post(tool)
        for earlier in (AT, AT - timedelta(seconds=1)):
            error = refused(tool, ScoreOutdatedError, timestamp=earlier, score_given=Decimal(1))
            assert (error.code, error.http_status, error.retryable) == ("score_outdated", status, False)
        assert len(tool.platform.scores) == 1
        post(tool, timestamp=next_timestamp(AT, AT, step=score_step(quirks.product)), score_given=Decimal(1))
        assert len(tool.platform.scores) == 2


def test_moodle_counts_whole_seconds(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        tool.platform.add_line_item("Badge")
        post(tool)
        refused(tool, ScoreOutdatedError, timestamp=AT + timedelta(milliseconds=1))


def test_other_answers_with_400_are_not_outdated(engine: Engine) -> None:
    with reading(engine, CANVAS) as tool:
        tool.platform.add_line_item("Badge")
        tool.platform.fail_next(1, 400)
        assert refused(tool, ServiceRefusedError).code == "platform_refused"
    with reading(engine, STANDARD, client_id="other") as tool:
        tool.platform.add_line_item("Badge")
        tool.platform.fail_next(1, 400)
        assert refused(tool, ServiceRefusedError).code == "platform_refused"


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quirks", [STANDARD, CANVAS, MOODLE, BLACKBOARD], ids=lambda one: one.product)
@pytest.mark.parametrize("who", ["teacher", "nobody"])
def test_only_learners_have_scores(engine: Engine, quirks: Any, who: str) -> None:
    with reading(engine, quirks) as tool:
        tool.platform.add_line_item("Badge")
        error = refused(tool, ScoreRefusedError, platform_user_id=tool.platform.personas.get(who, who))
        assert (error.code, error.retryable) == ("score_refused", False)
        assert len(posts(tool)) == 1


def test_a_learner_without_an_attempt_left(tool: Reading) -> None:
    tool.platform.exhausted.add("learner")
    assert refused(tool, ScoreRefusedError).http_status == 422
    assert len(posts(tool)) == 1


@pytest.mark.parametrize(("quirks", "code"), [(STANDARD, "platform_not_found"), (CANVAS, "line_item_precondition")])
def test_columns_of_other_tools_and_columns_that_are_gone(engine: Engine, quirks: Any, code: str) -> None:
    with reading(engine, quirks) as tool:
        column = tool.platform.add_line_item("Exam", mine=False)
        assert refused(tool, ServiceRefusedError).code == code
        del tool.platform.columns[1]
        assert refused(tool, ServiceRefusedError, url=tool.platform.line_item_url(column)).code == "platform_not_found"


def test_a_scope_no_launch_granted_is_not_asked_for(tool: Reading) -> None:
    tool.context.ags_scopes = [AGS + "lineitem", AGS + "result.readonly"]
    with pytest.raises(MissingScopeError, match="score"):
        post(tool)
    assert tool.platform.requests == []


@pytest.mark.parametrize("url", ["https://elsewhere.example/1", "https://[", "http://h:port/1"])
def test_scores_go_to_the_platform_only(tool: Reading, url: str) -> None:
    with pytest.raises(AddressRefusedError):
        post(tool, url=url)
    assert tool.platform.requests == []


# -- answers that are lost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_score_whose_fate_is_unknown_is_not_sent_again_by_itself(tool: Reading, status: int) -> None:
    tool.platform.fail_next(1, status)
    error = refused(tool, PlatformServiceError)
    assert (error.code, error.http_status, error.retryable) == ("platform_unavailable", status, True)
    assert posts(tool) == [status]
    assert tool.slept == []


def test_a_score_that_was_certainly_not_taken_is_sent_again(tool: Reading) -> None:
    tool.platform.throttle_next(1)
    tool.platform.throttle_next(1, retry_after="7")
    tool.platform.fail_next(1, 503, {"Retry-After": "3"})
    post(tool)
    assert posts(tool) == [429, 429, 503, 204]
    assert tool.slept == [1.0, 7.0, 3.0]
    assert len(tool.platform.scores) == 1


def test_patience_with_throttling_ends(tool: Reading) -> None:
    tool.platform.throttle_next(9)
    refused(tool, PlatformThrottledError)
    assert len(posts(tool)) == 4


def test_a_token_that_ended_is_replaced_once(tool: Reading) -> None:
    post(tool)
    tool.platform.end_tokens()
    post(tool, timestamp=AT + timedelta(seconds=1))
    assert posts(tool) == [204, 401, 204]


def test_a_repetition_of_what_arrived_is_delivered(tool: Reading) -> None:
    tool.platform.answers_to_lose = 1
    refused(tool, PlatformServiceError)
    assert len(tool.platform.scores) == 1  # it had arrived
    post(tool, is_repeat=True)
    assert posts(tool) == [504, 409]
    refused(tool, ScoreOutdatedError)  # without saying that it is a repetition, it is just too late


def test_a_repetition_of_what_did_not_arrive_arrives(tool: Reading) -> None:
    tool.platform.fail_next(1, 504)
    refused(tool, PlatformServiceError)
    post(tool, is_repeat=True)
    assert posts(tool) == [504, 204]


@pytest.mark.parametrize(
    "changes",
    [{"score_given": Decimal(4)}, {"score_given": None, "score_maximum": None}, {"score_maximum": Decimal(6)}],
    ids=str,
)
def test_a_repetition_that_meets_another_score_is_outdated(tool: Reading, changes: dict[str, Any]) -> None:
    post(tool)
    refused(tool, ScoreOutdatedError, is_repeat=True, **changes)


def test_a_repetition_that_cannot_be_checked_is_outdated(tool: Reading) -> None:
    post(tool)
    tool.context.ags_scopes = [AGS + "score"]
    refused(tool, ScoreOutdatedError, is_repeat=True)
    assert tool.platform.counts["results"] == 0
    tool.context.ags_scopes = [AGS + "score", AGS + "result.readonly"]
    tool.platform._results = lambda *_, **__: _page("<html>")  # type: ignore[method-assign]
    refused(tool, ScoreOutdatedError, is_repeat=True)
    tool.platform._results = lambda *_, **__: _page('[{"userId": "learner", "resultMaximum": 10}]')  # type: ignore[method-assign]
    refused(tool, ScoreOutdatedError, is_repeat=True)


def test_a_score_that_a_person_overrode_is_not_taken_for_delivered(tool: Reading) -> None:
    post(tool)
    tool.platform.columns[1].scores["learner"] = Decimal(3)
    refused(tool, ScoreOutdatedError, is_repeat=True)


def _page(body: str) -> Any:
    from werkzeug.wrappers import Response

    return Response(body, mimetype="application/json")
