"""The pages of a Canvas course's streams, each of which can be gone on with at the address of its next page."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

from lti_tool.evidence import canvas_rows
from lti_tool.evidence.base import EvidencePage, ObservationReading
from lti_tool.evidence.canvas_client import PER_PAGE, CanvasSession, rows_of
from lti_tool.evidence.canvas_columns import iter_outcomes
from lti_tool.evidence.canvas_progress import Progress, ProgressMemory
from lti_tool.evidence.canvas_rows import MalformedRowError, Row
from lti_tool.evidence.canvas_scopes import COURSE, ENROLLMENTS, MODULES, OUTCOME_ROLLUPS, PROGRESS, SUBMISSIONS

UNWANTED = ["body", "url", "attachments", "discussion_entries", "preview_url"]
"""What people handed in is no evidence and is not fetched (``exclude_response_fields``, vendor code: canvas-lms,
lib/api/v1/submission.rb)."""

_PLAIN = len("2026-11-20T09:00:00Z")
"""How long a moment is as Canvas writes it."""

Observed = tuple[str, ObservationReading]


class Reader:
    """Reads the streams of one course; entries of columns that are not among ``keys`` are passed over."""

    def __init__(
        self,
        session: CanvasSession,
        keys: frozenset[str],
        malformed: Counter[str],
        memory: ProgressMemory,
        now: datetime,
    ) -> None:
        self._session = session
        self._memory = memory
        self._now = now
        self._keys = keys
        self._malformed = malformed

    def submissions(self, since: datetime | None, place: str | None) -> Iterator[EvidencePage]:
        """Everything; or what was graded ``since``, then what was handed in since.

        ``place``: the pass, and the address it goes on at. An empty address begins the pass.
        """
        passes = ["all"] if since is None else ["graded", "submitted"]
        begun, _, address = (place or "").partition(" ")
        for index, one in enumerate(passes):
            if begun in passes[index + 1 :]:
                continue
            url = address if begun == one and address else self._submissions_url(one, since)
            following = f"{passes[index + 1]} " if index + 1 < len(passes) else None
            for page in self._session.iter_pages(url, SUBMISSIONS):
                rows = rows_of(page.body)
                observed = self._observed_one(rows, canvas_rows.submission_observation)
                after = following if page.following is None else f"{one} {page.following}"
                yield EvidencePage(observed, after, _newest(rows))

    def _submissions_url(self, one: str, since: datetime | None) -> str:
        parameters: dict[str, object] = {"student_ids": ["all"], "exclude_response_fields": UNWANTED}
        if since is not None:
            moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            parameters |= {f"{one}_since": moment} | ({"order": "graded_at"} if one == "graded" else {})
        return self._session.course_url("/students/submissions", per_page=PER_PAGE, **parameters)

    def totals(self, place: str | None) -> Iterator[EvidencePage]:
        """The total of each learner, also of who left; somebody in two sections has one."""
        seen: set[str] = set()
        course = self._session.get(self._session.course_url(), COURSE).body
        is_hidden = isinstance(course, dict) and course.get("hide_final_grades") is True
        read = canvas_rows.hidden_total if is_hidden else canvas_rows.total_observation
        url = place or self._session.course_url(
            "/enrollments",
            type=["StudentEnrollment"],
            state=["active", "inactive", "completed", "invited"],
            per_page=PER_PAGE,
        )
        for page in self._session.iter_pages(url, ENROLLMENTS):
            fresh = []
            for one in self._observed_one(rows_of(page.body), read):
                if one[1].external_id not in seen:
                    seen.add(str(one[1].external_id))
                    fresh.append(one)
            yield EvidencePage(tuple(fresh), page.following)

    def outcomes(self, place: str | None) -> Iterator[EvidencePage]:
        """The rolled-up score of each learner in each outcome."""
        scales: dict[str, tuple[Decimal | None, Decimal | None]] = {}
        for row in iter_outcomes(self._session, self._malformed):
            try:
                scales[canvas_rows.number_name(row, "id")] = canvas_rows.outcome_scale(row)
            except MalformedRowError:
                self._malformed["column"] += 1
        url = place or self._session.course_url("/outcome_rollups", per_page=PER_PAGE)
        for page in self._session.iter_pages(url, OUTCOME_ROLLUPS):
            rows = rows_of(page.body, "rollups")
            observed = self._observed(rows, lambda row: canvas_rows.rollup_observations(row, scales))
            yield EvidencePage(observed, page.following)

    def modules(self, place: str | None) -> Iterator[EvidencePage]:
        """Which modules each learner completed.

        Canvas tells all learners' progress in the whole course by the hundred, and the modules of one learner at a
        time; so only who has done some of the course, not all of it, and more than at the last reading, costs a call.
        """
        url = place or self._session.course_url("/bulk_user_progress", per_page=PER_PAGE)
        for page in self._session.iter_pages(url, PROGRESS):
            yield EvidencePage(self._observed(rows_of(page.body), self._progress), page.following)

    def _progress(self, row: Row) -> list[Observed]:
        user, progress = canvas_rows.number_name(row, "id"), row.get("progress")
        if not isinstance(progress, dict):
            raise MalformedRowError("progress")
        at, done = canvas_rows.moment(progress, "completed_at"), progress.get("requirement_completed_count")
        if at is not None or done == 0:
            return [(key, canvas_rows.module_reading(user, at, is_done=at is not None)) for key in sorted(self._keys)]
        place, counts = (*self._session.place, user), (done, progress.get("requirement_count"))
        known = self._memory.find(place, counts, self._now)
        if known is not None:
            completed = dict(known.completed)
        else:
            completed = self._completed(user)
            self._memory.keep(place, Progress(counts, tuple(completed.items()), self._now))
        return [
            (key, canvas_rows.module_reading(user, completed.get(key), is_done=key in completed))
            for key in sorted(self._keys)
        ]

    def _completed(self, user: str) -> dict[str, datetime | None]:
        """Ask for one learner's modules; returns those completed, with when."""
        url = self._session.course_url("/modules", student_id=user, per_page=PER_PAGE)
        rows = [row for page in self._session.iter_pages(url, MODULES) for row in rows_of(page.body)]
        return {
            f"module:{canvas_rows.number_name(row, 'id')}": canvas_rows.moment(row, "completed_at")
            for row in rows
            if row.get("state") == "completed"
        }

    def _observed(self, rows: list[Row], read: Callable[[Row], list[Observed]]) -> tuple[Observed, ...]:
        found: list[Observed] = []
        for row in rows:
            try:
                found.extend(one for one in read(row) if one[0] in self._keys)
            except MalformedRowError:
                self._malformed["observation"] += 1
        return tuple(found)

    def _observed_one(self, rows: list[Row], read: Callable[[Row], Observed | None]) -> tuple[Observed, ...]:
        """The same where an entry tells of one column."""
        found: list[Observed] = []
        for row in rows:
            try:
                one = read(row)
            except MalformedRowError:
                self._malformed["observation"] += 1
                continue
            if one is not None and one[0] in self._keys:
                found.append(one)
        return tuple(found)


def _newest(rows: list[Row]) -> datetime | None:
    texts = {text for row in rows for key in ("graded_at", "submitted_at") if isinstance(text := row.get(key), str)}
    if texts and all(len(text) == _PLAIN and text[-1] == "Z" for text in texts):  # then the last one is the latest
        latest = canvas_rows.moment({"at": max(texts)}, "at")
        if latest is not None:
            return latest
    moments = [canvas_rows.moment({"at": text}, "at") for text in texts]
    return max((one for one in moments if one is not None), default=None)
