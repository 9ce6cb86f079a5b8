"""Scores: what this tool says about a person's work in a line item (AGS 2.0, section 3.4).

A score states a value; stating it twice changes nothing but its time. Still no score is sent again by itself when its
answer was lost: platforms refuse a time that is not later than what they have, and that refusal does not say whose
score they have. The caller keeps the score with its timestamp and posts it again with ``is_repeat``: then "outdated"
counts as delivered if, and only if, the platform's result shows that very score. Otherwise ``score_outdated`` comes
out, and the caller sends the score with ``next_timestamp`` if it is still the newest it has.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from lti_tool.errors import (
    InvalidInputError,
    OutboundError,
    PlatformServiceError,
    ScoreOutdatedError,
    ScoreRefusedError,
    ServiceRefusedError,
)
from lti_tool.lti.course_service import RESULT_SCOPES, SCORE_SCOPES, below, granted, known_origins
from lti_tool.lti.quirks import quirks_of
from lti_tool.lti.results import Results
from lti_tool.lti.service_client import ServiceCall, ServiceClient
from lti_tool.models import Context, Registration
from lti_tool.outbound import Answer

SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"


class ActivityProgress(enum.StrEnum):
    """How far the person is (AGS 2.0, section 3.4.5)."""

    INITIALIZED = "Initialized"
    STARTED = "Started"
    IN_PROGRESS = "InProgress"
    SUBMITTED = "Submitted"
    COMPLETED = "Completed"


class GradingProgress(enum.StrEnum):
    """How far the grading is (AGS 2.0, section 3.4.6); only ``FullyGraded`` is sure to reach the gradebook."""

    FULLY_GRADED = "FullyGraded"
    PENDING = "Pending"
    PENDING_MANUAL = "PendingManual"
    FAILED = "Failed"
    NOT_READY = "NotReady"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One score. No ``score_given`` clears the score this tool gave before, no ``comment`` its comment.

    ``timestamp`` has a zone and is later than that of any score before for the same person and line item
    (``next_timestamp``). ``comment`` is plain text. ``extensions``: keys are whole addresses. Raises
    ``InvalidInputError`` (``score_invalid``; ``field`` says where).
    """

    platform_user_id: str
    timestamp: datetime
    activity_progress: ActivityProgress
    grading_progress: GradingProgress
    score_given: Decimal | None = None
    score_maximum: Decimal | None = None
    comment: str | None = None
    scoring_user_id: str | None = None
    started_at: datetime | None = None
    submitted_at: datetime | None = None
    extensions: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.platform_user_id:
            raise _invalid("platform_user_id", "is missing")
        for name in ("timestamp", "started_at", "submitted_at"):
            moment: datetime | None = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise _invalid(name, "has no time zone")
        if self.score_given is not None and not (self.score_given.is_finite() and self.score_given >= 0):
            raise _invalid("score_given", "is below 0 or no number")
        if self.score_given is not None and self.score_maximum is None:
            raise _invalid("score_maximum", "is missing, and a score was given")
        if self.score_maximum is not None and not (self.score_maximum.is_finite() and self.score_maximum > 0):
            raise _invalid("score_maximum", "is not above 0")
        if not all("://" in key for key in self.extensions):
            raise _invalid("extensions", "has a key that is no whole address")

    def document(self) -> dict[str, object]:
        """Return the score as it is sent, extensions last."""
        submission = {"startedAt": _text(self.started_at), "submittedAt": _text(self.submitted_at)}
        found: dict[str, object] = {
            "userId": self.platform_user_id,
            "timestamp": _text(self.timestamp),
            "activityProgress": self.activity_progress.value,
            "gradingProgress": self.grading_progress.value,
            "scoreGiven": self.score_given,
            "scoreMaximum": self.score_maximum,
            "comment": self.comment,
            "scoringUserId": self.scoring_user_id,
            "submission": {key: value for key, value in submission.items() if value is not None} or None,
        }
        return {key: value for key, value in found.items() if value is not None} | dict(self.extensions)


def next_timestamp(
    previous: datetime | None, now: datetime, *, step: timedelta = timedelta(milliseconds=1)
) -> datetime:
    """Return the time to give the next score: ``now``, or ``step`` after ``previous`` where that is later.

    Strictly later than ``previous``, also when clocks differ or go back. ``step`` is 1 ms at least; Moodle compares
    whole seconds (``score_step`` knows).
    """
    if previous is None:
        return now
    return max(now, previous + max(step, timedelta(milliseconds=1)))


def score_step(product: str | None) -> timedelta:
    """Return by how much a product wants the timestamps of two scores to differ."""
    return quirks_of(product).score_step


class Scores:
    """Writes scores; platforms let nobody read them back, results say what became of them."""

    def __init__(self, client: ServiceClient, results: Results) -> None:
        self._client = client
        self._results = results

    def post_score(
        self, registration: Registration, context: Context, line_item_url: str, score: Score, *, is_repeat: bool = False
    ) -> None:
        """Send one score; ``is_repeat`` when this very score, same timestamp, was sent and its answer was lost.

        Raises ``MissingScopeError``, ``ScoreOutdatedError`` (``score_outdated``), ``ScoreRefusedError``
        (``score_refused``, never worth a repetition), ``ServiceRefusedError`` (``platform_not_found``;
        ``line_item_precondition``: the line item is not this tool's any more) and what ``ServiceClient.send`` raises; a
        retryable one may have reached the platform.
        """
        quirks = quirks_of(registration.product)
        call = ServiceCall(
            method="POST",
            url=below(line_item_url, "scores"),
            scopes=[granted(context.ags_scopes, SCORE_SCOPES)],
            accept="application/json, */*;q=0.5",
            content_type=SCORE_TYPE,
            allowed_origins=known_origins(context),
            document={**quirks.score_extension, **score.document()},
            is_repeatable=False,
            refusal=lambda answer: _refusal(answer, registration.product),
        )
        try:
            self._client.send(registration, call)
        except ScoreOutdatedError:
            if not (is_repeat and self._is_shown(registration, context, line_item_url, score)):
                raise

    def _is_shown(self, registration: Registration, context: Context, line_item_url: str, score: Score) -> bool:
        """Whether the platform's result shows this score: the same part of the maximum, exactly; unknown is no."""
        if score.score_given is None or score.score_maximum is None or RESULT_SCOPES[0] not in context.ags_scopes:
            return False
        pages = self._results.iter_results(
            registration, context, line_item_url, platform_user_id=score.platform_user_id
        )
        try:
            found = [result for page in pages for result in page]
        except OutboundError:
            return False
        return any(
            one.score is not None
            and one.maximum is not None
            and one.score * score.score_maximum == score.score_given * one.maximum
            for one in found
        )


def _refusal(answer: Answer, product: str | None) -> PlatformServiceError | None:
    host, status, quirks = urlsplit(answer.url).hostname, answer.status, quirks_of(product)
    words = quirks.stale_score_answers.get(status)
    if words is not None and words in answer.text[:10000].lower():
        return ScoreOutdatedError(f"{host} has a score of this or a later time ({status}).", http_status=status)
    if status in quirks.refused_score_statuses:
        return ScoreRefusedError(f"{host} takes no score for this person here ({status}).", http_status=status)
    if status == 412:
        message = f"{host} says the line item is not this tool's ({status})."
        return ServiceRefusedError(message, code="line_item_precondition", http_status=status)
    return None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def _invalid(name: str, fact: str) -> InvalidInputError:
    return InvalidInputError(f"The score's {name} {fact}.", code="score_invalid", field=name)
