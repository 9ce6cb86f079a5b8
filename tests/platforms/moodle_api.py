"""A Moodle site's web services, stricter than life: parameters are checked to the letter, and so is who asks for what.

Grounds: shapes, errors and what a report leaves out are *vendor code* (Moodle 4.5: webservice/lib.php, webservice/rest,
grade/report/user, completion/classes/external.php, enrol and course/externallib.php); that an id in it is the ``sub``
of LTI, and the fields of a grade item, are *captured* on Moodle 4.5.6. Mishaps say their own ground. What it is asked
is counted in ``counts`` and listed in ``calls``.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

from platforms.moodle_reports import Account, Grade, Item, Module, MoodleCourse, item_row, report_leaves_out
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

SITE_INFO = "core_webservice_get_site_info"
GRADES = "gradereport_user_get_grade_items"
ENROLLED = "core_enrol_get_enrolled_users"
CONTENTS = "core_course_get_contents"
ACTIVITIES = "core_completion_get_activities_completion_status"
COURSE_COMPLETION = "core_completion_get_course_completion_status"
FUNCTIONS = (SITE_INFO, GRADES, ENROLLED, CONTENTS, ACTIVITIES, COURSE_COMPLETION)

MAINTENANCE = "<!DOCTYPE html><html><head><title>Site maintenance</title></head><body>{1} [2]</body></html>"
"""Vendor code: what every script of a site answers while its files are upgraded."""
NOTICE = "<br />\n<b>Notice</b>:  Undefined index: foo[0] {} in <b>/var/www/moodle/local/x/lib.php</b>\n"
"""Other tools' code: clients of Moodle skip what careless plugins print in front of the answer."""


class MoodleError(Exception):
    """An exception of Moodle's own."""

    def __init__(self, errorcode: str | None, exception: str = "moodle_exception") -> None:
        super().__init__(errorcode)
        self.errorcode, self.exception = errorcode, exception


