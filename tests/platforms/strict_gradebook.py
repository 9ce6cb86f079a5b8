"""The strict platform's gradebook: line items, scores and results (AGS 2.0), to the letter."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from platforms.quirks import Quirks
from platforms.strict_answers import StrictAnswers, json_answer
from platforms.strict_tokens import LINE_ITEM, LINE_ITEM_READ, RESULT_READ, SCORE
from werkzeug.wrappers import Request, Response

LINE_ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
ACTIVITY = {"Initialized", "Started", "InProgress", "Submitted", "Completed"}
GRADING = {"FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"}
SCORE_KEYS = {
    "userId", "activityProgress", "gradingProgress", "timestamp", "scoreGiven", "scoreMaximum", "comment",
    "scoringUserId", "submission",
}  # fmt: skip
ITEM_KEYS = {
    "id", "label", "scoreMaximum", "resourceId", "tag", "resourceLinkId", "startDateTime", "endDateTime",
    "gradesReleased", "submissionReview",
}  # fmt: skip


class StrictGradebook(StrictAnswers):
    """Shows a tool its own columns and takes scores for them."""

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, context_id, clock)
        self.scores: list[dict[str, Any]] = []
        """Scores that were taken, as sent, in their order."""
        self.exhausted: set[str] = set()
        """Learners who have no attempt left."""
        self._score_times: dict[tuple[int, str], datetime] = {}

    # -- line items -------------------------------------------------------------------------------------------------

    def _line_items(self, request: Request, context: str) -> Response:
        if request.method == "POST":
            return self._create_item(request, context)
        refusal = self._refusal(request, context, {LINE_ITEM, LINE_ITEM_READ}, LINE_ITEMS_TYPE)
        if refusal is not None:
            return refusal
        names = {"resourceId": "resource_id", "tag": "tag", "resourceLinkId": "resource_link_id"}
        given = {} if self.quirks.ignores_item_filters else request.args
        asked = {key: given.get(name) for key, name in names.items()}
        items = [self._item_document(one) for one in self.columns.values() if one.is_mine or self._sees_all]
        items = [one for one in items if all(value in (None, one.get(key)) for key, value in asked.items())]
        page, links = self._page(request, items, self.quirks.line_items)
        return self._answer(page, LINE_ITEMS_TYPE, links)

    def _create_item(self, request: Request, context: str) -> Response:
        refusal = self._refusal(request, context, {LINE_ITEM}, LINE_ITEM_TYPE)
        document = _read(request)
        if refusal is None:
            refusal = self._item_refusal(document)
        if refusal is not None:
            return refusal
        column = self.add_line_item(document["label"], maximum=document["scoreMaximum"])
        self._keep_item(column, document)
        answer = self._answer(self._item_document(column), LINE_ITEM_TYPE, {})
        answer.status_code = 201
        return answer

    def _line_item(self, request: Request, context: str, number: int) -> Response:
        scopes = {LINE_ITEM, LINE_ITEM_READ} if request.method == "GET" else {LINE_ITEM}
        refusal = self._refusal(request, context, scopes, LINE_ITEM_TYPE) or self._column_refusal(number)
        if refusal is not None:
            return refusal
        column = self.columns[number]
        if request.method == "DELETE":
            if self.quirks.coupled_item_status is not None and "resourceLinkId" in column.raw:
                return Response("secret detail", self.quirks.coupled_item_status)
            del self.columns[number]
            return Response(status=204)
        if request.method == "PUT":
            document = _read(request)
            refusal = self._item_refusal(document)
            if refusal is not None:
                return refusal
            self._keep_item(column, document)
        return self._answer(self._item_document(column), LINE_ITEM_TYPE, {})

    def _item_refusal(self, document: Any) -> Response | None:
        """Why a line item as sent is not kept (section 3.2.9 and the rules for its members)."""
        if not isinstance(document, dict) or not isinstance(document.get("label"), str) or not document["label"]:
            return Response("secret detail", 422)
        maximum = document.get("scoreMaximum")
        if not _is_number(maximum) or maximum <= 0:
            return Response("secret detail", 422)
        if any(key not in ITEM_KEYS and "://" not in key for key in document):
            return Response("secret detail", 422)
        times = [document[key] for key in ("startDateTime", "endDateTime") if key in document]
        if not all(_moment(one) for one in times):
            return Response("secret detail", 422)
        if document.get("resourceLinkId") not in {None, *self.link_ids()}:
            return Response("secret detail", self.quirks.wrong_link_status)
        return None

    def _keep_item(self, column: Any, document: Mapping[str, Any]) -> None:
        """A PUT replaces everything but the id."""
        column.label, column.maximum = document["label"], Decimal(document["scoreMaximum"])
        column.resource_id, column.tag = document.get("resourceId"), document.get("tag")
        plain = {"id", "label", "scoreMaximum", "resourceId", "tag"}
        column.raw = {key: value for key, value in document.items() if key not in plain}

    @property
    def _sees_all(self) -> bool:
        return self.quirks.lists_foreign_items

    def _column_refusal(self, number: int) -> Response | None:
        column = self.columns.get(number)
        if column is None:
            return Response("secret detail", 404)
        if not (column.is_mine or self._sees_all):
            return Response("Tool does not have permission to view line_item", self.quirks.foreign_item_status)
        return None

    def _item_document(self, column: Any) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": self.line_item_url(column),
            "label": column.label,
            "scoreMaximum": column.maximum,
            "resourceId": column.resource_id,
            "tag": column.tag,
        }
        raw: dict[str, Any] = column.raw
        return {key: value for key, value in document.items() if value is not None} | raw

    # -- scores -----------------------------------------------------------------------------------------------------

    def _scores(self, request: Request, context: str, number: int) -> Response:
        refusal = self._refusal(request, context, {SCORE}, SCORE_TYPE) or self._column_refusal(number)
        score = _read(request)
        if refusal is None:
            refusal = self._score_refusal(score)
        if refusal is not None:
            return refusal
        user_id, column, sent_at = score["userId"], self.columns[number], datetime.fromisoformat(score["timestamp"])
        known = self._score_times.get((number, user_id))
        if known is not None and self._tick(sent_at) <= self._tick(known):
            status, body = self.quirks.stale_score
            return Response(body, status)
        self._score_times[number, user_id] = sent_at
        self.scores.append(score)
        column.scores[user_id] = self._shown(column, score)
        if self.quirks.score_status == 204:
            return Response(status=204)
        return json_answer({"resultUrl": f"{self.line_item_url(column)}/results/1"}, {})

    def _tick(self, moment: datetime) -> float:
        seconds, resolution = moment.timestamp(), self.quirks.score_resolution
        return seconds // resolution if resolution else seconds

    def _shown(self, column: Any, score: Mapping[str, Any]) -> Decimal | None:
        """The score in the column's own scale, where it is ready to be shown."""
        if "scoreGiven" not in score or score["gradingProgress"] != "FullyGraded":
            return None
        found: Decimal = Decimal(score["scoreGiven"]) * column.maximum / Decimal(score["scoreMaximum"])
        return min(found, column.maximum) if self.quirks.caps_scores else found

    def _score_refusal(self, score: Any) -> Response | None:
        """Why a score as sent is not taken (section 3.4)."""
        if not isinstance(score, dict) or not _is_well_formed(score):
            return Response("secret detail", 422)
        person = self.members.get(score["userId"])
        if person is None or not any(role.endswith("#Learner") for role in person.roles):
            return Response("[]", self.quirks.no_learner_status)
        return Response("secret detail", 422) if score["userId"] in self.exhausted else None

    # -- results ----------------------------------------------------------------------------------------------------

    def _results(self, request: Request, context: str, number: int) -> Response:
        refusal = self._refusal(request, context, {RESULT_READ}, RESULTS_TYPE) or self._column_refusal(number)
        if refusal is not None:
            return refusal
        column = self.columns[number]
        user = None if self.quirks.ignores_user_filter else request.args.get("user_id")
        scores = {one: score for one, score in column.scores.items() if user in (None, one)}
        entries = [self._result_document(column, one, score) for one, score in scores.items()] + column.raw_results
        page, links = self._page(request, entries, self.quirks.results)
        return self._answer(page, RESULTS_TYPE, links)

    def _result_document(self, column: Any, user_id: str, score: Decimal | None) -> dict[str, Any]:
        url = self.line_item_url(column)
        document: dict[str, Any] = {
            "id": f"{url.partition('?')[0]}/results/{user_id}",
            "scoreOf": url,
            "userId": int(user_id) if self.quirks.has_integer_user_ids else user_id,
            "resultMaximum": column.maximum,
            "comment": self.quirks.comment,
        }
        document |= {} if score is None else {"resultScore": score}
        return document | ({"timestamp": "2026-11-02T09:30:00+00:00"} if self.quirks.has_result_timestamps else {})

    def add_line_item(self, label: str, **more: Any) -> Any:
        """Add a column."""
        raise NotImplementedError


