"""The courses of the sweep's institution: of any size, the same each time, made of three numbers and nothing stored.

What somebody has in a column follows from (course, learner, column), unless it was changed. Shapes: Canvas as in its
vendor documents on submissions, assignments and enrolments; Moodle as in the vendor code of its user report (4.5);
AGS 2.0 and NRPS 2.0. They are written as text at once: the server must not be what a reading waits for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

BEGINNING = datetime(2025, 9, 1, 6, tzinfo=UTC)
DAYS = 90
_DATES = [(BEGINNING + timedelta(days=day)).strftime("%Y-%m-%d") for day in range(DAYS)]
_MOST_LEARNERS, _MOST_COLUMNS = 10**6, 10**3
SERVICE_ACCOUNT = 2
"""Moodle's user whose token it is."""
_CLAIM = "https://purl.imsglobal.org/spec/lti/claim"
_ROLES = (
    '["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Student",'
    '"http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"]'
)


_SUBMITTED = '"online_text_entry"'


class Work(NamedTuple):
    """What somebody has in a column: Canvas's words; ``moment`` is when it was graded or handed in, ISO 8601."""

    state: str
    score: float | None
    moment: str | None


_STATES = ("graded",) * 82 + ("unsubmitted",) * 6 + ("excused",) * 3 + ("missing",) * 3 + ("submitted",) * 3
_STATES += ("hidden",) * (100 - len(_STATES))


@dataclass(frozen=True, slots=True)
class Course:
    """A course of so many learners and columns; all of it is in its ``name``, a number as Canvas and Moodle have it."""

    number: int
    learners: int
    columns: int

    @classmethod
    def named(cls, name: str) -> "Course":
        """Return the course of that name; raises ``ValueError``."""
        rest, columns = divmod(int(name), _MOST_COLUMNS)
        number, learners = divmod(rest, _MOST_LEARNERS)
        return cls(number, learners, columns)

    @property
    def name(self) -> str:
        """What the platform calls it."""
        return str((self.number * _MOST_LEARNERS + self.learners) * _MOST_COLUMNS + self.columns)

    def user(self, learner: int) -> int:
        """A learner's number on the platform."""
        return self.number * _MOST_LEARNERS + learner + 1

    def learner(self, user: int) -> int:
        """Who has that number; raises ``ValueError``."""
        learner = user - self.number * _MOST_LEARNERS - 1
        if not 0 <= learner < self.learners:
            raise ValueError("no such learner")
        return learner

    def sub(self, learner: int) -> str:
        """What LTI calls a learner, where that is not the platform's number."""
        return f"{self.number:08d}-5a0e-4c7e-9a36-{learner:012d}"

    def column(self, index: int) -> int:
        """A column's number on the platform."""
        return self.number * _MOST_COLUMNS + index + 1


@dataclass(slots=True)
class Gradebook:
    """What everybody has; ``changes`` by course number, learner and column."""

    changes: dict[tuple[int, int, int], Work] = field(default_factory=dict)

    def change(self, course: Course, learner: int, column: int, score: float, now: datetime) -> None:
        """Grade anew."""
        moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.changes[course.number, learner, column] = Work("graded", score, moment)

    def work(self, course: Course, learner: int, column: int) -> Work:
        """What somebody has in a column."""
        changed = self.changes.get((course.number, learner, column))
        if changed is not None:
            return changed
        mixed = ((course.number * 1000003 + learner) * 999983 + column * 7919) * 2654435761 & 0xFFFFFFFFFFFF
        state = _STATES[(mixed >> 8) % 100]
        if state in {"unsubmitted", "missing"}:
            return Work(state, None, None)
        seconds = (mixed >> 16) % (DAYS * 86400)
        day, second = divmod(seconds, 86400)
        moment = f"{_DATES[day]}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
        return Work(state, (mixed >> 20) % 1001 / 10 if state in {"graded", "hidden"} else None, moment)

    def changed_since(self, course: Course, since: str, *, graded: bool) -> list[int]:
        """Return the places (``learner * columns + column``) of what was graded, or handed in, later than that."""
        found = []
        for place in range(course.learners * course.columns):
            work = self.work(course, *divmod(place, course.columns))
            is_asked = work.score is not None if graded else work.state != "excused"
            if is_asked and work.moment is not None and work.moment > since:
                found.append(place)
        return found


