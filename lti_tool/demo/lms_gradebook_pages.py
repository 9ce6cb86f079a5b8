"""The demo LMS's gradebook page: every grade, a form to change one, and the file to take away."""

import csv
import io
from collections.abc import Mapping

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from lti_tool.demo.lms_gradebook import Gradebook
from lti_tool.demo.lms_texts import grade_text, number, text
from lti_tool.demo.lms_visitor import card_of, check_instructor, chosen_locale
from lti_tool.demo.story import COURSE
from lti_tool.demo.story_people import INSTRUCTOR, PEOPLE, find_person
from lti_tool.errors import InvalidInputError, NotFoundError


class GradebookPages:
    """The instructor's pages over one gradebook."""

    def __init__(self, gradebook: Gradebook) -> None:
        self._gradebook = gradebook

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("lms_gradebook", __name__)
        blueprint.before_request(check_instructor)
        blueprint.add_url_rule("/gradebook", "page", self.page)
        blueprint.add_url_rule("/gradebook", "change", self.change, methods=["POST"])
        blueprint.add_url_rule("/gradebook.csv", "file", self.file)
        return blueprint

    def page(self) -> str:
        """Every grade of everybody, the course's own columns among them."""
        saved = self._saved() if "saved" in request.args else None
        return self._render(request.args, saved=saved)

    def change(self) -> BaseResponse | tuple[str, int]:
        """Set one grade; no points: not graded."""
        person, item = request.form.get("person", ""), request.form.get("item", "")
        try:
            self._gradebook.set_score(item, person, request.form.get("points", "").strip() or None)
        except NotFoundError:
            abort(404)
        except InvalidInputError:
            return self._render(request.form, problem="score_invalid"), 422
        return redirect(url_for(".page", person=person, item=item, saved=1), 303)

    def file(self) -> Response:
        """The gradebook as a file."""
        response = make_response(gradebook_csv(self._gradebook))
        response.headers["Content-Type"] = "text/csv; charset=utf-8"
        response.headers["Content-Disposition"] = f'attachment; filename="{COURSE.label}-gradebook.csv"'
        return response

    def _saved(self) -> str:
        locale = chosen_locale()
        try:
            column = self._gradebook.column(request.args.get("item", ""))
            grade = self._gradebook.grade(column.key, request.args.get("person", ""))
        except NotFoundError:
            abort(404)
        person = find_person(grade.person_key)
        name = person.name if person and person.name else text("no_name", locale)
        shown = grade_text(grade.score, column.maximum, locale)
        return text("saved", locale, person=name, item=column.title.of(locale), grade=shown)

    def _render(self, chosen: Mapping[str, str], *, saved: str | None = None, problem: str | None = None) -> str:
        locale = chosen_locale()
        columns = self._gradebook.columns()
        people = [card_of(person, locale) for person in PEOPLE if person.has_grades]
        scores = {
            card.person.key: [self._gradebook.grade(one.key, card.person.key).score for one in columns]
            for card in people
        }
        return render_template(
            "lms/gradebook.html",
            me=card_of(INSTRUCTOR, locale),
            columns=columns,
            people=people,
            scores=scores,
            chosen=chosen,
            saved=saved,
            problem=problem,
        )


def gradebook_csv(gradebook: Gradebook) -> str:
    """Return the gradebook as the large LMSs export it: one row a person, a row of maxima, every column."""
    columns = gradebook.columns()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *(one.title.en for one in columns)])
    writer.writerow(["    Points Possible", "", "", "", "", *(number(one.maximum, "en") for one in columns)])
    for person in PEOPLE:
        if person.kind not in {"learner", "test"}:
            continue
        grades = [gradebook.grade(one.key, person.key).score for one in columns]
        cells = ["EX" if one.state == "excused" else "" if one.points is None else f"{one.points:f}" for one in grades]
        family_first = ", ".join(part for part in (person.family_name, person.given_name) if part)
        writer.writerow([family_first, person.sub, person.sourced_id, person.email or "", COURSE.label, *cells])
    return out.getvalue()
