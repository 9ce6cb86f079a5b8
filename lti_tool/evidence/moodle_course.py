"""One Moodle course as one token sees it: its columns, and what each person's rows say."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from lti_tool.errors import ServiceRefusedError
from lti_tool.evidence.base import ColumnReading, EvidenceStream, ObservationReading
from lti_tool.evidence.moodle_client import (
    ACTIVITIES,
    CONTENTS,
    COURSE_COMPLETION,
    GRADES,
    NOT_ALLOWED,
    MoodleAnswerError,
    MoodleClient,
)
from lti_tool.evidence.moodle_people import MoodlePeople
from lti_tool.evidence.moodle_rows import (
    COURSE_KEY,
    RowError,
    completion_reading,
    course_column,
    course_reading,
    item_column,
    item_key,
    item_reading,
    module_column,
    module_key,
    whole,
    withheld_reading,
)
from lti_tool.models import Context

GRADE_STREAM, ACTIVITY_STREAM, COURSE_STREAM = "grades", "activities", "course"

_NO_CRITERIA = {"nocriteriaset", "completionnotenabled", "cannotviewreport"}
_NO_LEARNER = {
    "usernotenroled", "notenroled", "nottracked", "notingroup", "accessdenied",
    "invaliduser", "userdeleted", "suspended", "usernotconfirmed",
    "",  # of somebody whose completion is not tracked Moodle 4.5 knows no activities, and breaks off without a code
}  # fmt: skip
"""What Moodle says of one person of whom it tells nothing: no learner (any more)."""

Row = dict[str, object]
Found = list[tuple[str, ObservationReading]]
S = TypeVar("S")
T = TypeVar("T")


class MoodleCourse:
    """Reads one course; what cannot be read is left out and counted in ``malformed``.

    Raises what ``MoodleClient.call`` raises, and ``ServiceRefusedError`` (``platform_not_found``) where the context's
    id is no course's.
    """

    def __init__(self, client: MoodleClient, context: Context, malformed: Counter[str]) -> None:
        if not context.platform_id.isdecimal():
            raise ServiceRefusedError("The course's id is none of Moodle's.", code="platform_not_found")
        self._client, self._malformed = client, malformed
        self._id, self._line_items_url = context.platform_id, context.line_items_url

    # -- columns ------------------------------------------------------------------------------------------------------

    def grade_columns(self, own_user_id: str) -> list[ColumnReading]:
        """Return the grade items as the report of the token's own account lists them.

        It need not be enrolled, and lists every item, since no condition of access applies to it.
        """
        rows = self._grades(own_user_id)
        items = _rows(rows[0], "gradeitems") if rows else []
        return self._all(
            "grade_item", lambda item: item_column(item[1], item[0], self._line_items_url), enumerate(items)
        )

    def activity_columns(self, position: int) -> list[ColumnReading]:
        """Return the activities whose completion is tracked, in the order of the course."""
        asked = {"courseid": self._id, "options[0][name]": "excludecontents", "options[0][value]": "1"}
        sections = self._client.call(CONTENTS, asked)
        if not isinstance(sections, list):
            raise self._client.malformed()
        modules = [row for section in sections if isinstance(section, dict) for row in _rows(section, "modules")]
        tracked = [row for row in modules if row.get("completion", 1) != 0]  # older sites do not tell
        return self._all("module", lambda item: module_column(item[1], position + item[0]), enumerate(tracked))

    def course_columns(self, position: int, *, probes: int) -> list[ColumnReading]:
        """Return the completion of the course if it has conditions, which only an answer about a learner tells.

        An account that may not see it is no reason to leave the grades unread.
        """
        for person in self.people()[:probes]:
            try:
                self._about(COURSE_COMPLETION, person)
            except MoodleAnswerError as error:
                if error.errorcode in _NO_CRITERIA or error.code == NOT_ALLOWED:
                    return []
                if error.errorcode not in _NO_LEARNER:
                    raise
            else:
                return [course_column(position)]
        return []

    # -- people -------------------------------------------------------------------------------------------------------

    def people(self) -> list[int]:
        """Return the ids of everybody enrolled, ascending."""
        return MoodlePeople(self._client, self._id).ids()

    def grades_at_once(self, stream: EvidenceStream, people: Sequence[int]) -> Found:
        """Return everybody's grades from one answer, and one by one those whom it leaves out (other groups, staff)."""
        found: Found = []
        listed: set[int] = set()
        for row in self._grades("0"):
            person = self._all("grade", lambda one: whole(one, "userid"), [row])
            if person:
                listed.update(person)
                found += self._grade_readings(stream, str(person[0]), row)
        return found + [one for person in people if person not in listed for one in self.readings(stream, person)]

    def readings(self, stream: EvidenceStream, person: int) -> Found:
        """Return what a stream says about one person; nothing about who is no learner (any more)."""
        try:
            if stream.key == GRADE_STREAM:
                rows = self._grades(str(person))
                return self._grade_readings(stream, str(person), rows[0]) if rows else []
            if stream.key == ACTIVITY_STREAM:
                return self._activity_readings(stream, str(person), self._about(ACTIVITIES, person))
            body = self._about(COURSE_COMPLETION, person)
        except MoodleAnswerError as error:
            if error.errorcode in _NO_LEARNER:
                return []
            raise
        readings = self._all("completion", lambda one: course_reading(str(person), one), [body])
        return [(COURSE_KEY, one) for one in readings]

    def _grade_readings(self, stream: EvidenceStream, person: str, row: Row) -> Found:
        """One observation for each column, since an item that is left out of a person's list is withheld."""
        listed: dict[str, ObservationReading | None] = {}
        for item in _rows(row, "gradeitems"):
            for key in self._all("grade", item_key, [item]):
                readings = self._all("grade", lambda one: item_reading(person, one), [item])
                listed[key] = readings[0] if readings else None
        found = [(key, listed.get(key, withheld_reading(person))) for key in stream.column_keys]
        return [(key, reading) for key, reading in found if reading is not None]

    def _activity_readings(self, stream: EvidenceStream, person: str, body: Row) -> Found:
        wanted = set(stream.column_keys)
        pairs = self._all(
            "completion",
            lambda one: (module_key(one, "cmid"), completion_reading(person, one)),
            _rows(body, "statuses"),
        )
        return [(key, reading) for key, reading in pairs if key in wanted]

    # -- answers ------------------------------------------------------------------------------------------------------

    def _grades(self, user_id: str) -> list[Row]:
        body = self._client.call(GRADES, {"courseid": self._id, "userid": user_id})
        if not isinstance(body, dict) or not isinstance(body.get("usergrades"), list):
            raise self._client.malformed()
        return _rows(body, "usergrades")

    def _about(self, function: str, person: int) -> Row:
        body = self._client.call(function, {"courseid": self._id, "userid": str(person)})
        if not isinstance(body, dict):
            raise self._client.malformed()
        return body

    def _all(self, kind: str, read: Callable[[S], T], rows: Iterable[S]) -> list[T]:
        """Read rows, leaving out and counting those of another shape."""
        found: list[T] = []
        for row in rows:
            try:
                found.append(read(row))
            except RowError:
                self._malformed[kind] += 1
        return found


def _rows(body: Row, name: str) -> list[Row]:
    listed = body.get(name)
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