# -- LTI --------------------------------------------------------------------------------------------------------------


def member(course: Course, learner: int, profile: str) -> str:
    """An entry of a roster, as rich as platforms make it; Canvas's also tells its own number."""
    sub = str(course.user(learner)) if profile == "moodle" else course.sub(learner)
    message = ""
    if profile == "canvas":
        message = (
            f',"message":[{{"{_CLAIM}/message_type":"LtiResourceLinkRequest","locale":"en","{_CLAIM}/custom":'
            f'{{"canvas_user_id":{course.user(learner)},"canvas_course_id":{course.name},"canvas_api_domain":'
            f'"lms.example.org","canvas_section_ids":"{course.column(0)}","context_history":"$Context.id.history",'
            f'"course_starts_at":"2025-09-01T00:00:00Z","course_ends_at":"2025-12-20T00:00:00Z"}},'
            f'"https://purl.imsglobal.org/spec/lti/claim/lti1p1":{{"user_id":"{sub}"}}}}]'
        )
    return (
        f'{{"status":"Active","name":"Ada Learner {learner}","picture":"https://lms.example.org/images/{learner}.png",'
        f'"given_name":"Ada","family_name":"Learner {learner}",'
        f'"email":"learner{course.user(learner)}@lakeside.example",'
        f'"lis_person_sourcedid":"s{course.user(learner)}","user_id":"{sub}","roles":{_ROLES}{message}}}'
    )


def line_item(course: Course, column: int, address: str) -> str:
    """A column of this tool (AGS 2.0)."""
    return (
        f'{{"id":"{address}/lti/{course.name}/lineitems/{column}/lineitem?type_id=3","label":"Assignment {column + 1}",'
        f'"scoreMaximum":100,"resourceId":"r{column}","tag":"work"}}'
    )


def result(course: Course, learner: int, column: int, work: Work, address: str) -> str:
    """What AGS 2.0 says about somebody: a score or none."""
    item = f"{address}/lti/{course.name}/lineitems/{column}/lineitem"
    score = f'"resultScore":{work.score},' if work.state == "graded" else ""
    return (
        f'{{"id":"{item}/results/{course.user(learner)}","scoreOf":"{item}?type_id=3","userId":"{course.sub(learner)}",'
        f'{score}"resultMaximum":100,"comment":""}}'
    )


# -- Canvas -----------------------------------------------------------------------------------------------------------


def assignment(course: Course, column: int) -> str:
    """An assignment of 100 points."""
    number = course.column(column)
    return (
        f'{{"id":{number},"name":"Assignment {column + 1}","description":"<p>What to do, and by when.</p>",'
        f'"points_possible":100.0,"grading_type":"points","grading_standard_id":null,"published":true,"muted":false,'
        f'"position":{column + 1},"anonymize_students":false,"omit_from_final_grade":false,"course_id":{course.name},'
        f'"submission_types":["online_text_entry"],"due_at":null,"workflow_state":"published",'
        f'"lti_context_id":"a0000000-0000-4000-8000-{number:012d}"}}'
    )


