"""What each endpoint of the strict Canvas answers about its one course.

Ground: vendor documents of the endpoints (developerdocs.instructure.com, read in November 2026); where the code decides
more than the document says, vendor code (canvas-lms) is named.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from platforms.canvas_course import CanvasCourse, Enrollment, Module, moment
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

_COURSE = "/api/v1/courses/<course>"
ROUTES = Map(
    [
        Rule("/login/oauth2/auth", endpoint="authorize", methods=["GET"]),
        Rule("/login/oauth2/token", endpoint="token", methods=["POST"]),
        Rule("/login/oauth2/token", endpoint="forget", methods=["DELETE"]),
        Rule("/api/v1/users/<path:user>", endpoint="user", methods=["GET"]),
        Rule(_COURSE, endpoint="course", methods=["GET"]),
        Rule(f"{_COURSE}/grading_standards", endpoint="grading_standards", methods=["GET"]),
        Rule(f"{_COURSE}/assignments", endpoint="assignments", methods=["GET"]),
        Rule(f"{_COURSE}/students/submissions", endpoint="submissions", methods=["GET"]),
        Rule(f"{_COURSE}/enrollments", endpoint="enrollments", methods=["GET"]),
        Rule(f"{_COURSE}/modules", endpoint="modules", methods=["GET"]),
        Rule(f"{_COURSE}/modules/<module>/items", endpoint="module_items", methods=["GET"]),
        Rule(f"{_COURSE}/bulk_user_progress", endpoint="progress", methods=["GET"]),
        Rule(f"{_COURSE}/outcome_group_links", endpoint="outcome_links", methods=["GET"]),
        Rule(f"{_COURSE}/outcome_rollups", endpoint="outcome_rollups", methods=["GET"]),
    ]
)
SCOPES = {
    "user": "url:GET|/api/v1/users/:id",
    "course": "url:GET|/api/v1/courses/:id",
    "grading_standards": "url:GET|/api/v1/courses/:course_id/grading_standards",
    "assignments": "url:GET|/api/v1/courses/:course_id/assignments",
    "submissions": "url:GET|/api/v1/courses/:course_id/students/submissions",
    "enrollments": "url:GET|/api/v1/courses/:course_id/enrollments",
    "modules": "url:GET|/api/v1/courses/:course_id/modules",
    "module_items": "url:GET|/api/v1/courses/:course_id/modules/:module_id/items",
    "progress": "url:GET|/api/v1/courses/:course_id/bulk_user_progress",
    "outcome_links": "url:GET|/api/v1/courses/:course_id/outcome_group_links",
    "outcome_rollups": "url:GET|/api/v1/courses/:course_id/outcome_rollups",
}
SINCE = "%Y-%m-%dT%H:%M:%SZ"
Json = dict[str, Any]


class CourseAnswers:
    """The endpoints; ``CanvasApi`` checks who asks and cuts into pages."""

    course: CanvasCourse

    def scope_of(self, endpoint: str) -> str:
        """The scope that an endpoint needs."""
        return SCOPES[endpoint]

    def entries(self, endpoint: str, request: Request, values: Mapping[str, Any], includes: list[str]) -> Any:
        """All entries of a list, or one document, or a refusal."""
        if endpoint == "modules":
            return self._modules(request, includes)
        if endpoint == "module_items":
            return self._items(self._module(values["module"]))
        if endpoint == "user":
            return self._user(values["user"])
        found: Any = getattr(self, f"_{endpoint}")(request)
        return found

    def _user(self, name: str) -> Any:
        kind, _, sub = name.partition("lti_1_3_id:")
        number = self.course.subs.get(sub) if kind == "" else None
        if number is None:
            return _refusal("The specified resource does not exist.", 404)
        return {"id": number, "name": self.course.names[number]}

    def _course(self, _request: Request) -> Json:
        return {
            "id": self.course.number,
            "name": "Fish",
            "grading_standard_id": self.course.grading_standard_id,
            "hide_final_grades": self.course.hides_totals,
        }

    def _grading_standards(self, _request: Request) -> list[Json]:
        return [
            {"id": number, "title": "Scheme", "grading_scheme": [{"name": one, "value": 0.9} for one in letters]}
            for number, letters in self.course.standards.items()
        ]

    def _assignments(self, _request: Request) -> list[Json]:
        return sorted(self.course.assignments.values(), key=lambda one: one["position"])

    # -- submissions --------------------------------------------------------------------------------------------------

    def _submissions(self, request: Request) -> Any:
        if request.args.getlist("student_ids[]") != ["all"]:
            return _refusal("student_ids", 400)
        since = {}
        for key in ("graded_since", "submitted_since"):
            if key in request.args:
                try:
                    since[key] = _moment(request.args[key])
                except ValueError:
                    return _refusal(f"Invalid datetime for {key}", 400)
        rows = [row for row in self.course.submissions.values() if self._is_listed(row, since)]
        by_graded = request.args.get("order") == "graded_at"
        rows.sort(key=lambda row: (row["graded_at"] or "", row["id"]) if by_graded else ("", row["id"]))
        left_out = set(request.args.getlist("exclude_response_fields[]"))
        return [{key: value for key, value in self._shown(row).items() if key not in left_out} for row in rows]

    def _is_listed(self, row: Json, since: Mapping[str, datetime]) -> bool:
        """Vendor code: only published assignments, and strictly later than asked."""
        if not self.course.assignments[row["assignment_id"]]["published"]:
            return False
        fields = {"graded_since": "graded_at", "submitted_since": "submitted_at"}
        return all(row[fields[key]] is not None and _moment(row[fields[key]]) > at for key, at in since.items())

    def _shown(self, row: Json) -> Json:
        """Vendor document: work that is graded anonymously names nobody."""
        if self.course.assignments[row["assignment_id"]]["anonymize_students"]:
            return {key: value for key, value in row.items() if key != "user_id"} | {"anonymous_id": "aB3xY"}
        return row

    # -- people -------------------------------------------------------------------------------------------------------

    def _enrollments(self, request: Request) -> list[Json]:
        kinds, states = request.args.getlist("type[]"), request.args.getlist("state[]") or ["active", "invited"]
        return [
            self._enrollment(one)
            for one in self.course.enrollments
            if (not kinds or one.kind in kinds) and one.state in states
        ]

    def _enrollment(self, one: Enrollment) -> Json:
        grades = {"current_score": None, "final_score": 0.0, "current_grade": None} | self.course.totals.get(
            one.user_id, {}
        )
        return {
            "id": one.number,
            "user_id": one.user_id,
            "course_section_id": one.section_id,
            "type": one.kind,
            "enrollment_state": one.state,
            "grades": grades,
            "user": {"id": one.user_id, "name": self.course.names[one.user_id]},
        }

    # -- modules ------------------------------------------------------------------------------------------------------

    def _modules(self, request: Request, includes: list[str]) -> list[Json]:
        student = request.args.get("student_id", type=int)
        return [self._shown_module(one, student, includes) for one in self.course.modules]

    def _shown_module(self, module: Module, student: int | None, includes: list[str]) -> Json:
        found: Json = {"id": module.number, "name": module.name, "published": module.is_published}
        if "items" in includes:
            found["items"] = self._items(module)
        if student is not None:
            is_done = self.course.is_completed(student, module)
            found |= {"state": "completed" if is_done else "unlocked"}
            found |= {"completed_at": moment(self.course.now) if is_done and module.required else None}
        return found

    def _items(self, module: Module) -> list[Json]:
        required = [{"id": one, "completion_requirement": {"type": "must_view"}} for one in module.required]
        return required + [{"id": 10**6 + one} for one in range(module.others)]

    def _module(self, number: str) -> Module:
        return next(one for one in self.course.modules if str(one.number) == number)

    def _progress(self, _request: Request) -> Any:
        required = {item for module in self.course.modules for item in module.required}
        if not required:  # vendor code: courses_controller.rb
            words = "No progress available because this course is not module based"
            return _refusal(words, 400)
        return [self._progress_of(user_id, required) for user_id in self.course.student_ids()]

    def _progress_of(self, user_id: int, required: set[int]) -> Json:
        done = len(required & self.course.done.get(user_id, set()))
        return {
            "id": user_id,
            "display_name": self.course.names[user_id],
            "progress": {
                "requirement_count": len(required),
                "requirement_completed_count": done,
                "completed_at": moment(self.course.now) if done == len(required) else None,
            },
        }

    # -- outcomes -----------------------------------------------------------------------------------------------------

    def _outcome_links(self, request: Request) -> list[Json]:
        is_full = request.args.get("outcome_style") == "full"
        found = []
        for one in self.course.outcomes:
            outcome: Json = {"id": one.number, "title": one.title}
            if is_full:
                outcome |= {"points_possible": one.maximum, "mastery_points": one.mastery}
            found += [{"outcome_group": {"id": group}, "outcome": outcome} for group in range(one.groups)]
        return found

    def _outcome_rollups(self, _request: Request) -> list[Json]:
        """Vendor code (outcome_results_controller.rb): pages of learners, each with all outcomes that have a score."""
        return [
            {
                "scores": [
                    {
                        "score": one.scores[user_id],
                        "count": 1,
                        "submitted_at": moment(self.course.now),
                        "links": {"outcome": str(one.number)},
                    }
                    for one in self.course.outcomes
                    if user_id in one.scores
                ],
                "links": {"user": str(user_id), "section": "70", "status": "active"},
            }
            for user_id in self.course.student_ids()
        ]


def _moment(text: str) -> datetime:
    return datetime.strptime(text, SINCE).replace(tzinfo=UTC)


def _refusal(words: str, status: int) -> Response:
    return Response(json.dumps({"errors": [{"message": words}]}), status, content_type="application/json")