def _read(request: Request) -> Any:
    try:
        return json.loads(request.get_data(), parse_float=Decimal)
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _moment(value: Any) -> datetime | None:
    """A moment with a zone."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None


def _is_well_formed(score: Mapping[str, Any]) -> bool:
    if any(key not in SCORE_KEYS and "://" not in key for key in score):
        return False
    if not isinstance(score.get("userId"), str) or not score["userId"]:
        return False
    if score.get("activityProgress") not in ACTIVITY or score.get("gradingProgress") not in GRADING:
        return False
    if _moment(score.get("timestamp")) is None or "." not in score["timestamp"]:
        return False
    submission = score.get("submission", {})
    if not isinstance(submission, dict) or not set(submission) <= {"startedAt", "submittedAt"}:
        return False
    if not all(_moment(one) for one in submission.values()):
        return False
    return _has_sound_numbers(score) and all(
        isinstance(score.get(key, ""), str) for key in ("comment", "scoringUserId")
    )


def _has_sound_numbers(score: Mapping[str, Any]) -> bool:
    """scoreGiven from 0, and not without a scoreMaximum above 0."""
    try:
        given, maximum = score.get("scoreGiven"), score.get("scoreMaximum")
        if maximum is not None and not (_is_number(maximum) and maximum > 0):
            return False
        return given is None or (_is_number(given) and given >= 0 and maximum is not None)
    except InvalidOperation:
        return False