class MoodleApi:
    """The site; a WSGI application and a context manager. ``service`` is the account the token belongs to."""

    def __init__(self) -> None:
        self.token = "5ec0ffee5ec0ffee5ec0ffee5ec0ffee"
        self.service = Account(2, "ws", is_learner=False)
        self.functions = list(FUNCTIONS)
        self.courses: dict[int, MoodleCourse] = {}
        self.sees_hidden = True
        """The account may see hidden grades."""
        self.shows_range = True
        """The course's user report shows ranges."""
        self.group: set[int] | None = None
        """Whom a report of everybody lists, where the account is in a group of its own; ``None``: everybody."""
        self.refused_courses: dict[int, str] = {}
        self.refused: dict[str, str] = {}
        """Functions that the account may not use in the course, with Moodle's code for it."""
        self.off_status: int | None = None
        """Web services are switched off: 403 and nothing (newer sites) or 200 and nothing."""
        self.is_service_disabled = False
        self.prefix = ""
        self.ignores_limits = False
        self.counts: Counter[str] = Counter()
        self.calls: list[dict[str, str]] = []
        self.leaks: list[str] = []
        """Addresses that named the token."""
        self.before: dict[int, Callable[[], None]] = {}
        """What happens right before the call of that number, from 1."""
        self._mishaps: list[Response] = []

    # -- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_QuietHandler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # -- what there is ------------------------------------------------------------------------------------------------

    def add_course(self, course_id: int = 2) -> MoodleCourse:
        """Add an empty course."""
        return self.courses.setdefault(course_id, MoodleCourse())

    def enrol(self, user_id: int, course_id: int = 2, **more: Any) -> Account:
        """Enrol somebody."""
        account = Account(user_id, f"Person {user_id}", **more)
        return self.add_course(course_id).people.setdefault(user_id, account)

    def add_item(self, item_id: int, course_id: int = 2, **more: Any) -> Item:
        """Add a grade item."""
        item = Item(item_id, **more)
        self.add_course(course_id).items[item_id] = item
        return item

    def grade(self, item_id: int, user_id: int, value: float | None, course_id: int = 2, **more: Any) -> Grade:
        """Set a grade; ``None`` is a row without one."""
        found = self.add_course(course_id).grades[item_id, user_id] = Grade(value, **more)
        return found

    def add_module(self, cmid: int, name: str, course_id: int = 2, **more: Any) -> Module:
        """Add an activity whose completion is tracked."""
        module = self.add_course(course_id).modules[cmid] = Module(cmid, name, **more)
        return module

    # -- mishaps ------------------------------------------------------------------------------------------------------

    def answer_next(self, body: str, status: int = 200, **headers: str) -> None:
        """Answer the next call with this, as it is."""
        self._mishaps.append(Response(body, status, headers, mimetype="text/html"))

    def revoke_token(self) -> None:
        """Somebody deletes the token under *Manage tokens*."""
        self.token = "0" * 32

    # -- answering ----------------------------------------------------------------------------------------------------

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if "token" in request.query_string.decode():
            self.leaks.append(request.url)
        self.calls.append(request.form.to_dict())
        happening = self.before.pop(len(self.calls), None)
        if happening is not None:
            happening()
        if self._mishaps:
            return self._mishaps.pop(0)
        if request.path != "/webservice/rest/server.php":
            return Response("Not found", 404)
        if self.off_status is not None:
            return Response("", self.off_status)
        try:
            body = self._called(request.form.to_dict())
        except MoodleError as error:
            body = {"exception": error.exception, "errorcode": error.errorcode, "message": "secret detail"}
        return Response(self.prefix + json.dumps(body), mimetype="application/json")

    def _called(self, form: dict[str, str]) -> Any:
        if form.pop("moodlewsrestformat", None) != "json":
            raise AssertionError("XML was asked for")
        if form.pop("wstoken", None) != self.token:
            raise MoodleError("invalidtoken")
        name = form.pop("wsfunction", "")
        if self.service.is_suspended or self.is_service_disabled or name not in self.functions:
            raise MoodleError("accessexception", "webservice_access_exception")
        self.counts[name] += 1
        if name in self.refused:
            raise MoodleError(self.refused[name], "required_capability_exception")
        answers = {
            SITE_INFO: self._site_info,
            GRADES: self._grades,
            ENROLLED: self._enrolled,
            CONTENTS: self._contents,
            ACTIVITIES: self._activities,
            COURSE_COMPLETION: self._course_completion,
        }
        return answers[name](form)

    def _site_info(self, form: dict[str, str]) -> dict[str, Any]:
        _only(form)
        return {
            "sitename": "Lab <Moodle>", "siteurl": self.base_url, "username": self.service.name,
            "firstname": "Web", "lastname": "Service", "fullname": "Web Service", "lang": "en",
            "userid": self.service.user_id, "userpictureurl": "", "release": "4.5.6 (Build: 20250811)",
            "version": "2024100706", "functions": [{"name": name, "version": "2024100706"} for name in self.functions],
        }  # fmt: skip

    def _course(self, form: dict[str, str]) -> tuple[int, MoodleCourse]:
        number = _whole(form, "courseid")
        if number not in self.courses:
            raise MoodleError("invalidrecord", "dml_missing_record_exception")
        if number in self.refused_courses:
            raise MoodleError(self.refused_courses[number])
        return number, self.courses[number]

    def _person(self, course: MoodleCourse, user_id: int) -> Account:
        account = self.service if user_id == self.service.user_id else course.people.get(user_id)
        if account is None:
            raise MoodleError("invaliduser", "moodle_exception")
        if account.is_suspended:
            raise MoodleError("suspended")
        return account

    def _grades(self, form: dict[str, str]) -> dict[str, Any]:
        _only(form, "courseid", "userid", "groupid")
        number, course = self._course(form)
        asked = _whole(form, "userid", 0)
        if asked:
            accounts = [self._person(course, asked)]
        else:
            everybody = [one for one in course.people.values() if one.is_learner and not one.has_left]
            accounts = [one for one in everybody if self.group is None or one.user_id in self.group]
        return {"usergrades": [self._report(number, course, account) for account in accounts], "warnings": []}

    def _report(self, number: int, course: MoodleCourse, account: Account) -> dict[str, Any]:
        rows = []
        for item in course.items.values():
            grade = course.grades.get((item.item_id, account.user_id), Grade(None))
            is_own = account is self.service
            if not is_own and report_leaves_out(item, grade, account.user_id, sees_hidden=self.sees_hidden):
                continue
            rows.append(item_row(item, grade, sees_hidden=self.sees_hidden, shows_range=self.shows_range))
        return {
            "courseid": number, "courseidnumber": "", "userid": account.user_id, "userfullname": account.name,
            "useridnumber": "", "maxdepth": 2, "gradeitems": rows,
        }  # fmt: skip

    def _enrolled(self, form: dict[str, str]) -> list[dict[str, Any]]:
        options: dict[str, str] = {}
        for index in range((len(form) - 1) // 2):
            options[form.pop(f"options[{index}][name]")] = form.pop(f"options[{index}][value]")
        _only(form, "courseid")
        _only(options, "userfields", "sortby", "limitfrom", "limitnumber")
        if options.get("userfields") != "id" or options.get("sortby") != "id":
            raise AssertionError("more was asked for than ids, or in another order")
        _, course = self._course(form)
        ids = sorted(course.people)
        first = 0 if self.ignores_limits else int(options["limitfrom"])
        return [{"id": one} for one in ids[first : first + int(options["limitnumber"])]]

    def _contents(self, form: dict[str, str]) -> list[dict[str, Any]]:
        _only(form, "courseid", "options[0][name]", "options[0][value]")
        _, course = self._course(form)
        modules = [
            {"id": one.cmid, "name": one.name, "instance": one.cmid + 900, "modname": one.modname, "visible": 1,
             "uservisible": True, "completion": one.tracking}
            for one in course.modules.values()
        ]  # fmt: skip
        return [{"id": 1, "name": "General", "modules": []}, {"id": 2, "name": "Topic 1", "modules": modules}]

    def _activities(self, form: dict[str, str]) -> dict[str, Any]:
        _only(form, "courseid", "userid")
        _, course = self._course(form)
        account = self._person(course, _whole(form, "userid"))
        if not account.is_learner or account.has_left:
            raise MoodleError(None, "TypeError")
        statuses = []
        for one in course.modules.values():
            if one.tracking:
                state, at = course.completions.get((one.cmid, account.user_id), (0, 0))
                statuses.append(
                    {"cmid": one.cmid, "modname": one.modname, "instance": one.cmid + 900, "state": state,
                     "timecompleted": at, "tracking": one.tracking, "overrideby": None}
                )  # fmt: skip
        return {"statuses": statuses, "warnings": []}

    def _course_completion(self, form: dict[str, str]) -> dict[str, Any]:
        _only(form, "courseid", "userid")
        _, course = self._course(form)
        account = self._person(course, _whole(form, "userid"))
        if not account.is_learner or account.has_left:
            raise MoodleError("usernotenroled")
        if not course.has_criteria:
            raise MoodleError("nocriteriaset")
        at = course.completed.get(account.user_id)
        criterion = {
            "type": 4, "title": "Activity completion", "status": "Yes" if at else "No", "complete": at is not None,
            "timecompleted": at, "details": {"type": "", "criteria": "", "requirement": "", "status": ""},
        }  # fmt: skip
        status = {"completed": at is not None, "aggregation": 1, "completions": [criterion]}
        return {"completionstatus": status, "warnings": []}


def _only(form: dict[str, str], *names: str) -> None:
    """Refuse parameters that the function does not know."""
    if not form.keys() <= set(names):
        raise MoodleError("invalidparameter", "invalid_parameter_exception")


def _whole(form: dict[str, str], name: str, default: int | None = None) -> int:
    value = form.get(name)
    if value is None and default is not None:
        return default
    if value is None or not value.isdecimal():
        raise MoodleError("invalidparameter", "invalid_parameter_exception")
    return int(value)


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, *_: object, **__: object) -> None:
        """Say nothing."""