def submission(course: Course, learner: int, column: int, work: Work) -> str:
    """A submission without what people handed in."""
    state, score, moment = work
    has_grade = state in {"graded", "hidden"}
    at = f'"{moment}"' if moment else "null"
    graded_at = at if has_grade else "null"
    number = "null" if score is None else str(score)
    grade = "null" if score is None else f'"{score}"'
    workflow = "graded" if state in {"graded", "hidden", "excused"} else "submitted" if moment else "unsubmitted"
    assigned, user = course.column(column), course.user(learner)
    return (
        f'{{"id":{course.number * 10**9 + learner * course.columns + column + 1},"assignment_id":{assigned},'
        f'"user_id":{user},"workflow_state":"{workflow}","score":{number},"grade":{grade},"entered_score":{number},'
        f'"entered_grade":{grade},"grade_matches_current_submission":true,"submitted_at":{at},"graded_at":{graded_at},'
        f'"posted_at":{at if state == "graded" else "null"},"grader_id":{"77001" if has_grade else "null"},'
        f'"attempt":{1 if moment else "null"},"late":false,"missing":{"true" if state == "missing" else "false"},'
        f'"excused":{"true" if state == "excused" else "false"},"late_policy_status":null,"points_deducted":null,'
        f'"seconds_late":0,"submission_type":{_SUBMITTED if moment else "null"},'
        f'"cached_due_date":"2025-12-20T22:59:59Z","extra_attempts":null,"redo_request":false,"sticker":null,'
        f'"custom_grade_status_id":null,"grading_period_id":null,"anonymous_id":"aB3xY","proxy_submitter_id":null,'
        f'"proxy_submitter":null,"turnitin_data":{{}},"has_originality_report":false,"assignment_visible":true}}'
    )


def enrollment(course: Course, learner: int) -> str:
    """A student's enrolment with the course's total."""
    user, score = course.user(learner), 50 + learner * 7919 % 500 / 10
    grades = f'"current_score":{score},"current_grade":null,"final_score":{score - 10:.1f},"final_grade":null'
    return (
        f'{{"id":{user + 5 * 10**8},"user_id":{user},"course_id":{course.name},"type":"StudentEnrollment",'
        f'"created_at":"2025-08-20T08:00:00Z","updated_at":"2025-08-20T08:00:00Z","associated_user_id":null,'
        f'"start_at":null,"end_at":null,"course_section_id":{course.column(0)},"root_account_id":1,'
        f'"limit_privileges_to_course_section":false,"enrollment_state":"active","role":"StudentEnrollment",'
        f'"role_id":3,"last_activity_at":"2025-11-20T08:00:00Z","total_activity_time":12345,"sis_user_id":"s{user}",'
        f'"html_url":"https://lms.example.org/courses/1/users/{user}","grades":{{"html_url":'
        f'"https://lms.example.org/courses/1/grades/{user}",{grades}}},"user":{{"id":{user},'
        f'"name":"Ada Learner {learner}","sortable_name":"Learner {learner}, Ada","short_name":"Ada"}}}}'
    )


# -- Moodle -----------------------------------------------------------------------------------------------------------


def report(course: Course, user: int, works: Iterable[Work]) -> str:
    """Somebody's user report: every grade item with what they have in it."""
    rows = ",".join(_grade_item(course, column, work) for column, work in enumerate(works))
    return (
        f'{{"courseid":{course.name},"courseidnumber":"","userid":{user},"userfullname":"Ada Learner {user}",'
        f'"useridnumber":"","maxdepth":2,"gradeitems":[{rows}]}}'
    )


def _grade_item(course: Course, column: int, work: Work) -> str:
    score = "null" if work.score is None or work.state == "hidden" else str(work.score)
    at = "null"
    if work.moment is not None:
        at = str(int(datetime.fromisoformat(work.moment).timestamp()))
    shown = "-" if score == "null" else f"{work.score:.2f}"
    return (
        f'{{"id":{course.column(column)},"itemname":"Assignment {column + 1}","itemtype":"mod","itemmodule":"assign",'
        f'"iteminstance":{course.column(column)},"itemnumber":0,"idnumber":"","categoryid":1,"outcomeid":null,'
        f'"scaleid":null,"locked":false,"cmid":{course.column(column)},"weightraw":0.25,"weightformatted":"25.00 %",'
        f'"status":"{"excluded" if work.state == "excused" else "novalue"}","graderaw":{score},'
        f'"gradehiddenbydate":false,"gradeneedsupdate":false,'
        f'"gradeishidden":{"true" if work.state == "hidden" else "false"},"gradedatesubmitted":{at},'
        f'"gradedategraded":{at if score != "null" else "null"},"gradeislocked":false,"gradeisoverridden":false,'
        f'"gradeformatted":"{shown}","grademin":0,"grademax":100,"rangeformatted":"0&ndash;100",'
        f'"percentageformatted":"{shown} %","feedback":"","feedbackformat":1}}'
    )
